"""Which law acts on which population (cells_matrix 2.1, 2.3, 2.4; rulings 13, 14, 15)."""

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, CellState, Environment, Product, cell_rates


def rates(
    parameters: CellParameters, product: Product, *, leak_weight: float = 1.0, load: float = 1.0, time: float = 4.0
):
    """Rates in a place with four different death rates, half crowded."""
    place = Environment(oxygen=2.0, glucose=0.3, pH=6.79, osmolarity=500.0, annulus_opening=0.5, load=load)
    state = CellState(native=4.0, senescent=1.0, free=5.0, attached=15.0, differentiated=10.0, dead=2.0)
    return cell_rates(state, place, product, parameters, time, leak_weight)


def logistic(x: float) -> float:
    return 1.0 / (1.0 + np.exp(-x))


def test_leak_takes_track_load_and_place(parameters, product):
    found = [
        float(rates(parameters, product, leak_weight=weight, load=load).free.leak)
        for weight, load in ((1.0, 1.0), (3.0, 1.0), (0.0, 1.0), (1.0, 0.8))
    ]
    whole = 0.8 * 0.5 * np.exp(-4.0 / 5.0)
    np.testing.assert_allclose(found, whole * np.array([1.0, 3.0, 0.0, 0.8]), rtol=1e-14)


def test_each_population_has_its_own_acid_law(parameters, product):
    found = rates(parameters, product)
    native, donor = (0.325728 * logistic(x) for x in ((6.78 - 6.79) / 0.03, (6.80 - 6.79) / 0.06))
    assert [float(found.native.acid), float(found.differentiated.acid)] == pytest.approx([native, native], rel=1e-12)
    assert [float(found.free.acid), float(found.attached.acid)] == pytest.approx([donor, donor], rel=1e-12)


def test_notochordal_thresholds_are_for_native_cells_only(constants, product):
    found = rates(CellParameters.from_parameters(constants, notochordal=True), product)
    young, mature = 2.0 * 0.5 / 0.5, 2.0 * 0.2 / 0.5
    assert float(found.native.glucose) == pytest.approx(young, rel=1e-13)
    others = [float(kind.glucose) for kind in (found.free, found.attached, found.differentiated)]
    assert others == pytest.approx([mature] * 3, rel=1e-13)


def test_salt_and_immunity_spare_free_cells(constants, parameters):
    found = rates(parameters, Product.from_parameters(constants, immunity="allogeneic"), time=14.0)
    assert float(found.attached.osmotic) == pytest.approx(0.01, rel=1e-13)
    assert float(found.differentiated.osmotic) == 0.0
    kill = 0.02 * 0.55 * 0.5
    assert [float(found.attached.immune), float(found.differentiated.immune)] == pytest.approx([kill, kill], rel=1e-13)
    assert not hasattr(found.free, "osmotic")
    assert not hasattr(found.free, "immune")


def test_basal_death_anoikis_growth_and_clearance(parameters, product):
    found = rates(parameters, product)
    assert [float(found.free.basal), float(found.attached.basal)] == [0.004, 0.004]
    assert float(found.differentiated.basal) == 0.002
    assert float(found.free.anoikis) == 0.30
    # Native cells do not crowd: (1 - 30 / 60) of the growth; differentiated cells grow at a quarter.
    support = 0.3 / 0.6 * logistic((6.79 - 6.85) / 0.08) * logistic((485.0 - 500.0) / 25.0)
    growth = 0.12 * np.exp(-4.0 / 21.0) * support * 0.5
    assert float(found.attached.growth) == pytest.approx(growth, rel=1e-12)
    assert float(found.differentiated.growth) == pytest.approx(0.25 * growth, rel=1e-12)
    assert float(found.native.growth) == 0.0
    assert float(found.dead_clearance) == pytest.approx(np.log(2.0) / 7.0, rel=1e-14)


def test_the_source_scales_differentiation(constants, parameters, product):
    marrow = rates(parameters, product).attached.differentiation
    fat = rates(parameters, Product.from_parameters(constants, source="adipose")).attached.differentiation
    assert float(marrow) > 0.0
    assert float(fat) == pytest.approx(0.8 * float(marrow), rel=1e-14)


def test_motility_coefficients(parameters):
    assert [float(parameters.motility.random), float(parameters.motility.chemotaxis)] == [0.01, 0.02]
    assert parameters.motility.random.dtype == jnp.float64
