r"""The disc as data: coordinates, tissues, condition, supply and metabolism of one disc, or of a batch of discs.

Solutes stand in the order oxygen, lactate, glucose; tissues in the order nucleus, annulus, cartilage endplate. The diffusivity of a solute
in a tissue is the Mackie-Meares law with a hindrance (transport 1.2, rulings 31),

.. math:: D = h\, D_w \left(\frac{\varphi}{2 - \varphi}\right)^2 \varphi^{m} ,

with m = 1 in the preset `mixture` and 0 otherwise. The presets differ in where the water fraction stands, so each is three exponents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import NDArray

from pulposus import _backend  # noqa: F401
from pulposus.disc._arrays import Scalar, as_array, as_optional_array
from pulposus.disc._layout import Layout
from pulposus.disc._lesion import Lesion
from pulposus.errors import InvalidInput
from pulposus.mesh import Topology

SOLUTES = ("oxygen", "lactate", "glucose")
PoreModel = Literal["upf2025", "field", "mixture"]


@dataclass(frozen=True)
class Value:
    """A number that a disc uses, with its origin.

    Attributes:
        name: What it is, for people.
        value: The number, in `unit`.
        unit: Internal unit.
        status: verified, recalled, derived, prior, or "given" where the user wrote it.
        source: Where it comes from.
    """

    name: str
    value: float
    unit: str
    status: str
    source: str


@dataclass(frozen=True, eq=False)
class Description:
    """What a disc is, for people. It never enters a computation.

    All descriptions compare equal, so that discs which differ only in their name share compiled code and can be stacked.

    Attributes:
        name: Name of the disc, such as "human/L4-L5/grade3".
        species, level: Animal and disc level; empty for explicit shapes.
        grade: Pfirrmann grade 1 to 5 whose constants were used.
        grade_preset: "impaired" or "structural".
        notochordal: Whether the nucleus holds notochordal cells.
        pore_model: "upf2025", "field" or "mixture".
        text: One sentence.
        values: The numbers behind the disc.
        warnings: What a reader of the result has to know, a sentence each.
        members: Descriptions of the discs of a batch; empty for a single disc.
    """

    name: str
    species: str
    level: str
    grade: int
    grade_preset: str
    notochordal: bool
    pore_model: PoreModel
    text: str
    values: tuple[Value, ...] = ()
    warnings: tuple[str, ...] = ()
    members: tuple[Description, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Description)

    def __hash__(self) -> int:
        return hash(Description)


class Tissue(eqx.Module):
    """Properties by tissue: nucleus, annulus, endplate, and the outer third of the annulus where it has properties of its own.

    Attributes:
        transport_water_fraction: Water volume fraction of the transport laws, (tissues,).
        cell_density: Living native cells, senescent ones included [10^6/mL], (tissues,).
        senescent_share: Senescent share of the living cells, (tissues,).
        diffusivity: Diffusion coefficient of every solute in every tissue [mm2/day], (3 solutes, tissues).
        outer_annulus_share: Share of every quadrilateral that lies in the outer third of the annulus, (quads,); None with three tissues.
        radial_diffusion_ratio: Radial over axial diffusivity in the annulus; None where it is isotropic.
    """

    transport_water_fraction: Float[Array, "tissues"] = eqx.field(converter=as_array)
    cell_density: Float[Array, "tissues"] = eqx.field(converter=as_array)
    senescent_share: Float[Array, "tissues"] = eqx.field(converter=as_array)
    diffusivity: Float[Array, "3 tissues"] = eqx.field(converter=as_array)
    outer_annulus_share: Float[Array, "quads"] | None = eqx.field(converter=as_optional_array, default=None)
    radial_diffusion_ratio: Scalar | None = eqx.field(converter=as_optional_array, default=None)


class Condition(eqx.Module):
    """State of the disc as its Pfirrmann grade and species give it; scalars.

    Attributes:
        metabolically_active_fraction: Share of native cells that consume.
        metabolic_multiplier: Factor on all native rates.
        consumption_factor: Factor on native rates of the species (notochordal discs consume more).
        glucose_threshold: Glucose below which native cells die [mM].
        cytokine: Catabolic cytokine; 1 is typical of grade IV.
        osmolarity: Osmolarity of the nucleus [mOsm].
        fissure_fraction: Mean fissure fraction of the annulus.
        annulus_order: Structural order of the annulus, 1 intact.
    """

    metabolically_active_fraction: Scalar = eqx.field(converter=as_array)
    metabolic_multiplier: Scalar = eqx.field(converter=as_array)
    consumption_factor: Scalar = eqx.field(converter=as_array)
    glucose_threshold: Scalar = eqx.field(converter=as_array)
    cytokine: Scalar = eqx.field(converter=as_array)
    osmolarity: Scalar = eqx.field(converter=as_array)
    fissure_fraction: Scalar = eqx.field(converter=as_array)
    annulus_order: Scalar = eqx.field(converter=as_array)

    @property
    def native_rate_factor(self) -> Scalar:
        """Factor on every native metabolic rate (rulings 6, 8 and 30)."""
        return self.metabolically_active_fraction * self.metabolic_multiplier * self.consumption_factor


class Supply(eqx.Module):
    """What the vessels offer (transport 3).

    Attributes:
        endplate_values: Oxygen [kPa], lactate and glucose [mM] in the marrow at the endplates, (3,).
        annulus_values: The same at the outer annulus, (3,).
        endplate_supply: Conductance of the endplate route relative to an intact one (P_rel), inferior and superior face, (2, columns);
            1 means the marrow values hold at the face, 0 means sealed.
        endplate_thickness: Thickness of the cartilage endplates [mm], inferior and superior, (2, columns).
    """

    endplate_values: Float[Array, "3"] = eqx.field(converter=as_array)
    annulus_values: Float[Array, "3"] = eqx.field(converter=as_array)
    endplate_supply: Float[Array, "2 columns"] = eqx.field(converter=as_array)
    endplate_thickness: Float[Array, "2 columns"] = eqx.field(converter=as_array)


class Metabolism(eqx.Module):
    """Numbers that select the form of the metabolic model (transport 1.2).

    Attributes:
        glucose_limiter: Half constant of the glucose limiter [mM]; 0 switches it off.
        oxygen_solubility: Oxygen per tension [mM/kPa].
        neutral_pH: pH at zero lactate.
        lactate_per_pH: Lactate per unit of pH [mM].
        oxygen_water_exponent: Exponent of the water fraction in the oxygen sink.
        storage_water_exponent: Exponent of the water fraction in the storage term.
        diffusion_water_exponent: Exponent of the water fraction in the diffusivity, beside the Mackie-Meares law.
    """

    glucose_limiter: Scalar = eqx.field(converter=as_array)
    oxygen_solubility: Scalar = eqx.field(converter=as_array)
    neutral_pH: Scalar = eqx.field(converter=as_array)
    lactate_per_pH: Scalar = eqx.field(converter=as_array)
    oxygen_water_exponent: Scalar = eqx.field(converter=as_array)
    storage_water_exponent: Scalar = eqx.field(converter=as_array)
    diffusion_water_exponent: Scalar = eqx.field(converter=as_array)


# Exponents of the water fraction (oxygen sink, storage, diffusivity) of each preset: the table of transport 1.2.
PORE_MODELS: dict[PoreModel, tuple[float, float, float]] = {
    "upf2025": (1.0, 0.0, 0.0),
    "field": (0.0, 0.0, 0.0),
    "mixture": (0.0, 1.0, 1.0),
}


class Disc(eqx.Module):
    """One disc; every array gains a leading axis in a batch.

    Attributes:
        layout: Connectivity, tissue of every element and named surfaces.
        description: What the disc is, for people.
        coordinates: Nodes [mm]; x right, y anterior, z cranial, (columns, levels, 3).
        tissue, condition, supply, metabolism, lesion: See there.
    """

    layout: Layout = eqx.field(static=True)
    description: Description = eqx.field(static=True)
    coordinates: Float[Array, "columns levels 3"] = eqx.field(converter=as_array)
    tissue: Tissue
    condition: Condition
    supply: Supply
    metabolism: Metabolism
    lesion: Lesion

    @property
    def topology(self) -> Topology:
        """Connectivity of the mesh."""
        return self.layout.topology

    @property
    def tissue_of_element(self) -> NDArray[np.int64]:
        """0 nucleus, 1 annulus, 2 cartilage endplate, -1 void, (quads, layers)."""
        return self.layout.tissue_of_element

    @property
    def oxygen_source_factor(self) -> Float[Array, "tissues"]:
        """Factor on the oxygen sink of every tissue: the water fraction in `upf2025`, else 1."""
        return self.tissue.transport_water_fraction**self.metabolism.oxygen_water_exponent

    @property
    def storage(self) -> Float[Array, "tissues"]:
        """Factor on the storage term of every tissue: the water fraction in `mixture`, else 1."""
        return self.tissue.transport_water_fraction**self.metabolism.storage_water_exponent


def effective_diffusivity(
    free_water_diffusivity: Float[Array, "3"],
    water_fraction: Float[Array, "tissues"],
    hindrance: Float[Array, "3 tissues"],
    water_exponent: Scalar | float,
) -> Float[Array, "3 tissues"]:
    """Diffusion coefficient of every solute in every tissue.

    Args:
        free_water_diffusivity: Of the solutes in water at 37 C [mm2/day].
        water_fraction: Transport water fraction of the tissues.
        hindrance: Factor h of every solute in every tissue.
        water_exponent: Exponent m of the water fraction (`Metabolism.diffusion_water_exponent`).
    """
    tortuosity = (water_fraction / (2.0 - water_fraction)) ** 2 * water_fraction**water_exponent
    return hindrance * free_water_diffusivity[:, None] * tortuosity[None, :]


def reduced_supply(values: Float[Array, "3"], vascular: Scalar | float) -> Float[Array, "3"]:
    """Blood values behind diseased vessels: oxygen and glucose times s, lactate times 2 - s (transport 3.3).

    Not to be combined with a reduced `endplate_supply` for the same mechanism.
    """
    return values * jnp.stack([jnp.asarray(vascular), 2.0 - vascular, jnp.asarray(vascular)])


def stack_discs(discs: Sequence[Disc]) -> Disc:
    """A batch of discs: every array gains a leading axis.

    Args:
        discs: Discs of one resolution and one kind of shape.

    Raises:
        InvalidInput: The list is empty or the layouts differ.
    """
    if not discs:
        raise InvalidInput("a batch needs at least one disc", where="stack_discs")
    first = discs[0]
    for disc in discs:
        if disc.layout is not first.layout:
            raise InvalidInput(
                f"{disc.description.name} and {first.description.name} have different meshes",
                where="stack_discs",
                allowed="discs of one resolution and one kind of shape",
            )
        if jax.tree.structure(disc) != jax.tree.structure(first):
            raise InvalidInput(
                f"{disc.description.name} and {first.description.name} have different annuli",
                where="stack_discs",
                allowed="discs that all have, or all lack, an outer annulus and an anisotropic annulus",
            )
    members = tuple(disc.description for disc in discs)
    description = Description(
        name=f"{len(members)} discs",
        species="",
        level="",
        grade=0,
        grade_preset="",
        notochordal=False,
        pore_model=members[0].pore_model,
        text="; ".join(member.name for member in members),
        members=members,
    )
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(replace(disc, description=description) for disc in discs))


class CentralColumn(NamedTuple):
    """The nodes on the axis of the nucleus, for the reduction of a disc to one dimension.

    Attributes:
        positions: Heights of the nodes [mm], inferior face first, (levels,).
        tissue: Tissue of the layers, (levels - 1,).
        endplate_thickness: Cartilage endplates on the axis [mm], inferior and superior, (2,).
        endplate_supply: Relative supply on the axis, inferior and superior, (2,).
    """

    positions: Float[Array, "levels"]
    tissue: NDArray[np.int64]
    endplate_thickness: Float[Array, "2"]
    endplate_supply: Float[Array, "2"]


def central_column(disc: Disc) -> CentralColumn:
    """The column of nodes through the centre (0, 0) of the map."""
    column, _ = disc.topology.centre
    quad = int(np.nonzero((disc.topology.quads == column).any(axis=1))[0][0])
    return CentralColumn(
        positions=disc.coordinates[column, :, 2],
        tissue=disc.tissue_of_element[quad],
        endplate_thickness=disc.supply.endplate_thickness[:, column],
        endplate_supply=disc.supply.endplate_supply[:, column],
    )
