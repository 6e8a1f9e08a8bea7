"""The cell densities of a disc (cells_matrix 1.1)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, as_field


class CellState(eqx.Module):
    """Densities in 10^6 cells per mL of present tissue; all fields have one common shape.

    Attributes:
        native: Native, viable and not senescent (n).
        senescent: Native, viable and senescent (s).
        free: Donor, in the injectate and not attached (mF).
        attached: Donor, attached or embedded in the gel, not differentiated (mA).
        differentiated: Donor, nucleus-like (mD).
        dead: Dead cells of every origin that are not cleared yet (x).
    """

    native: Field = eqx.field(converter=as_field)
    senescent: Field = eqx.field(converter=as_field)
    free: Field = eqx.field(converter=as_field)
    attached: Field = eqx.field(converter=as_field)
    differentiated: Field = eqx.field(converter=as_field)
    dead: Field = eqx.field(converter=as_field)

    @classmethod
    def without_donor(cls, native: ArrayLike, senescent: ArrayLike = 0.0) -> CellState:
        """A disc before any treatment.

        Args:
            native: Native density [10^6/mL].
            senescent: Senescent density [10^6/mL], a scalar or of the same shape.
        """
        density = as_field(native)
        zero = jnp.zeros_like(density)
        return cls(density, zero + as_field(senescent), zero, zero, zero, zero)

    def with_injected(self, free: ArrayLike) -> CellState:
        """The same disc with free donor cells added [10^6/mL]."""
        return eqx.tree_at(lambda state: state.free, self, self.free + as_field(free))

    @property
    def donor(self) -> Field:
        """Live donor cells, N of the crowding law (rulings 11) [10^6/mL]."""
        return self.free + self.attached + self.differentiated

    @property
    def native_alive(self) -> Field:
        """Live native cells, n + s [10^6/mL]."""
        return self.native + self.senescent
