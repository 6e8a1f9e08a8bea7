"""The clocks of donor cells after one and after several injections."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellState, Clocks, advance
from pulposus.cells._clocks import as_clocks


def test_one_injection_is_one_clock(grade_three, product, parameters):
    cells = CellState(3.0, 0.3, 2.0, 1.0, 0.5, 0.0)
    by_time, _ = advance(cells, grade_three, product, parameters, 3.0, 0.5)
    by_clocks, _ = advance(cells, grade_three, product, parameters, Clocks.together(3.0), 0.5)
    assert eqx.tree_equal(by_time, by_clocks)


def test_clocks_go_on_together():
    later = Clocks(1.0, 20.0, 30.0).later(0.5)
    assert (float(later.since_injection), float(later.since_culture), float(later.since_exposure)) == (1.5, 20.5, 30.5)
    assert as_clocks(later) is later


def test_a_second_injection_opens_the_track_and_renews_the_stimulus():
    window = 21.0
    again = Clocks(40.0, 40.0, 40.0).injected_again(jnp.asarray(0.25), jnp.asarray(window))
    assert float(again.since_injection) == 0.0
    assert float(again.since_exposure) == 40.0
    # The mean stimulus of a quarter fresh cells and three quarters old ones, by hand.
    stimulus = 0.25 + 0.75 * np.exp(-40.0 / window)
    assert np.exp(-float(again.since_culture) / window) == pytest.approx(stimulus, rel=1e-14)


@pytest.mark.parametrize(("share", "age"), [(1.0, 0.0), (0.0, 40.0)])
def test_its_limits(share, age):
    again = Clocks(40.0, 40.0, 40.0).injected_again(jnp.asarray(share), jnp.asarray(21.0))
    assert float(again.since_culture) == pytest.approx(age, abs=1e-12)
