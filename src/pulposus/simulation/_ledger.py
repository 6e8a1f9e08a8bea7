r"""The accounts of the cells and of the matrix of a disc: what came in, was born or made, left and died (cells_matrix 6.1).

.. math:: \mathrm{injected} + \mathrm{born} = \mathrm{alive} + \mathrm{leaked} + \mathrm{dead}

Totals are in millions of cells and in mg; a density in 10^6/mL or mg/mL times a volume in mm3 is 10^-3 of that.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellFlows, CellState
from pulposus.matrix import CellLoss, InsultLedger, MatrixFlows, MatrixLoss, MatrixState

MILLION_PER_DENSITY_VOLUME = 1e-3


def total(volume: Float[Array, "columns levels"], density: Float[Array, "columns levels"]) -> Float[Array, ""]:
    """Number of cells [million] of a density in 10^6/mL, or mass [mg] of one in mg/mL."""
    return MILLION_PER_DENSITY_VOLUME * jnp.sum(volume * density)


class Ledger(eqx.Module):
    """Account of the whole disc since the start [million cells].

    Attributes:
        injected: Living donor cells that left the needle.
        leaked_at_once: Those that left with the back-flow.
        native_initial: Native cells at the start.
        native_removed, donor_removed: Living cells that insults took out of the disc.
        native_killed, donor_killed: Those that insults killed in the disc.
        flows: Everything that passed since, summed over the nodes.
    """

    injected: Float[Array, ""]
    leaked_at_once: Float[Array, ""]
    native_initial: Float[Array, ""]
    native_removed: Float[Array, ""]
    native_killed: Float[Array, ""]
    donor_removed: Float[Array, ""]
    donor_killed: Float[Array, ""]
    flows: CellFlows

    @classmethod
    def open(
        cls,
        volume: Float[Array, "columns levels"],
        cells: CellState,
        injected: Float[Array, ""],
        leaked_at_once: Float[Array, ""],
    ) -> Ledger:
        """The account at the start."""
        none = jnp.zeros(())
        flows = jax.tree.map(lambda values: none, CellFlows.nothing(cells))
        return cls(injected, leaked_at_once, total(volume, cells.native_alive), none, none, none, none, flows)

    def add(self, volume: Float[Array, "columns levels"], flows: CellFlows) -> Ledger:
        """The account after a step."""
        summed = jax.tree.map(lambda before, amount: before + total(volume, amount), self.flows, flows)
        return eqx.tree_at(lambda one: one.flows, self, summed)

    def dose(self, injected: Float[Array, ""] | float, leaked_at_once: Float[Array, ""] | float) -> Ledger:
        """The account after an injection [million cells]."""
        return eqx.tree_at(
            lambda one: (one.injected, one.leaked_at_once),
            self,
            (self.injected + injected, self.leaked_at_once + leaked_at_once),
        )

    def insult(self, native: CellLoss, donor: CellLoss) -> Ledger:
        """The account after an insult."""
        return eqx.tree_at(
            lambda one: (one.native_removed, one.native_killed, one.donor_removed, one.donor_killed),
            self,
            (
                self.native_removed + jnp.sum(native.removed),
                self.native_killed + native.killed,
                self.donor_removed + jnp.sum(donor.removed),
                self.donor_killed + donor.killed,
            ),
        )


class MatrixPools(eqx.Module):
    """Amounts of the pools that have an account [mg]."""

    glycosaminoglycan: Float[Array, ""]
    collagen_II: Float[Array, ""]
    collagen_I: Float[Array, ""]


class MatrixLedger(eqx.Module):
    """Account of the matrix of the whole disc since the start [mg].

    Attributes:
        initial: Amounts at the start.
        made, lost: By synthesis and turnover since.
        removed: By insults since, digested included.
        tissue_removed: Volume of the tissue that insults took since [mm3]: outside the annulus, into the bone, with the surgeon.
    """

    initial: MatrixPools
    made: MatrixPools
    lost: MatrixPools
    removed: MatrixPools
    tissue_removed: Float[Array, "3"]

    @classmethod
    def open(cls, volume: Float[Array, "columns levels"], matrix: MatrixState) -> MatrixLedger:
        """The account at the start."""
        none = MatrixPools(jnp.zeros(()), jnp.zeros(()), jnp.zeros(()))
        return cls(pools_of(volume, matrix), none, none, none, jnp.zeros(3))

    def add(self, volume: Float[Array, "columns levels"], flows: MatrixFlows) -> MatrixLedger:
        """The account after a step."""
        made = (flows.glycosaminoglycan_made, flows.collagen_II_made, flows.collagen_I_made)
        lost = (flows.glycosaminoglycan_lost, flows.collagen_II_lost, flows.collagen_I_lost)
        return eqx.tree_at(
            lambda one: (one.made, one.lost),
            self,
            (_more(self.made, volume, made), _more(self.lost, volume, lost)),
        )

    def insult(self, ledger: InsultLedger) -> MatrixLedger:
        """The account after an insult."""

        def gone(*losses: MatrixLoss) -> Float[Array, ""]:
            return sum((jnp.sum(loss.removed) + loss.digested for loss in losses), jnp.zeros(()))

        amounts = (gone(ledger.aggrecan, ledger.fragments), gone(ledger.collagen_II), gone(ledger.collagen_I))
        before = self.removed
        removed = MatrixPools(
            before.glycosaminoglycan + amounts[0], before.collagen_II + amounts[1], before.collagen_I + amounts[2]
        )
        tissue = self.tissue_removed + ledger.tissue
        return eqx.tree_at(lambda one: (one.removed, one.tissue_removed), self, (removed, tissue))

    def imbalance(self, volume: Float[Array, "columns levels"], matrix: MatrixState) -> Float[Array, ""]:
        """Largest of initial + made - lost - removed - present, each over the initial amount; zero to rounding."""
        present = pools_of(volume, matrix)

        def share(first: Array, made: Array, lost: Array, removed: Array, now: Array) -> Array:
            return jnp.abs(first + made - lost - removed - now) / jnp.where(first > 0.0, first, 1.0)

        shares = jax.tree.map(share, self.initial, self.made, self.lost, self.removed, present)
        return jnp.max(jnp.stack(jax.tree.leaves(shares)))


def pools_of(volume: Float[Array, "columns levels"], matrix: MatrixState) -> MatrixPools:
    """Amounts in the disc [mg]."""
    return MatrixPools(
        total(volume, matrix.glycosaminoglycan), total(volume, matrix.collagen_II), total(volume, matrix.collagen_I)
    )


def _more(
    before: MatrixPools, volume: Float[Array, "columns levels"], densities: tuple[Array, Array, Array]
) -> MatrixPools:
    """The account with amounts per volume [mg/mL] added."""
    amounts = [total(volume, density) for density in densities]
    return MatrixPools(
        before.glycosaminoglycan + amounts[0], before.collagen_II + amounts[1], before.collagen_I + amounts[2]
    )


class CellTotals(eqx.Module):
    """Numbers of cells of a disc at one time [million].

    Attributes:
        injected, born, leaked, dead: Donor cells since the first injection.
        free, attached, differentiated: Living donor cells now.
        native_alive, native_initial: Native cells now and at the start.
        native_born, native_dead, native_removed: Native cells since the start.
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
    native_born: Float[Array, ""]
    native_dead: Float[Array, ""]
    native_removed: Float[Array, ""]

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

    @property
    def native_imbalance(self) -> Float[Array, ""]:
        """initial + born - alive - dead - removed of the native cells [million]; zero to rounding."""
        return self.native_initial + self.native_born - self.native_alive - self.native_dead - self.native_removed

    @classmethod
    def count(cls, volume: Float[Array, "columns levels"], cells: CellState, ledger: Ledger) -> CellTotals:
        """Totals of a state and its ledger."""
        return cls(
            injected=ledger.injected,
            born=ledger.flows.born,
            leaked=ledger.leaked_at_once + ledger.flows.leaked + ledger.donor_removed,
            dead=ledger.flows.deaths.total + ledger.donor_killed,
            free=total(volume, cells.free),
            attached=total(volume, cells.attached),
            differentiated=total(volume, cells.differentiated),
            native_alive=total(volume, cells.native_alive),
            native_initial=ledger.native_initial,
            native_born=ledger.flows.native.born,
            native_dead=ledger.flows.native.dead + ledger.native_killed,
            native_removed=ledger.native_removed,
        )
