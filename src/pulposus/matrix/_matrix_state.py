"""The matrix of a disc and what happened to it during a step (cells_matrix 1.1, 2.7).

new - old = made - lost          glycosaminoglycan and both collagens
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp

from pulposus.cells._arrays import Field, as_field


class MatrixState(eqx.Module):
    """The solid of the disc per volume of present tissue; all fields have one common shape.

    Attributes:
        aggrecan: Glycosaminoglycan on large, retained aggrecan (A) [mg/mL].
        fragments: Glycosaminoglycan on retained fragments (Af) [mg/mL].
        collagen_II, collagen_I: Collagens (K2, K1) [mg/mL].
        annulus_order: Structural order (S), 1 intact lamellae, 0 scar; it means something in the annulus only.
        fissure: Share of the tissue that is cleft or track (w), 0 to 1.
    """

    aggrecan: Field = eqx.field(converter=as_field)
    fragments: Field = eqx.field(converter=as_field)
    collagen_II: Field = eqx.field(converter=as_field)
    collagen_I: Field = eqx.field(converter=as_field)
    annulus_order: Field = eqx.field(converter=as_field)
    fissure: Field = eqx.field(converter=as_field)

    @property
    def glycosaminoglycan(self) -> Field:
        """X = A + Af, all that carries fixed charge [mg/mL]."""
        return self.aggrecan + self.fragments


class MatrixFlows(eqx.Module):
    """Amounts per volume that passed during a step [mg/mL]; add them up for a ledger.

    Attributes:
        made_by_native, made_by_donor: Glycosaminoglycan synthesised by native (also senescent) and by donor cells.
        fragmented: Aggrecan that became fragments; it stays in the disc.
        aggrecan_lost, fragments_lost: Glycosaminoglycan that left the tissue.
        collagen_II_made, collagen_II_lost, collagen_I_made, collagen_I_lost: Collagens.
    """

    made_by_native: Field
    made_by_donor: Field
    fragmented: Field
    aggrecan_lost: Field
    fragments_lost: Field
    collagen_II_made: Field
    collagen_II_lost: Field
    collagen_I_made: Field
    collagen_I_lost: Field

    @property
    def glycosaminoglycan_made(self) -> Field:
        """By all cells [mg/mL]."""
        return self.made_by_native + self.made_by_donor

    @property
    def glycosaminoglycan_lost(self) -> Field:
        """From both pools [mg/mL]."""
        return self.aggrecan_lost + self.fragments_lost

    @classmethod
    def nothing(cls, state: MatrixState) -> MatrixFlows:
        """No flow, of the shape of the state: the start of a ledger."""
        zero = jnp.zeros_like(state.aggrecan)
        return cls(zero, zero, zero, zero, zero, zero, zero, zero, zero)
