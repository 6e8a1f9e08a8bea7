"""Cells, water and diffusivity of the tissues of a disc, from its document and the parameter files (transport 1.2, 1.5, 2)."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pulposus.disc._deformation import water_fraction_of_mass
from pulposus.disc._disc import SOLUTES, Metabolism, Tissue, effective_diffusivity
from pulposus.disc._document import DiscDocument, TissueKeys
from pulposus.disc._layout import ANNULUS, TISSUES, Layout
from pulposus.disc._map import DiscMap
from pulposus.disc._mesh import column_points
from pulposus.disc._sheet import Sheet

# The outer zone of the annulus is its outer third (transport 2.1).
_INNER_SHARE = 2.0 / 3.0


class _Part(NamedTuple):
    """A tissue, or a zone of the annulus.

    Attributes:
        name: For people.
        tissue: Name of the tissue whose grade table holds.
        zone: "inner" or "outer" annulus; empty where the annulus is one.
        keys: What the user wrote.
    """

    name: str
    tissue: str
    zone: str
    keys: TissueKeys


def build_tissue(
    document: DiscDocument,
    species: str,
    level: str,
    metabolism: Metabolism,
    arrangement: Layout,
    form: DiscMap,
    sheet: Sheet,
) -> Tissue:
    """Properties of the tissues of a disc.

    Args:
        document: Validated document.
        species, level: Of the library; empty for an explicit shape.
        metabolism: Form of the metabolic model.
        arrangement: Layout of the mesh.
        form: Map of the shape.
        sheet: Notes every number.
    """
    parts = _parts(document)
    water = np.array([_water(part, sheet) for part in parts])
    densities = [_density(part, species, level, sheet) for part in parts]
    senescent = sheet.grade_key("senescent_share")
    shares = [sheet.take(f"senescent share, {part.name}", senescent, part.keys.senescent_share) for part in parts]
    anisotropy = document.tissues.annulus.anisotropy
    ratio = None
    if anisotropy is not None:
        name = "radial over axial diffusivity, annulus"
        ratio = sheet.take(name, "nutrition.annulus_radial_diffusion_ratio", anisotropy.radial_ratio)
    return Tissue(
        transport_water_fraction=water,
        cell_density=np.array(densities),
        senescent_share=np.array(shares),
        diffusivity=_diffusivity(document, parts, water, float(metabolism.diffusion_water_exponent), sheet),
        outer_annulus_share=None if len(parts) == len(TISSUES) else outer_annulus_share(arrangement, form),
        radial_diffusion_ratio=ratio,
    )


def _parts(document: DiscDocument) -> list[_Part]:
    keys = document.tissues
    outer = keys.outer_annulus
    parts = [
        _Part(name, name, "inner" if outer is not None and name == "annulus" else "", getattr(keys, name))
        for name in TISSUES
    ]
    return parts if outer is None else [*parts, _Part("outer annulus", "annulus", "outer", outer)]


def _of_grade(part: _Part, quantity: str, sheet: Sheet) -> tuple[str, float]:
    """Key and factor of a quantity: the grade table, or the healthy zone of the annulus with the grade's relative change."""
    table = f"{quantity}.{part.tissue}"
    if not part.zone:
        return sheet.grade_key(table), 1.0
    return f"nutrition.annulus_zones.{part.zone}.{quantity}", sheet.relative_to_healthy(table)


def _water(part: _Part, sheet: Sheet) -> float:
    keys, origin = part.keys, "written in the disc document"
    given = keys.transport_water_fraction
    if keys.water_mass_fraction is not None:
        solid = sheet.take(f"density of the solid, {part.name}", "nutrition.solid_density")
        given = water_fraction_of_mass(keys.water_mass_fraction, solid)
        origin = "from the mass fraction of water in the disc document"
    key, factor = _of_grade(part, "transport_water_fraction", sheet)
    return sheet.take(f"transport water fraction, {part.name}", key, given, factor, origin)


def _density(part: _Part, species: str, level: str, sheet: Sheet) -> float:
    key, factor = _of_grade(part, "cell_density", sheet)
    animal = f"geometry.species.{species}.{level}.cell_density"
    if part.name == "nucleus" and sheet.knows(animal):
        key = animal
    return sheet.take(f"living cells, {part.name}", key, part.keys.cell_density, factor)


def _diffusivity(
    document: DiscDocument, parts: list[_Part], water: np.ndarray, water_exponent: float, sheet: Sheet
) -> Float[np.ndarray, "3 tissues"]:
    """Coefficients: written ones stand for the Mackie-Meares law, and the preset acts on both."""
    free = np.array(
        [sheet.take(f"diffusivity in water, {name}", f"nutrition.diffusivity_water.{name}") for name in SOLUTES]
    )
    hindrance = np.ones((3, len(parts)))
    for column, part in enumerate(parts):
        for line, solute in enumerate(SOLUTES):
            given = None if part.keys.hindrance is None else getattr(part.keys.hindrance, solute)
            tested = document.stress_test == "hindered" and solute == "glucose"
            key = "nutrition.hindered_preset.glucose_hindrance" if tested else f"nutrition.hindrance.{solute}"
            hindrance[line, column] = sheet.take(f"hindrance of {solute}, {part.name}", key, given)
    result = np.array(
        effective_diffusivity(jnp.asarray(free), jnp.asarray(water), jnp.asarray(hindrance), water_exponent)
    )
    for column, part in enumerate(parts):
        if part.keys.diffusivity is not None:
            for line, solute in enumerate(SOLUTES):
                value = getattr(part.keys.diffusivity, solute)
                name = f"diffusivity of {solute}, {part.name}"
                sheet.take(name, f"nutrition.diffusivity_water.{solute}", value)
                result[line, column] = value * water[column] ** water_exponent
    return result


def outer_annulus_share(arrangement: Layout, form: DiscMap) -> Float[np.ndarray, "quads"]:
    """Share of the area of every quadrilateral in the outer third of the annulus, in the reference radius.

    A ring that holds the border belongs to both zones, so the volume of a zone does not depend on the mesh.
    """
    mesh = arrangement.topology
    radius = np.hypot(*column_points(arrangement, form).T)
    nucleus, rim = radius[mesh.nucleus_ring[0]], radius[mesh.rim[0]]
    border = nucleus + _INNER_SHARE * (rim - nucleus)
    inside, outside = radius[mesh.quads].min(axis=1) ** 2, radius[mesh.quads].max(axis=1) ** 2
    share = np.clip((outside - border**2) / (outside - inside), 0.0, 1.0)
    return np.where(mesh.quad_region >= ANNULUS, share, 0.0)
