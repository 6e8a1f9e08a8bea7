"""Signs and rankings of the messenger network (cells_matrix 2.8)."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.matrix import network
from pulposus.parameters import load_parameters

NETWORK = network.Network.from_parameters(load_parameters())
REST = {"glucose": 2.0, "pH": 7.1, "load": 0.5, "frequency": 1.0}


def activity(name, **changes):
    return np.asarray(network.activities(NETWORK, **(REST | changes))[name])


def test_sum_of_activating_weights_as_printed():
    assert float(NETWORK.activating_sum) == pytest.approx(6.3937, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "stimulus", "piece", "printed", "digits"),
    [
        ("interleukin_1b", "glucose", 0, 0.80, 2),
        ("interleukin_1b", "glucose", 1, 3.52, 2),
        ("interleukin_1b", "acid", 0, 6.68, 2),
        ("tumour_necrosis_factor", "glucose", 0, 0.52, 2),
        ("tumour_necrosis_factor", "glucose", 1, 1.03, 2),
        ("tumour_necrosis_factor", "acid", 0, 6.49, 2),
        ("tumour_necrosis_factor", "acid", 1, 6.95, 2),
        ("tumour_necrosis_factor", "acid", 2, 7.37, 2),
        ("aggrecan", "glucose", 0, 0.573, 3),
        ("aggrecan", "acid", 0, 6.646, 3),
        ("aggrecan", "acid", 1, 7.41, 2),
        ("collagen_I", "glucose", 1, 0.86, 2),
        ("collagen_I", "acid", 0, 6.81, 2),
        ("collagen_I", "acid", 1, 7.43, 2),
        ("collagen_II", "glucose", 0, 0.636, 3),
        ("collagen_II", "acid", 0, 6.802, 3),
        ("mmp3", "glucose", 0, 0.558, 3),
        ("mmp3", "acid", 0, 7.61, 2),
        ("adamts4", "glucose", 0, 0.24, 2),
        ("adamts4", "glucose", 1, 2.15, 2),
        ("adamts4", "acid", 0, 6.657, 3),
    ],
)
def test_midpoints_as_printed(name, stimulus, piece, printed, digits):
    curve = getattr(NETWORK.activities[name], stimulus)
    assert float(curve.midpoint[piece]) == pytest.approx(printed, abs=0.5 * 10.0**-digits + 1e-9)


def test_cross_overs_of_load_and_frequency():
    assert float(NETWORK.load.midpoint) == pytest.approx(1.0, abs=0.05)
    assert float(NETWORK.frequency.midpoint) == pytest.approx(3.0, abs=0.05)
    assert float(NETWORK.load.at(0.1)) == pytest.approx(1.0, abs=1e-4)
    assert float(NETWORK.load.at(3.5)) == pytest.approx(-1.0, abs=1e-4)


@pytest.mark.parametrize("name", ["interleukin_1b", "tumour_necrosis_factor", "aggrecan", "collagen_I", "adamts4"])
@pytest.mark.parametrize("stimulus", ["glucose", "acid"])
def test_pieces_join(name, stimulus):
    curve = getattr(NETWORK.activities[name], stimulus)
    for border in np.asarray(curve.until)[:-1]:
        below, above = (float(curve.at(border + side)) for side in (-1e-9, 1e-9))
        # The published pieces join to about 1e-2.
        assert below == pytest.approx(above, abs=2e-2)


def test_acid_raises_interleukin():
    found = activity("interleukin_1b", pH=jnp.array([6.55, 6.65, 6.75, 6.9]))
    assert (np.diff(found) < 0.0).all()
    assert found[0] > 2.0 * float(activity("interleukin_1b"))


def test_tumour_necrosis_factor_raises_mmp3_and_lowers_collagen_II():
    absent, present = ({"tumour_necrosis_factor": level} for level in (0.0, 1.0))
    assert activity("mmp3", **present) > activity("mmp3", **absent) + 0.1
    assert activity("collagen_II", **present) < 0.5 * activity("collagen_II", **absent)
    # It inhibits collagen II more than interleukin does, and raises MMP-3 more.
    assert activity("collagen_II", **present) < activity("collagen_II", interleukin_1b=1.0)
    assert activity("mmp3", **present) > activity("mmp3", interleukin_1b=1.0)


def test_interleukin_lowers_aggrecan():
    assert activity("aggrecan", interleukin_1b=1.0) < activity("aggrecan")


def test_load_and_frequency_dominate_collagen_I():
    mechanics = np.ptp(activity("collagen_I", load=jnp.array([0.5, 2.0]), frequency=jnp.array([1.0, 8.0])))
    nutrients = [
        np.ptp(activity("collagen_I", glucose=jnp.linspace(0.0, 5.0, 51))),
        np.ptp(activity("collagen_I", pH=jnp.linspace(6.5, 7.4, 91))),
    ]
    cytokines = [np.ptp([activity("collagen_I"), activity("collagen_I", **{name: 1.0})]) for name in network.CYTOKINES]
    # Weights 0.87 and 1.00 against 0.01: more than ten times everything else together.
    assert mechanics > 10.0 * sum(nutrients + cytokines)


def test_acid_does_not_drive_mmp3():
    term = NETWORK.activities["mmp3"].acid.at(jnp.linspace(6.5, 7.4, 91))
    # Printed as at most 0.014.
    assert float(term.min()) >= 0.0 and float(term.max()) < 0.0145


def test_overload_is_catabolic():
    for name, sign in (("aggrecan", -1.0), ("collagen_II", -1.0), ("mmp3", 1.0), ("adamts4", 1.0), ("collagen_I", 1.0)):
        assert sign * (activity(name, load=2.0, frequency=8.0) - activity(name)) > 0.0


def test_activities_are_normalised():
    generator = np.random.default_rng(1)
    found = network.activities(
        NETWORK,
        *(
            jnp.asarray(generator.uniform(low, high, 500))
            for low, high in ((0.0, 5.0), (6.5, 7.4), (0.1, 3.5), (0.0, 40.0), (0.0, 1.0), (0.0, 1.0))
        ),
    )
    assert set(found) == {*network.CYTOKINES, *network.MATRIX_ACTIVITIES}
    for values in found.values():
        # The published curves miss 0 and 1 by up to 3e-3.
        assert float(values.min()) > -1e-2 and float(values.max()) < 1.0 + 1e-2
