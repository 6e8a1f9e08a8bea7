"""The largest dose that a disc can feed is a root of its criterion (cells_matrix 6.9, 9)."""

from __future__ import annotations

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import central_column, load_disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.nutrition import SolverOptions, native_demand, solve, solve_nutrition, tissue_volumes
from pulposus.therapy import _safe_dose as module
from pulposus.therapy import largest_safe_dose, load_protocol
from pulposus.therapy._bolus import nucleus_volume
from pulposus.therapy._host import axial_host, spatial_host
from pulposus.therapy._safe_dose import lower_quantile, share_below

NAME = "crevensten-in-human"


def at(disc, cells, level="slab"):
    """What a dose [million] does."""
    protocol = load_protocol(NAME, [f"dose.cells={cells!r} million cell", "dose.cells_range=null"])
    return largest_safe_dose(disc, protocol, level=level).at_given


@pytest.fixture(scope="module")
def found(mild):
    return largest_safe_dose(mild, load_protocol(NAME))


def test_the_dose_meets_its_criterion(found, mild):
    # Found to 1e-6 of the dose; both criteria change by about their own size when the dose doubles.
    assert found.limited_by == "native cells"
    assert found.at_limit.native_survival == pytest.approx(0.95, abs=1e-5)
    assert found.at_limit.low_glucose_share < 0.05
    assert at(mild, found.cells).native_survival == pytest.approx(0.95, abs=1e-5)


def test_a_little_more_violates_it_and_a_little_less_does_not(found, mild):
    assert at(mild, 1.001 * found.cells).native_survival < 0.95
    assert at(mild, 0.999 * found.cells).native_survival > 0.95


def test_the_dose_does_not_depend_on_the_dose_it_is_asked_for(found, mild):
    other = largest_safe_dose(mild, load_protocol(NAME, ["dose.cells=3e6 cell"]))
    assert other.cells == pytest.approx(found.cells, rel=1e-5)
    assert (other.given, found.given) == (3.0, 10.0)


def test_the_burden_grows_with_the_dose(mild):
    burdens = [at(mild, cells) for cells in (1.0, 4.0, 8.0, 16.0, 32.0)]
    shares = [one.low_glucose_share for one in burdens]
    survivals = [one.native_survival for one in burdens]
    assert all(later >= earlier for earlier, later in pairwise(shares))
    assert all(later < earlier for earlier, later in pairwise(survivals))
    assert survivals[0] < 1.0


def test_glucose_limits_where_native_cells_do_not_count(mild, parameters):
    lenient = parameters.replace({"cells.safety.native_survival": 0.9, "cells.safety.starvation_glucose": 0.9})
    one = largest_safe_dose(mild, load_protocol(NAME), lenient)
    assert one.limited_by == "glucose"
    assert one.at_limit.low_glucose_share == pytest.approx(0.05, abs=1e-4)
    assert one.at_limit.native_survival > 0.9


def test_a_worse_disc_takes_less(found, human):
    worse = largest_safe_dose(human, load_protocol(NAME))
    assert worse.retained < found.retained


def test_a_rat_takes_whatever_can_be_injected(rat):
    one = largest_safe_dose(rat, load_protocol("crevensten-2004"))
    assert one.limited_by == "injection"
    assert one.at_limit.native_survival > 0.95
    # The bolus at the limit holds 60 million living cells per mL of filled tissue: a little more is refused.
    with pytest.raises(InvalidInput, match="million cells per mL"):
        largest_safe_dose(rat, load_protocol("crevensten-2004", [f"dose.cells={1.001 * one.cells} million cell"]))


def test_a_disc_that_starves_alone_takes_nothing(parameters):
    # The threshold at the upper end of its prior, in the worst disc of the library.
    strict = parameters.replace({"cells.safety.starvation_glucose": 1.0})
    disc = load_disc("human/L4-L5/grade5", "coarse")
    one = largest_safe_dose(disc, load_protocol(NAME, ["dose.volume=0.5 mL", "dose.cells=1e6 cell"]), strict)
    assert (one.limited_by, one.cells, one.retained) == ("disc", 0.0, 0.0)
    assert one.at_limit.low_glucose_share > 0.05
    assert one.at_limit.native_survival == 1.0


