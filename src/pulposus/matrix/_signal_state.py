"""The signals of a disc (cells_matrix 1.1)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp

from pulposus.cells._arrays import Field, as_field


class SignalState(eqx.Module):
    """Signals at every node; all fields have the shape of the cell densities.

    Attributes:
        cytokine: Catabolic cytokine c (interleukin-1 beta and TNF lumped); 1 is typical of grade IV.
        paracrine: Anti-inflammatory factor p of donor cells; 1 is that of 10^6 attached cells per mL, uniform.
        growth_factor: Exogenous growth factor G [ng/mL].
        enzyme: Net activity e of matrix-degrading enzymes; 1 is typical of grade IV.
    """

    cytokine: Field = eqx.field(converter=as_field)
    paracrine: Field = eqx.field(converter=as_field)
    growth_factor: Field = eqx.field(converter=as_field)
    enzyme: Field = eqx.field(converter=as_field)

    @classmethod
    def untreated(cls, cytokine: Field, enzyme: Field) -> SignalState:
        """A disc that holds no donor cells and no growth factor."""
        nothing = jnp.zeros_like(cytokine)
        return cls(cytokine, nothing, nothing, enzyme)
