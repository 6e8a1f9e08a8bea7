"""Demand of the cells in native cells (rulings 6, 8, 12, 30)."""

import numpy as np

from pulposus.cells import CellState, Product, demand_weights


def state() -> CellState:
    return CellState(native=3.0, senescent=0.6, free=1.0, attached=2.0, differentiated=4.0, dead=7.0)


def test_stem_cells_weigh_more_and_grade_acts_on_native_cells_only(product):
    oxygen, glucose = demand_weights(state(), product, 0.75, 1.6, 1.5)
    native = 3.6 * 0.75 * 1.6 * 1.5
    np.testing.assert_allclose([oxygen, glucose], [native + 5 * 3.0 + 4.0, native + 2 * 3.0 + 4.0], rtol=1e-15)


def test_disc_cells_consume_like_native_ones(constants):
    oxygen, glucose = demand_weights(state(), Product.from_parameters(constants, source="disc_cells"))
    np.testing.assert_allclose([oxygen, glucose], [3.6 + 7.0, 3.6 + 7.0], rtol=1e-15)
