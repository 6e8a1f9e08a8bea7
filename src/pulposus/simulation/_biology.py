"""Signals and matrix of a simulated disc: what joins cells and nutrients (cells_matrix 2.6, 2.7, 3).

Gathers the laws of the matrix room with the constants of one disc, its injuries and what the product brings, behind two steps: signals
implicit in time, matrix exact for the mean conditions of the step.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Scalar, as_field
from pulposus.disc import Lesion
from pulposus.matrix import (
    Load,
    MatrixFlows,
    MatrixSetting,
    MatrixState,
    OutcomeLaws,
    SignalInputs,
    SignalModel,
    SignalState,
    advance_matrix,
    advance_signals,
    charge_of,
    matrix_outcomes,
    osmolarity,
)

Nodal = Float[Array, "columns levels"]


class Pulse(eqx.Module):
    """What an injectate releases on its own, such as platelets.

    Attributes:
        place: Share of every node in the injectate.
        paracrine, cytokine: Level of the signal that the release keeps up in the injectate.
        duration: Time since the injection at which it ends [day].
    """

    place: Nodal
    paracrine: Scalar = eqx.field(converter=as_field)
    cytokine: Scalar = eqx.field(converter=as_field)
    duration: Scalar = eqx.field(converter=as_field)

    def active(self, start: Scalar, end: Scalar) -> Nodal:
        """Share of a step, by its times since the injection [day], during which a node receives the release."""
        covered = (jnp.minimum(end, self.duration) - jnp.minimum(start, self.duration)) / (end - start)
        return covered * self.place


class Biology(eqx.Module):
    """Signals and matrix of one disc.

    Attributes:
        signals: Constants of the signals, with the source factor of the disc.
        setting: The disc as the matrix laws see it, with its synthesis factor.
        laws: Constants of the matrix and of what is derived from it.
        load: Daily load.
        lesion: What the insults have done.
        insult_time: Time of the last insult [day].
        pulse: What the last injectate releases.
        drives_differentiation: 1 where the growth factor drives differentiation (TGF-beta), else 0.
        osmolarity_at_start: Osmolarity of the grade [mOsm].
        charge_at_start: Fixed charge density at the start [mEq/mL].
        access: Opening of the annulus and of the endplate where the mesh has none of its own; see `opening`.
        annulus_on_mesh: 1 where the mesh has an annulus, else 0.
        natural_change: Relative change of the nucleus' glycosaminoglycan that the disc is balanced to [1/day].
        initial_signals, initial_matrix: State at the start.
    """

    signals: SignalModel
    setting: MatrixSetting
    laws: OutcomeLaws
    load: Load
    lesion: Lesion
    insult_time: Scalar
    pulse: Pulse
    drives_differentiation: Scalar
    osmolarity_at_start: Scalar
    charge_at_start: Nodal
    access: Scalar
    annulus_on_mesh: Scalar
    natural_change: Scalar
    initial_signals: SignalState
    initial_matrix: MatrixState

    def opening(self, matrix: MatrixState) -> Scalar:
        """Mean fissure fraction of the annulus, through which immune cells come; that of the disc on a mesh without annulus."""
        mean = self.access + self.annulus_on_mesh * (self.setting.annulus_mean(matrix.fissure) - self.access)
        # A tear from the nucleus to the outside is open however little of the annulus it takes.
        return jnp.maximum(mean, self.lesion.full_fissure)

    def charge(self, matrix: MatrixState) -> Nodal:
        """Fixed charge density [mEq/mL of water]."""
        return charge_of(matrix.glycosaminoglycan, self.setting, self.laws.matrix)

    def composition_water(self, matrix: MatrixState) -> Nodal:
        """Water fraction of composition: the law of the matrix, unless mechanics gives it."""
        return matrix_outcomes(matrix, self.setting, self.laws).water

    def environment(
        self, oxygen: Nodal, glucose: Nodal, pH: Nodal, load: Scalar, signals: SignalState, matrix: MatrixState
    ) -> Environment:
        """What the cells feel."""
        salt = osmolarity(
            self.charge(matrix), self.charge_at_start, self.osmolarity_at_start, self.laws.matrix.composition
        )
        return Environment(
            oxygen=oxygen,
            glucose=glucose,
            pH=pH,
            osmolarity=salt,
            cytokine=signals.cytokine,
            paracrine=signals.paracrine,
            growth_factor=self.drives_differentiation * signals.growth_factor,
            annulus_opening=self.opening(matrix),
            endplate_opening=self.lesion.endplate_access,
            load=load,
        )

    def after_signals(
        self,
        start: SignalState,
        lagged: SignalState,
        cells: CellState,
        environment: Environment,
        immune_kill: Nodal,
        time: Scalar,
        since_injection: Scalar,
        step: Scalar,
    ) -> SignalState:
        """Signals after a step.

        Args:
            start: Signals at the start.
            lagged: Signals whose autocrine source is used.
            cells, environment: At the end of the step.
            immune_kill: Donor cells killed by immunity [10^6/mL/day].
            time: Time at the start of the step [day].
            since_injection: The same since the last injection [day].
            step: Length of the step [day].
        """
        since_insult = time - self.insult_time
        decay = self.signals.parameters.transport.decay
        released = decay * self.pulse.active(since_injection, since_injection + step)
        inputs = SignalInputs(
            trauma=self.lesion.trauma_between(since_insult, since_insult + step),
            immune_kill=immune_kill,
            cytokine=released * self.pulse.cytokine,
            paracrine=released * self.pulse.paracrine,
        )
        return advance_signals(self.signals, start, lagged, cells, environment, self.load, inputs, step)

    def after_matrix(
        self, start: MatrixState, cells: CellState, environment: Environment, signals: SignalState, step: Scalar
    ) -> tuple[MatrixState, MatrixFlows]:
        """Matrix after a step in the mean cells, conditions and signals of the step, and what was made and lost."""
        return advance_matrix(start, cells, environment, signals, self.load, self.setting, self.laws.matrix, step)

    def injured(self, lesion: Lesion, time: ArrayLike) -> Biology:
        """The same disc with another lesion, whose clock starts at a time [day]."""
        return eqx.tree_at(
            lambda one: (one.lesion, one.insult_time, one.setting),
            self,
            (lesion, as_field(time), self.setting.injured(lesion.acute)),
        )
