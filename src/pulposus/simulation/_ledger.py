r"""The account of the cells of a disc: what came in, was born, left and died (cells_matrix 6.1).

.. math:: \mathrm{injected} + \mathrm{born} = \mathrm{alive} + \mathrm{leaked} + \mathrm{dead}

Totals are in millions of cells; a density in 10^6/mL times a volume in mm3 is 10^-3 million.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellFlows, CellState

MILLION_PER_DENSITY_VOLUME = 1e-3


def total(volume: Float[Array, "columns levels"], density: Float[Array, "columns levels"]) -> Float[Array, ""]:
    """Number of cells [million]."""
    return MILLION_PER_DENSITY_VOLUME * jnp.sum(volume * density)


class Ledger(eqx.Module):
    """Cumulative flows of the whole disc [million cells].

    Attributes:
        leaked_at_once: Donor cells that left with the back-flow.
        flows: Everything that passed since, summed over the nodes.
    """

    leaked_at_once: Float[Array, ""]
    flows: CellFlows

    @classmethod
    def open(cls, cells: CellState, leaked_at_once: Float[Array, ""]) -> Ledger:
        """The account right after the injection."""
        return cls(leaked_at_once, jax.tree.map(lambda values: jnp.zeros(()), CellFlows.nothing(cells)))

    def add(self, volume: Float[Array, "columns levels"], flows: CellFlows) -> Ledger:
        """The account after a step."""
        summed = jax.tree.map(lambda before, amount: before + total(volume, amount), self.flows, flows)
        return Ledger(self.leaked_at_once, summed)


class CellTotals(eqx.Module):
    """Numbers of cells of a disc at one time [million].

    Attributes:
        injected, born, leaked, dead: Donor cells since the injection.
        free, attached, differentiated: Living donor cells now.
        native_alive, native_initial: Native cells now and at the start.
    """

    injected: Float[Array, ""]
    born: Float[Array, ""]
    leaked: Float[Array, ""]
    dead: Float[Array, ""]
    free: Float[Array, ""]
    attached: Float[Array, ""]
    differentiated: Float[Array, ""]
    native_alive: Float[Array, ""]
    native_initial: Float[Array, ""]

    @property
    def alive(self) -> Float[Array, ""]:
        """Living donor cells [million]."""
        return self.free + self.attached + self.differentiated

    @property
    def native_alive_fraction(self) -> Float[Array, ""]:
        """Living share of the native cells of the start; 1 in a disc without any."""
        had = self.native_initial > 0.0
        return jnp.where(had, self.native_alive / jnp.where(had, self.native_initial, 1.0), 1.0)

    @property
    def imbalance(self) -> Float[Array, ""]:
        """injected + born - alive - leaked - dead [million]; zero to rounding."""
        return self.injected + self.born - self.alive - self.leaked - self.dead

    @classmethod
    def count(
        cls,
        volume: Float[Array, "columns levels"],
        cells: CellState,
        initial: CellState,
        ledger: Ledger,
        injected: Float[Array, ""],
    ) -> CellTotals:
        """Totals of a state and its ledger."""
        return cls(
            injected=injected,
            born=ledger.flows.born,
            leaked=ledger.leaked_at_once + ledger.flows.leaked,
            dead=ledger.flows.deaths.total,
            free=total(volume, cells.free),
            attached=total(volume, cells.attached),
            differentiated=total(volume, cells.differentiated),
            native_alive=total(volume, cells.native_alive),
            native_initial=total(volume, initial.native_alive),
        )
