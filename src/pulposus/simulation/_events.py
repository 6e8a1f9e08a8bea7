"""What happens to a simulated disc at one moment: an injection, an insult, a change of its supply and of its age.

An event changes the state, and the constants that hold from then on. Both are functions of plain arrays, so that all arms of a comparison
share compiled code, and a run that goes on from a checkpoint repeats them exactly.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import Clocks
from pulposus.disc import Lesion, compose
from pulposus.matrix import injure, ledger_of
from pulposus.simulation._ledger import total
from pulposus.simulation._model import DiscModel
from pulposus.simulation._state import SimulationState


class Event(eqx.Module):
    """Something that happens at one moment.

    Attributes:
        jumps: Whether the cells change at once, so that the nutrients have to follow.
    """

    jumps: ClassVar[bool] = True

    @abstractmethod
    def change(self, model: DiscModel, time: Float[Array, ""]) -> DiscModel:
        """The constants that hold after the time [day] of the event."""

    @abstractmethod
    def happen(self, model: DiscModel, state: SimulationState) -> SimulationState:
        """The state right after the event; `model` holds the constants that hold afterwards."""


class InjectionEvent(Event):
    """Donor cells and what comes with them, put into one mesh.

    Attributes:
        free: Free donor cells [10^6/mL].
        leak_weight: Spatial weight of the leak, of mean 1 over the free cells.
        injected: Living donor cells that left the needle [million].
        leaked_at_once: Those that left with the back-flow [million].
        growth_factor: Growth factor [ng/mL].
        place: Share of every node in the injectate, where the product releases what it does on its own (platelets).
    """

    free: Float[Array, "columns levels"]
    leak_weight: Float[Array, "columns levels"]
    injected: Float[Array, ""]
    leaked_at_once: Float[Array, ""]
    growth_factor: Float[Array, "columns levels"]
    place: Float[Array, "columns levels"]

    def change(self, model: DiscModel, time: Float[Array, ""]) -> DiscModel:
        """The way out is that of this injection."""
        del time
        biology = model.biology
        if biology is not None:
            biology = replace(biology, pulse=replace(biology.pulse, place=self.place))
        return replace(model, leak_weight=self.leak_weight, biology=biology)

    def happen(self, model: DiscModel, state: SimulationState) -> SimulationState:
        """The cells float in the disc, and their clocks start."""
        cells = state.cells.with_injected(self.free)
        donor, new = total(model.volume, cells.donor), total(model.volume, self.free)
        share = jnp.where(donor > 0.0, new / jnp.where(donor > 0.0, donor, 1.0), 1.0)
        again = state.clocks.injected_again(share, model.parameters.donor.growth.mitogen_window)
        is_first = state.ledger.injected == 0.0
        clocks = jax.tree.map(lambda one, other: jnp.where(is_first, one, other), Clocks.together(0.0), again)
        signals = state.signals
        if signals is not None:
            signals = replace(signals, growth_factor=signals.growth_factor + self.growth_factor)
        ledger = state.ledger.dose(self.injected, self.leaked_at_once)
        return replace(state, cells=cells, clocks=clocks, signals=signals, ledger=ledger, since_event=jnp.zeros(()))


class InsultEvent(Event):
    """An injury of the disc.

    Attributes:
        lesion: What this insult alone does, on the mesh of the model.
        access: Fissure fraction that it adds to the annulus of the disc, for a mesh without one.
    """

    lesion: Lesion
    access: Float[Array, ""]

    def change(self, model: DiscModel, time: Float[Array, ""]) -> DiscModel:
        """The damage adds to that of the insults before."""
        biology = model.biology
        if biology is None:
            return model
        # Before the first insult the clock of the lesion stands at day 0, which may lie ahead.
        elapsed = jnp.maximum(time - biology.insult_time, 0.0)
        damage = compose(biology.lesion.after(elapsed), self.lesion)
        opened = biology.access + (1.0 - biology.access) * self.access
        return replace(model, biology=replace(biology.injured(damage, time), access=opened))

    def happen(self, model: DiscModel, state: SimulationState) -> SimulationState:
        """Matter and cells leave or die."""
        if state.matrix is None or state.matrix_ledger is None:
            return state
        untouched = Lesion.none(*model.volume.shape)
        account = ledger_of(
            untouched, self.lesion, state.matrix, state.cells.native_alive, model.volume, state.cells.donor
        )
        matrix, cells = injure(state.matrix, state.cells, self.lesion)
        return replace(
            state,
            matrix=matrix,
            cells=cells,
            ledger=state.ledger.insult(account.native, account.donor),
            matrix_ledger=state.matrix_ledger.insult(account),
            since_event=jnp.zeros(()),
        )


class LoadEvent(Event):
    """Another daily loading.

    Attributes:
        index: Daily load index; 1 is normal.
        magnitude: Amplitude of the pressure in the tissue [MPa].
    """

    jumps: ClassVar[bool] = False
    index: Float[Array, ""]
    magnitude: Float[Array, ""]

    def change(self, model: DiscModel, time: Float[Array, ""]) -> DiscModel:
        """The disc is loaded so from now on."""
        del time
        biology = model.biology
        if biology is not None:
            biology = replace(biology, load=replace(biology.load, magnitude=self.magnitude))
        return replace(model, surroundings=replace(model.surroundings, load=self.index), biology=biology)

    def happen(self, model: DiscModel, state: SimulationState) -> SimulationState:
        """Nothing jumps."""
        del model
        return state


class AgeingEvent(Event):
    """The supply and the senescence of a later age.

    Attributes:
        free, exchange, load: Boundary of the nutrition problem with the supply of that age.
        senescence_rate: Rate of senescence [1/day].
        years: Time since the last such event [year].
    """

    jumps: ClassVar[bool] = False
    free: Float[Array, "columns levels"]
    exchange: Float[Array, "3 columns levels"]
    load: Float[Array, "3 columns levels"]
    senescence_rate: Float[Array, ""]
    years: Float[Array, ""]

    def change(self, model: DiscModel, time: Float[Array, ""]) -> DiscModel:
        """The disc is fed and ages as at that time."""
        del time
        problem = replace(model.problem, free=self.free, exchange=self.exchange, load=self.load)
        aged = eqx.tree_at(lambda one: one.native.senescence.rate, model.parameters, self.senescence_rate)
        biology = model.biology
        if biology is not None:
            biology = replace(biology, setting=biology.setting.aged(self.years))
        return replace(model.fed_by(problem), parameters=aged, biology=biology)

    def happen(self, model: DiscModel, state: SimulationState) -> SimulationState:
        """Nothing jumps."""
        del model
        return state
