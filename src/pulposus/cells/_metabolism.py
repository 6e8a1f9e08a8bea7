"""How much the cells consume, counted in native cells, for the nutrition room (rulings 6, 8, 12, 30).

    oxygen  = phi_m M N_native + a_O (mF + mA) + d_O mD
    glucose = phi_m M N_native + a_G (mF + mA) + d_G mD      (also lactate)

with the metabolically active fraction phi_m and the metabolic multiplier M of the grade, both on native cells only.
Weights of expanded stem cells: transport 5. There is no clock: turning into a nucleus-like cell lowers the demand.
"""

from __future__ import annotations

from jax.typing import ArrayLike

from pulposus.cells._arrays import Field
from pulposus.cells._product import Product
from pulposus.cells._state import CellState


def demand_weights(
    state: CellState,
    product: Product,
    active_fraction: ArrayLike = 1.0,
    metabolic_multiplier: ArrayLike = 1.0,
    consumption_factor: ArrayLike = 1.0,
) -> tuple[Field, Field]:
    """Density of native nucleus cells that would consume as much as all cells present.

    Args:
        state: Cell densities.
        product: The cell product, with its weights.
        active_fraction: Metabolically active fraction of the native cells (grade).
        metabolic_multiplier: Metabolic multiplier of the native cells (grade).
        consumption_factor: Species factor of the native cells, `CellParameters.native.consumption_factor`.

    Returns:
        Equivalent densities for oxygen and for glucose and lactate [10^6/mL].
    """
    native = state.native_alive * active_fraction * metabolic_multiplier * consumption_factor
    undifferentiated = state.free + state.attached
    fresh, mature = product.demand, product.differentiated_demand
    return (
        native + fresh.oxygen * undifferentiated + mature.oxygen * state.differentiated,
        native + fresh.glucose * undifferentiated + mature.glucose * state.differentiated,
    )
