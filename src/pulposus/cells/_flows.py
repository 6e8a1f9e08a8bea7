"""What happened to the cells during a step: the entries of the ledger (cells_matrix 6.1).

injected + born = alive + leaked + dead          donor cells
n0 + born       = alive + dead                   native cells
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp

from pulposus.cells._arrays import Field
from pulposus.cells._state import CellState


class DonorDeaths(eqx.Module):
    """Donor cells that died, by cause [10^6/mL]."""

    anoikis: Field
    glucose: Field
    acid: Field
    osmotic: Field
    basal: Field
    immune: Field

    @property
    def total(self) -> Field:
        """All causes [10^6/mL]."""
        return self.anoikis + self.glucose + self.acid + self.osmotic + self.basal + self.immune


class NativeFlows(eqx.Module):
    """Native cells that were born, died by cause, or grew senescent [10^6/mL].

    Attributes:
        born: Daughters of non-senescent cells.
        glucose, acid: Deaths of native and senescent cells.
        cleared: Senescent cells removed alive (senolysis); they count as dead.
        senesced: Cells that went from native to senescent; alive.
    """

    born: Field
    glucose: Field
    acid: Field
    cleared: Field
    senesced: Field

    @property
    def dead(self) -> Field:
        """All native deaths [10^6/mL]."""
        return self.glucose + self.acid + self.cleared


class CellFlows(eqx.Module):
    """Amounts per volume that passed during a step [10^6/mL].

    Attributes:
        leaked: Free cells that left the disc.
        attached: Free cells that attached.
        differentiated: Cells that became nucleus-like (also those that attach as such).
        born: Daughters of donor cells.
        deaths: Donor deaths by cause.
        native: Native cells.
        removed: Dead cells of every origin that were cleared.
    """

    leaked: Field
    attached: Field
    differentiated: Field
    born: Field
    deaths: DonorDeaths
    native: NativeFlows
    removed: Field

    @classmethod
    def nothing(cls, state: CellState) -> CellFlows:
        """No flow, of the shape of the state: the start of a ledger."""
        zero = jnp.zeros_like(state.native)
        return cls(
            leaked=zero,
            attached=zero,
            differentiated=zero,
            born=zero,
            deaths=DonorDeaths(zero, zero, zero, zero, zero, zero),
            native=NativeFlows(zero, zero, zero, zero, zero),
            removed=zero,
        )
