r"""What the matrix laws need to know of one disc: tissues, clock, and the synthesis that keeps its healthy reference steady (rulings 24).

In the reference, a quiet grade I disc of the species with its own cytokine, enzyme activity and cells, synthesis balances loss at every
node,

.. math::

    \sigma_A F_{ref} Y_{ref} = \frac{X_{ref}}{R}, \qquad R = \frac{1 / k_A + 1 / k_{Af}}{1 + a_E e_{ref}}, \qquad
    \sigma_2 F_{2,ref} Y_{2,ref} = (1 + b_E e_{ref}) K_{2,ref}

and alike for collagen I. The per-cell rates sigma are then constants of the disc; with 65 mg/mL, 4 million cells per mL and 0.059 per year
the first is 2.6 pg per cell and day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._parameters import read
from pulposus.disc import Disc
from pulposus.matrix._grade import GradeMatrix
from pulposus.matrix._load import Load
from pulposus.matrix._matrix_parameters import MatrixParameters
from pulposus.matrix._signal_parameters import SignalParameters
from pulposus.matrix._signal_state import SignalState
from pulposus.matrix._signals import steady_enzyme
from pulposus.matrix._species import HUMAN, AggrecanTurnover, Clock
from pulposus.matrix._synthesis import fibrous_output, fibrous_weight, native_output, synthesis_factors
from pulposus.nutrition import NodeVolumes
from pulposus.parameters import GRADES

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

_NUCLEUS, _ANNULUS, _ENDPLATE = 0, 1, 2


class TissueShares(eqx.Module):
    """Volume shares of the tissues at every node; zero in void. The outer annulus counts as annulus."""

    nucleus: Field
    annulus: Field
    endplate: Field

    @classmethod
    def of(cls, volumes: NodeVolumes) -> TissueShares:
        """Shares of a mesh."""
        total = volumes.total
        share = volumes.by_tissue / jnp.where(total > 0.0, total, 1.0)[None]
        return cls(share[_NUCLEUS], share[_ANNULUS] + jnp.sum(share[_ENDPLATE + 1 :], axis=0), share[_ENDPLATE])

    @property
    def all(self) -> tuple[Field, Field, Field]:
        """Nucleus, annulus, endplate."""
        return self.nucleus, self.annulus, self.endplate

    def average(self, values: Float[Array, "3"]) -> Field:
        """Nodal value of a property of nucleus, annulus and endplate."""
        return self.nucleus * values[_NUCLEUS] + self.annulus * values[_ANNULUS] + self.endplate * values[_ENDPLATE]


class HealthyReference(eqx.Module):
    """The conditions in which a healthy disc keeps its matrix; scalars, or fields from a solve of the healthy disc.

    Attributes:
        environment: Oxygen, glucose, pH and osmolarity.
        signals: Cytokine and enzyme activity of grade I; no donor and no drug.
        load: Daily load.
    """

    environment: Environment
    signals: SignalState
    load: Load

    @classmethod
    def of_species(cls, parameters: ParameterSet, species: str = "") -> HealthyReference:
        """The quiet nucleus of a species."""
        name = species or HUMAN
        oxygen, load, frequency, pH, glucose = read(
            parameters,
            "matrix.reference.",
            "oxygen",
            "load",
            "frequency",
            f"pH.{name}",
            f"glucose.{name}",
        )
        osmolarity, cytokine = read(parameters, "grades.", "osmolarity.I", "cytokine.I")
        zero = as_field(0.0)
        enzyme = steady_enzyme(cytokine, zero, pH, SignalParameters.from_parameters(parameters))
        environment = Environment(oxygen=oxygen, glucose=glucose, pH=pH, osmolarity=osmolarity, cytokine=cytokine)
        return cls(environment, SignalState(cytokine, zero, zero, enzyme), Load(load, frequency))


class MatrixSetting(eqx.Module):
    """One disc, or one well-mixed node, as the matrix laws see it.

    Attributes:
        shares: Volume shares of the tissues.
        nucleus_weight, annulus_weight: Weights of the nodes in the means of nucleus and annulus; each adds up to one. That of the nucleus
            takes the nodes that lie wholly in it. A mesh without annulus (the axis of the nucleus) takes all its nodes for the annulus
            around it.
        native_reference: Healthy native density N_ref [10^6/mL].
        native_weight: y of a native cell, above 1 in a notochordal nucleus.
        clock: Rates of the species.
        age: Age of the subject [year].
        aggrecan: Turnover of the two pools (or of one) at every node [1/day].
        aggrecan_synthesis: sigma_A, by a native cell at F = 1 [mg/mL/day per 10^6/mL].
        collagen_II_synthesis, collagen_I_synthesis: sigma_2 and sigma_1, per turnover of collagen [mg/mL per 10^6/mL].
        synthesis_factor: Balances the synthesis of glycosaminoglycan to the natural course of the disc.
        cleavage_factor: Balances the cleavage of aggrecan to the split into pools that the disc starts with; 1 unless asked for.
        chronic_fissure_gain, acute_fissure_gain: aW, gain of a fissure on the loss of glycosaminoglycan, old or fresh.
        acute: 1 after an acute insult, else 0.
        fissure_exposure: Share of the fissure at a node that lies in the tissue of the node: 1, or 0 on the axis of the nucleus, whose
            fissure is that of the annulus around it.
        growth_factor_gain: eG of the growth factor in use.
        endplate_water: Water fraction of the cartilage endplate.
        healthy_glycosaminoglycan, healthy_collagen_II: Content of the healthy reference [mg/mL].
    """

    shares: TissueShares
    nucleus_weight: Field
    annulus_weight: Field
    native_reference: Field
    native_weight: Field
    clock: Clock
    age: Scalar
    aggrecan: AggrecanTurnover
    aggrecan_synthesis: Field
    collagen_II_synthesis: Field
    collagen_I_synthesis: Field
    synthesis_factor: Scalar
    cleavage_factor: Scalar
    chronic_fissure_gain: Scalar
    acute_fissure_gain: Scalar
    acute: Scalar
    fissure_exposure: Scalar
    growth_factor_gain: Scalar
    endplate_water: Scalar
    healthy_glycosaminoglycan: Field
    healthy_collagen_II: Field

    @property
    def fissure_gain(self) -> Scalar:
        """aW in force."""
        return self.chronic_fissure_gain + self.acute * (self.acute_fissure_gain - self.chronic_fissure_gain)

    def nucleus_mean(self, field: Field) -> Scalar:
        """Volume-weighted mean over the nucleus."""
        return jnp.sum(self.nucleus_weight * field)

    def annulus_mean(self, field: Field) -> Scalar:
        """Volume-weighted mean over the annulus."""
        return jnp.sum(self.annulus_weight * field)

    def injured(self, acute: ArrayLike) -> MatrixSetting:
        """The same disc after an acute insult (1) or without one (0)."""
        return eqx.tree_at(lambda setting: setting.acute, self, as_field(acute))

    def aged(self, years: ArrayLike) -> MatrixSetting:
        """The same disc in a subject who is older by some years."""
        return eqx.tree_at(lambda setting: setting.age, self, self.age + as_field(years))

    def stimulated_by(self, growth_factor_gain: ArrayLike) -> MatrixSetting:
        """The same disc under a growth factor with this gain eG (`matrix.growth_factor_gain` of the parameters)."""
        return eqx.tree_at(lambda setting: setting.growth_factor_gain, self, as_field(growth_factor_gain))


def matrix_setting(
    disc: Disc,
    volumes: NodeVolumes,
    parameters: ParameterSet,
    *,
    reference: HealthyReference | None = None,
    pools: Literal["two", "single"] = "two",
    age: ArrayLike | None = None,
) -> MatrixSetting:
    """The setting of a disc, in 3D or on the axis of its nucleus.

    Args:
        disc: The disc; its cell densities are those of its healthy reference.
        volumes: Volumes of the nodes of the mesh in use.
        parameters: The loaded parameters.
        reference: Conditions in which the healthy disc is steady; the quiet nucleus of the species by default.
        pools: Two pools of glycosaminoglycan, or one that turns over with kT.
        age: Age of the subject [year]; an adult by default.

    Raises:
        InvalidInput: The species has no clock.
    """
    return node_setting(
        volumes,
        volumes.average(disc.tissue.cell_density),
        parameters,
        species=disc.description.species,
        notochordal=disc.description.notochordal,
        grade=disc.description.grade,
        reference=reference,
        pools=pools,
        age=age,
    )


def node_setting(
    volumes: NodeVolumes,
    native_reference: Field,
    parameters: ParameterSet,
    *,
    species: str = "",
    notochordal: bool = False,
    grade: int = 1,
    reference: HealthyReference | None = None,
    pools: Literal["two", "single"] = "two",
    age: ArrayLike | None = None,
    fissure_exposure: ArrayLike | None = None,
) -> MatrixSetting:
    """The setting of any set of nodes, also of a single well-mixed one.

    Args:
        volumes: Volumes of the nodes by tissue.
        native_reference: Healthy density of native cells, senescent ones included [10^6/mL].
        parameters: The loaded parameters.
        species: Name of the species; empty for man.
        notochordal: Whether the nucleus holds notochordal cells.
        grade: Pfirrmann grade, for the water of the endplate.
        reference, pools, age: As in `matrix_setting`.
        fissure_exposure: 1 where the fissure of a node lies in its own tissue; by default 1 on a mesh with annulus, else 0.

    Raises:
        InvalidInput: The species has no clock.
    """
    laws = MatrixParameters.from_parameters(parameters)
    clock = Clock.from_parameters(parameters, species)
    healthy = HealthyReference.of_species(parameters, species) if reference is None else reference
    first = GradeMatrix.of_grade(parameters, 1)
    shares = TissueShares.of(volumes)
    total = volumes.total
    annulus = shares.annulus * total
    turnover = clock.aggrecan_turnover * (shares.nucleus + clock.annulus_ratio * shares.annulus + shares.endplate)
    inside = total > 0.0
    turnover = jnp.where(inside, turnover, clock.aggrecan_turnover)
    aggrecan = (
        AggrecanTurnover.two_pools(parameters, turnover) if pools == "two" else AggrecanTurnover.single_pool(turnover)
    )
    native_weight = 1.0 + float(notochordal) * (laws.weights.notochordal - 1.0) * shares.nucleus
    (senescent,) = read(parameters, "grades.", "senescent_share.I")
    cells = CellState.without_donor((1.0 - senescent) * native_reference, senescent * native_reference)
    factors = synthesis_factors(healthy.environment, healthy.signals, healthy.load, 0.0, laws.synthesis)
    output = native_output(cells, native_weight, laws.weights)
    fibrous = fibrous_output(cells, fibrous_weight(shares.all, healthy.signals.cytokine, laws.weights), laws.weights)
    enzyme = healthy.signals.enzyme
    content = shares.average(first.glycosaminoglycan)
    collagen_II, collagen_I = shares.average(first.collagen_II), shares.average(first.collagen_I)
    broken = 1.0 + laws.collagen_enzyme_gain * enzyme
    made = content / aggrecan.residence(1.0 + laws.enzyme_gain * enzyme)
    (assumed_age,) = read(parameters, "matrix.", "collagen_age.assumed")
    chronic, acute = read(parameters, "matrix.", "chronic_fissure_gain", f"acute_fissure_gain.{species or HUMAN}")
    (endplate_water,) = read(parameters, "grades.", f"composition_water_fraction.endplate.{GRADES[grade - 1]}")
    has_annulus = jnp.sum(annulus) > 0.0
    return MatrixSetting(
        shares=shares,
        nucleus_weight=_weights(_whole_nodes(shares.nucleus) * total, total),
        annulus_weight=_weights(annulus, total),
        native_reference=native_reference,
        native_weight=native_weight,
        clock=clock,
        age=assumed_age if age is None else as_field(age),
        aggrecan=aggrecan,
        aggrecan_synthesis=_per_output(made, factors.glycosaminoglycan * output),
        collagen_II_synthesis=_per_output(broken * collagen_II, factors.collagen_II * output),
        collagen_I_synthesis=_per_output(broken * collagen_I, factors.collagen_I * fibrous),
        synthesis_factor=as_field(1.0),
        cleavage_factor=as_field(1.0),
        chronic_fissure_gain=chronic,
        acute_fissure_gain=acute,
        acute=as_field(0.0),
        fissure_exposure=has_annulus.astype(jnp.float64) if fissure_exposure is None else as_field(fissure_exposure),
        growth_factor_gain=as_field(0.0),
        endplate_water=endplate_water,
        healthy_glycosaminoglycan=content,
        healthy_collagen_II=collagen_II,
    )


def _weights(volume: Field, total: Field) -> Field:
    """Weights that add up to one; those of the whole where the part is empty."""
    part = jnp.where(jnp.sum(volume) > 0.0, volume, total)
    return part / jnp.sum(part)


# A node lies in a tissue when no more than rounding of its volume lies in another one.
_WHOLE = 1.0 - 1e-9


def _whole_nodes(share: Field) -> Field:
    """The share of a tissue at the nodes that lie wholly in it; at all nodes where none does.

    A node on the border holds a mixture: with it the mean of the nucleus would show the collagen of the annulus.
    """
    whole = jnp.where(share >= _WHOLE, share, 0.0)
    return jnp.where(jnp.sum(whole) > 0.0, whole, share)


def _per_output(made: Field, output: Field) -> Field:
    """What a cell has to make; nothing where there are none."""
    some = output > 0.0
    return jnp.where(some, made / jnp.where(some, output, 1.0), 0.0)