def test_in_3d_the_bolus_is_a_ball_and_the_dose_smaller(found, mild):
    ball = largest_safe_dose(mild, load_protocol(NAME), level="disc")
    assert ball.level == "disc"
    assert ball.cells < found.cells
    assert ball.at_limit.native_survival == pytest.approx(0.95, abs=1e-5)
    # cells_matrix 9: below 3 to 4 million retained cells per mL of nucleus.
    assert ball.retained_density < 4.0


def test_no_cells_no_dose(mild):
    with pytest.raises(InvalidInput, match="needs cells") as caught:
        largest_safe_dose(mild, load_protocol(f"{NAME}:carrier"))
    assert "10e6 cell" in caught.value.remedy


def test_a_solve_that_fails_is_an_error(mild, monkeypatch):
    failed = module._Response(jnp.asarray(1.0), jnp.asarray(0.0), jnp.asarray(1.0), jnp.asarray(1.0))
    monkeypatch.setattr(module, "_respond", lambda *_: failed)
    with pytest.raises(SolverFailed, match="times the dose"):
        largest_safe_dose(mild, load_protocol(NAME))


def test_the_host_consumes_what_the_disc_does(mild, parameters):
    host = spatial_host(mild, parameters)
    native = host.volume * host.native * host.native_rate_factor
    demand = native_demand(mild, tissue_volumes(mild))
    # The same sums in another order.
    np.testing.assert_allclose(native, demand[1], rtol=1e-12)
    np.testing.assert_allclose(native * host.oxygen_water, demand[0], rtol=1e-12)


def test_the_axis_of_a_sealed_cylinder_is_the_cylinder(sealed_cylinder, parameters):
    """One tissue and a sealed side: no field depends on the radius, so that 3D and axis agree to what the polygons of the mesh cost."""
    disc = load_disc(sealed_cylinder, "coarse")
    host = axial_host(disc, parameters)
    oxygen = host.volume * host.native * host.native_rate_factor
    problem = host.problem.with_demand(jnp.stack([oxygen * host.oxygen_water, oxygen, oxygen]))
    axis = solve(problem, options=SolverOptions(tolerance=1e-10)).solutes[:, 0]
    whole = solve_nutrition(disc, parameters, options=SolverOptions(tolerance=1e-10)).solution.solutes
    np.testing.assert_allclose(axis, whole[:, disc.topology.centre[0]], rtol=1e-3)


def test_the_axis_is_fed_through_the_cartilage_endplates(mild, parameters):
    host, column = axial_host(mild, parameters), central_column(mild)
    area = float(host.nucleus_layers.sum()) / float(jnp.diff(column.positions)[np.asarray(column.tissue) == 0].sum())
    # k = D_CEP / t P / (1 - P) over the cross-section that gives the bar the volume of the nucleus.
    supply, thickness = float(column.endplate_supply[0]), float(column.endplate_thickness[0])
    expected = np.asarray(mild.tissue.diffusivity[:, 2]) / thickness * supply / (1.0 - supply) * area
    np.testing.assert_allclose(host.problem.exchange[:, 0, 0], expected, rtol=1e-12)
    assert not host.problem.exchange[:, 0, 1:-1].any()
    assert float(host.nucleus.sum()) == pytest.approx(1e3 * nucleus_volume(mild), rel=1e-9)


def test_the_share_below_a_threshold_is_exact_for_linear_fields():
    heights = np.array([[0.0, 1.0, 3.0]])
    layers = jnp.asarray([[1.0, 2.0]])
    for threshold, share in ((-0.1, 0.0), (0.6, 0.2), (1.5, 0.5), (3.0, 1.0)):
        assert float(share_below(jnp.asarray(heights), layers, jnp.asarray(threshold))) == pytest.approx(
            share, abs=1e-15
        )
    flat = jnp.ones((1, 3))
    assert float(share_below(flat, layers, jnp.asarray(1.0))) == 0.0
    assert float(share_below(flat, layers, jnp.asarray(1.1))) == 1.0


def test_the_quantile_inverts_the_share():
    generator = np.random.default_rng(5)
    values = jnp.asarray(generator.uniform(0.0, 4.0, (6, 9)))
    layers = jnp.asarray(generator.uniform(0.1, 1.0, (6, 8)))
    for share in (0.01, 0.05, 0.5):
        quantile = lower_quantile(values, layers, jnp.asarray(share))
        # Sixty halvings of an interval of 4.
        assert float(share_below(values, layers, quantile)) == pytest.approx(share, abs=1e-12)
