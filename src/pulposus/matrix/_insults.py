r"""What an insult does to the matrix and the cells of a disc, and the account of what left (cells_matrix 3; verification 6.13).

.. math::

    A' &= A\,(1 - \textstyle\sum l)\, a, \qquad K' = K\,(1 - \textstyle\sum l), \qquad
    S' = S\, s, \qquad w' = 1 - (1 - w)(1 - w_+) \\
    n' &= n\,(1 - \textstyle\sum l)(1 - k), \qquad x' = (x + k\, n_{alive})(1 - \textstyle\sum l)

with the lost shares l by destination, the factor a of an enzyme on aggrecan, the killed share k and the fissure w_+ of the
`pulposus.disc.Lesion`. Everything that lies in the lost tissue leaves with it, donor and dead cells included; the cells that an insult
kills are dead cells of the disc.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellState
from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.disc import Lesion
from pulposus.matrix._matrix_state import MatrixState

Nodal = Float[Array, "columns levels"]
ByDestination = Float[Array, "3"]

# A density per mL times a volume in mm3.
_PER_ML = 1e-3


class MatrixLoss(eqx.Module):
    """One pool of the matrix before and after an insult [mg].

    Attributes:
        before, after: Amount in the disc.
        removed: Amount that left: outside the annulus, into the bone, with the surgeon.
        digested: Amount that an enzyme cut.
    """

    before: Scalar
    after: Scalar
    removed: ByDestination
    digested: Scalar

    @property
    def imbalance(self) -> Scalar:
        """before - after - removed - digested [mg]; zero to rounding."""
        return self.before - self.after - jnp.sum(self.removed) - self.digested


class CellLoss(eqx.Module):
    """Living cells of one origin before and after an insult [million].

    Attributes:
        before, after: Number in the disc.
        removed: Number that left: outside the annulus, into the bone, with the surgeon.
        killed: Number that the insult killed in the disc.
    """

    before: Scalar
    after: Scalar
    removed: ByDestination
    killed: Scalar

    @property
    def imbalance(self) -> Scalar:
        """before - after - removed - killed [million]; zero to rounding."""
        return self.before - self.after - jnp.sum(self.removed) - self.killed


class InsultLedger(eqx.Module):
    """What one insult took from a disc.

    Attributes:
        tissue: Volume of tissue that left [mm3]: outside the annulus, into the bone, with the surgeon.
        aggrecan, fragments, collagen_II, collagen_I: The matrix [mg].
        native, donor: The living cells [million].
    """

    tissue: ByDestination
    aggrecan: MatrixLoss
    fragments: MatrixLoss
    collagen_II: MatrixLoss
    collagen_I: MatrixLoss
    native: CellLoss
    donor: CellLoss


def injure(matrix: MatrixState, cells: CellState, lesion: Lesion) -> tuple[MatrixState, CellState]:
    """Matrix and cells right after an insult.

    Args:
        matrix, cells: Right before it; nodal fields (columns, levels).
        lesion: The lesion of this insult alone (`pulposus.disc.lesion_of`), or that of the disc for an uninjured state.
    """
    left, alive = lesion.matrix_left, lesion.live_cells_left
    injured = MatrixState(
        aggrecan=matrix.aggrecan * left * lesion.aggrecan_left,
        fragments=matrix.fragments * left,
        collagen_II=matrix.collagen_II * left,
        collagen_I=matrix.collagen_I * left,
        annulus_order=matrix.annulus_order * lesion.order_left,
        fissure=matrix.fissure + (1.0 - matrix.fissure) * lesion.fissure,
    )
    died = lesion.killed * (cells.native_alive + cells.donor)
    survivors = CellState(
        native=cells.native * alive,
        senescent=cells.senescent * alive,
        free=cells.free * alive,
        attached=cells.attached * alive,
        differentiated=cells.differentiated * alive,
        dead=(cells.dead + died) * lesion.cells_left,
    )
    return injured, survivors


def ledger_of(
    before: Lesion,
    after: Lesion,
    matrix: MatrixState,
    native: ArrayLike,
    volume: Nodal,
    donor: ArrayLike = 0.0,
) -> InsultLedger:
    """Account of the insult that turned one lesion into the next.

    Args:
        before: Lesion before the insult; `Lesion.none` where `matrix` and the cells are those right before it.
        after: Lesion after it; then that of the insult alone.
        matrix: Matrix of the disc without either lesion [mg/mL].
        native: Living native cells, senescent ones included, without either lesion [10^6/mL].
        volume: Volume of every node [mm3].
        donor: Living donor cells without either lesion [10^6/mL].
    """
    gone = after.lost - before.lost

    def pool(density: Field, cut_before: Nodal | float = 1.0, cut_after: Nodal | float = 1.0) -> MatrixLoss:
        amount = _PER_ML * volume * density
        return MatrixLoss(
            before=jnp.sum(amount * before.matrix_left * cut_before),
            after=jnp.sum(amount * after.matrix_left * cut_after),
            removed=_by_destination(gone, amount * cut_before),
            digested=jnp.sum(amount * after.matrix_left * (cut_before - cut_after)),
        )

    def population(density: ArrayLike) -> CellLoss:
        amount = _PER_ML * volume * as_field(density)
        return CellLoss(
            before=jnp.sum(amount * before.live_cells_left),
            after=jnp.sum(amount * after.live_cells_left),
            removed=_by_destination(gone, amount * (1.0 - before.killed)),
            killed=jnp.sum(amount * after.cells_left * (after.killed - before.killed)),
        )

    return InsultLedger(
        tissue=_by_destination(gone, volume),
        aggrecan=pool(matrix.aggrecan, before.aggrecan_left, after.aggrecan_left),
        fragments=pool(matrix.fragments),
        collagen_II=pool(matrix.collagen_II),
        collagen_I=pool(matrix.collagen_I),
        native=population(native),
        donor=population(donor),
    )


def _by_destination(gone: Float[Array, "3 columns levels"], amount: Nodal) -> ByDestination:
    return jnp.einsum("dcz,cz->d", gone, amount)
