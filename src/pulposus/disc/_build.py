"""From a validated disc document to a disc: sizes, tissues, supply and metabolism, each number with its origin."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from pulposus.disc._anatomy import check_map
from pulposus.disc._disc import (
    PORE_MODELS,
    SOLUTES,
    Condition,
    Description,
    Disc,
    Metabolism,
    Supply,
    Tissue,
    effective_diffusivity,
    reduced_supply,
)
from pulposus.disc._document import (
    AnatomicalShape,
    BloodValues,
    DiscDocument,
    SupplyKeys,
    TissueKeys,
)
from pulposus.disc._layout import TISSUES, Layout, layout
from pulposus.disc._library import GENERIC, canonical_place, numeral
from pulposus.disc._map import DiscMap
from pulposus.disc._mesh import column_thickness, node_coordinates
from pulposus.disc._shape import anatomical_map, cylinder_map
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet

NOTOCHORDAL = ("rat", "rabbit", "pig", "dog")  # rulings 8


def build_disc(document: DiscDocument, resolution: str, parameters: ParameterSet, where: str) -> Disc:
    """The disc that a document describes.

    Args:
        document: Validated document.
        resolution: Name of a mesh resolution.
        parameters: Model constants.
        where: File or name, for errors.

    Raises:
        InvalidInput: Unknown species, level or resolution, or an impossible shape.
    """
    sheet = Sheet(parameters, document.grade)
    shape = document.shape
    species, level = "", ""
    if isinstance(shape, AnatomicalShape):
        species, level = canonical_place(shape.species, shape.level, parameters, where)
        form = anatomical_map(shape, species, level, sheet, where)
    else:
        form = cylinder_map(shape, where)
    check_map(form, parameters.value("geometry.minimum_determinant_ratio"), where)
    arrangement = _layout(resolution, document, where)
    disc_metabolism = _metabolism(document, sheet)
    notochordal = species in NOTOCHORDAL
    return Disc(
        layout=arrangement,
        coordinates=node_coordinates(arrangement, form),
        tissue=_tissue(document, species, level, disc_metabolism, sheet),
        condition=_condition(document, notochordal, sheet),
        supply=_supply(document, arrangement, form, sheet, where),
        metabolism=disc_metabolism,
        description=Description(
            name=document.name,
            species=species,
            level=level,
            grade=document.grade,
            grade_preset=document.grade_preset,
            notochordal=notochordal,
            pore_model=document.metabolism.preset,
            text=f"{_text(document, species, level)}{'; ' if document.note else ''}{document.note}",
            values=tuple(sheet.values),
        ),
    )


def _text(document: DiscDocument, species: str, level: str) -> str:
    grade = f"Pfirrmann grade {numeral(document.grade)}, {document.grade_preset}"
    if not species:
        return f"{document.shape.kind}; constants that are not written: {grade}"
    fitted = ", fitted to a published finite-element disc" if level.endswith(GENERIC) else ""
    borrowed = "" if species == "human" else " (human grade table)"
    return f"{species} {level.removesuffix(GENERIC)}{fitted}; {grade}{borrowed}"


def _layout(resolution: str, document: DiscDocument, where: str) -> Layout:
    try:
        return layout(resolution, document.shape.kind, document.supply.annulus_sealed)
    except KeyError:
        raise InvalidInput(
            f'unknown resolution "{resolution}"', where=where, allowed="coarse, standard, fine"
        ) from None


def _metabolism(document: DiscDocument, sheet: Sheet) -> Metabolism:
    keys = document.metabolism
    neutral = sheet.take("pH at zero lactate", "nutrition.kinetics.neutral_pH", keys.pH.neutral)
    per_unit = keys.pH.lactate_per_unit if keys.pH.slope is None else 1.0 / keys.pH.slope
    oxygen, storage, diffusion = PORE_MODELS[keys.preset]
    return Metabolism(
        glucose_limiter=sheet.take("glucose limiter", "nutrition.glucose_limiter", keys.glucose_limiter),
        oxygen_solubility=sheet.take("oxygen solubility", "nutrition.oxygen_solubility", keys.oxygen_solubility),
        neutral_pH=neutral,
        lactate_per_pH=sheet.take("lactate per unit of pH", "nutrition.kinetics.lactate_per_pH", per_unit),
        oxygen_water_exponent=oxygen,
        storage_water_exponent=storage,
        diffusion_water_exponent=diffusion,
    )


def _tissue(document: DiscDocument, species: str, level: str, metabolism: Metabolism, sheet: Sheet) -> Tissue:
    written = [getattr(document.tissues, name) for name in TISSUES]
    numeral_of_grade = numeral(document.grade)

    def row(label: str, quantity: str, tables: Sequence[str]) -> np.ndarray:
        return np.array(
            [
                sheet.take(f"{label}, {name}", table, getattr(keys, quantity))
                for name, table, keys in zip(TISSUES, tables, written, strict=True)
            ]
        )

    def tables(quantity: str) -> list[str]:
        return [f"grades.{quantity}.{name}.{numeral_of_grade}" for name in TISSUES]

    water = row("transport water fraction", "transport_water_fraction", tables("transport_water_fraction"))
    densities = tables("cell_density")
    animal = f"geometry.species.{species}.{level}.cell_density"
    if sheet.knows(animal):
        densities[0] = animal
    return Tissue(
        transport_water_fraction=water,
        cell_density=row("living cells", "cell_density", densities),
        senescent_share=row("senescent share", "senescent_share", [f"grades.senescent_share.{numeral_of_grade}"] * 3),
        diffusivity=_diffusivity(written, water, float(metabolism.diffusion_water_exponent), sheet),
    )


def _diffusivity(written: Sequence[TissueKeys], water: np.ndarray, water_exponent: float, sheet: Sheet) -> np.ndarray:
    """Coefficients (solutes, tissues): written ones stand for the Mackie-Meares law, and the preset acts on both."""
    free = np.array(
        [sheet.take(f"diffusivity in water, {name}", f"nutrition.diffusivity_water.{name}") for name in SOLUTES]
    )
    hindrance = np.ones((3, 3))
    for column, keys in enumerate(written):
        for line, solute in enumerate(SOLUTES):
            given = None if keys.hindrance is None else getattr(keys.hindrance, solute)
            label = f"hindrance of {solute}, {TISSUES[column]}"
            hindrance[line, column] = sheet.take(label, f"nutrition.hindrance.{solute}", given)
    result = np.array(
        effective_diffusivity(jnp.asarray(free), jnp.asarray(water), jnp.asarray(hindrance), water_exponent)
    )
    for column, keys in enumerate(written):
        if keys.diffusivity is not None:
            for line, solute in enumerate(SOLUTES):
                value = getattr(keys.diffusivity, solute)
                sheet.take(
                    f"diffusivity of {solute}, {TISSUES[column]}", f"nutrition.diffusivity_water.{solute}", value
                )
                result[line, column] = value * water[column] ** water_exponent
    return result


def _condition(document: DiscDocument, notochordal: bool, sheet: Sheet) -> Condition:
    keys, metabolism, preset = document.condition, document.metabolism, document.grade_preset
    cells = "cells.notochordal" if notochordal else "cells.native"
    consumption = sheet.take("consumption factor", "nutrition.notochordal_weight") if notochordal else 1.0
    return Condition(
        metabolically_active_fraction=sheet.graded(
            "metabolically active fraction", "metabolically_active_fraction", metabolism.active_fraction
        ),
        metabolic_multiplier=sheet.graded(
            "metabolic multiplier", f"metabolic_multiplier.{preset}", metabolism.multiplier
        ),
        consumption_factor=consumption,
        glucose_threshold=sheet.take("glucose threshold of native cells", f"{cells}.glucose_threshold"),
        cytokine=sheet.graded("cytokine", "cytokine", keys.cytokine),
        osmolarity=sheet.graded("osmolarity", "osmolarity", keys.osmolarity),
        fissure_fraction=sheet.graded("fissure fraction", "fissure_fraction", keys.fissure_fraction),
        annulus_order=sheet.graded("annulus order", "annulus_order", keys.annulus_order),
    )


def _supply(document: DiscDocument, arrangement: Layout, form: DiscMap, sheet: Sheet, where: str) -> Supply:
    keys = document.supply

    def blood(surface: str, written: BloodValues, vessels: float) -> np.ndarray:
        values = [
            sheet.take(f"{solute} at the {surface}", f"nutrition.boundary.{surface}.{solute}", getattr(written, solute))
            for solute in SOLUTES
        ]
        return np.asarray(reduced_supply(jnp.asarray(values), vessels))

    conductance = sheet.graded("endplate supply", f"endplate_supply.{document.grade_preset}", keys.endplate_supply)
    thickness = column_thickness(arrangement, form)
    return Supply(
        endplate_values=blood("endplate", keys.endplate, keys.endplate_vessels),
        annulus_values=blood("annulus", keys.annulus, keys.annulus_vessels),
        endplate_supply=_endplate_supply(conductance, keys, arrangement, form, where),
        endplate_thickness=jnp.stack([thickness, thickness]),
    )


def _endplate_supply(
    conductance: float, keys: SupplyKeys, arrangement: Layout, form: DiscMap, where: str
) -> np.ndarray:
    """Relative supply of the two faces at every column, (2, columns)."""
    supply = np.full((2, arrangement.topology.columns), conductance)
    points = np.asarray(node_coordinates(arrangement, form))[:, 0, :2]
    for patch in keys.patches:
        inside = np.hypot(points[:, 0] - patch.x, points[:, 1] - patch.y) <= patch.radius
        if not inside.any():
            raise InvalidInput(
                f"the patch of {patch.radius:g} mm at ({patch.x:g}, {patch.y:g}) mm covers no node of the mesh",
                where=where,
                allowed="a patch on the disc and wider than the mesh",
                remedy="move or enlarge it, or use a finer resolution",
            )
        supply[0 if patch.face == "inferior" else 1, inside] = patch.endplate_supply
    if not arrangement.has_endplates and np.any((supply > 0.0) & (supply < 1.0)):
        raise InvalidInput(
            "a partly open endplate needs a cartilage endplate",
            where=where,
            allowed="endplate_supply 0 or 1 for this shape",
            remedy="use shape.kind: layered-cylinder",
        )
    return supply
