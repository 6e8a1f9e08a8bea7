"""Level 0 against closed forms, the ODE fixture and the null tests (cells_matrix 6.3, 6.4, 6.11, 6.14; rulings 17)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, CellState, Environment, Product, Switches, capacity, integrate

NEVER = jnp.array(1e300)
# One number of steps in most tests, so that the integrator is compiled once.
COUNT = 112


def grown(parameters: CellParameters, benign: Environment, product: Product, *, steps: int, until: float) -> float:
    """Attached cells, initially one, that only grow."""
    quiet = eqx.tree_at(lambda tree: tree.switches, parameters, Switches(death=0.0, differentiation=0.0))
    state = eqx.tree_at(lambda tree: tree.attached, CellState.without_donor(3.6), jnp.array(1.0))
    return float(integrate(state, benign, product, quiet, jnp.full(steps, until / steps)).state.attached[-1])


def observed_orders(errors: list[float]) -> np.ndarray:
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


def test_logistic_growth_in_closed_form(parameters, benign, product):
    rate, capacity_, until = 0.3, 8.0, 20.0
    law = eqx.tree_at(
        lambda tree: (tree.donor.growth.rate, tree.donor.growth.mitogen_window, tree.crowding_capacity),
        parameters,
        (jnp.array(rate), NEVER, jnp.array(capacity_)),
    )
    exact = capacity_ / (1.0 + (capacity_ - 1.0) * np.exp(-rate * until))
    errors = [abs(grown(law, benign, product, steps=n, until=until) - exact) for n in (56, 112, 224)]
    np.testing.assert_allclose(observed_orders(errors), 2.0, atol=0.1)
    # Order 2: the error of one step is (rate h)^3 / 12 of the density at most; 224 steps of 0.0268 add up to 4e-4.
    assert errors[-1] < 4e-4 * exact


def test_the_mitogen_window_bounds_growth_like_gompertz(parameters, benign, product):
    law = eqx.tree_at(lambda tree: tree.crowding_capacity, parameters, NEVER)
    until = 42.0
    exact = np.exp(0.12 * 21.0 * (1.0 - np.exp(-until / 21.0)))
    errors = [abs(grown(law, benign, product, steps=n, until=until) - exact) for n in (56, 112, 224)]
    np.testing.assert_allclose(observed_orders(errors), 2.0, atol=0.1)
    # Midpoint rule on r0 exp(-t / tau): h^2 r0 / (24 tau) = 8.4e-6 relative at h = 0.1875 d.
    assert errors[-1] < 9e-6 * exact


def test_starving_cells_decay_at_the_closed_rate(no_senescence, product):
    fed_up = Environment(oxygen=3.0, glucose=0.2, pH=40.0, osmolarity=400.0)
    run = integrate(CellState.without_donor(3.6), fed_up, product, no_senescence, jnp.full(COUNT, 0.0625))
    # 2 (0.5 - 0.2) / (0.2 + 0.2) = 1.5 per day; the step is exact for a constant rate.
    np.testing.assert_allclose(run.state.native, 3.6 * np.exp(-1.5 * np.asarray(run.time)), rtol=1e-13)


@pytest.mark.parametrize(
    ("glucose", "survival"), [(0.25, (0.329193, 0.035674, 0.000419)), (0.4, (0.716531, 0.367879, 0.096972))]
)
def test_survival_at_the_printed_points(no_senescence, product, glucose, survival):
    hungry = Environment(oxygen=3.0, glucose=glucose, pH=40.0, osmolarity=400.0)
    run = integrate(CellState.without_donor(1.0), hungry, product, no_senescence, jnp.full(COUNT, 0.0625))
    # transport 4, printed with six decimals.
    np.testing.assert_allclose(run.state.native[16 * jnp.array([1, 3, 7])], survival, atol=5e-7)


def test_acid_kills_at_the_closed_rate(no_senescence, product):
    sour = Environment(oxygen=3.0, glucose=4.0, pH=6.4, osmolarity=400.0)
    run = integrate(CellState.without_donor(1.0), sour, product, no_senescence, jnp.full(COUNT, 0.0625))
    # cells_matrix 6.4 asks for 1e-4; the smooth switch is short of the full rate by exp(-0.38 / 0.03) = 3e-6.
    np.testing.assert_allclose(run.state.native, np.exp(-0.325728 * np.asarray(run.time)), rtol=1e-5)


def test_oxygen_does_not_kill(no_senescence, product):
    breathless = Environment(oxygen=0.0, glucose=2.0, pH=40.0, osmolarity=400.0)
    run = integrate(CellState.without_donor(3.6), breathless, product, no_senescence, jnp.full(COUNT, 0.25))
    np.testing.assert_array_equal(run.state.native, np.full(COUNT + 1, 3.6))


def test_free_cells_end_in_the_retained_fraction(constants, parameters, benign):
    product = Product.from_parameters(constants, track_weight=2.5)
    open_track = eqx.tree_at(lambda tree: tree.seal_time, parameters, NEVER)
    state = CellState.without_donor(3.6).with_injected(2.0)
    run = integrate(state, benign, product, open_track, jnp.full(COUNT, 0.5))
    expected = 2.0 * float(capacity.retained_fraction(0.25, 0.8 * 2.5, 0.30 + 0.004))
    assert float(run.ledger.attached[-1]) == pytest.approx(expected, rel=1e-13)
    # e^(-2.554 x 56 d) is left: nothing.
    assert float(run.state.free[-1]) < 1e-50


FIXTURE = {
    "rat": (("hyaluronan", 1.0, 0.74, "autologous"), {3: 0.503, 7: 0.588, 14: 0.764, 28: 0.971}),
    "pig": (("saline", 2.5, 0.78, "autologous"), {3: 0.097}),
    "rabbit": (("saline", 0.5, 0.80, "xenogeneic"), {7: 0.320, 14: 0.424, 28: 0.493, 42: 0.189, 56: 0.061}),
    "human III saline": (("saline", 0.5, 0.72, "autologous"), {3: 0.282, 28: 0.496}),
    "human III hyaluronan": (("hyaluronan", 0.5, 0.72, "autologous"), {3: 0.541, 28: 1.016}),
    "human IV hyaluronan": (("hyaluronan", 0.5, 0.40, "autologous"), {3: 0.510, 28: 0.667}),
}


@pytest.mark.parametrize("case", FIXTURE)
def test_ode_fixture(constants, parameters, benign, case):
    (carrier, track, growth_product, immunity), expected = FIXTURE[case]
    differentiation = parameters.donor.differentiation
    laws = eqx.tree_at(
        lambda tree: (
            tree.crowding_capacity,
            tree.donor.differentiation.rate,
            tree.donor.differentiation.contact_gain,
        ),
        parameters,
        # k_dif = 0.05 per day; the only factor left in the benign place is that of oxygen, 0.5 + 1.
        (NEVER, 0.05 / (differentiation.oxygen_offset + 1.0), jnp.array(0.0)),
    )
    product = Product.from_parameters(
        constants, carrier=carrier, track_weight=track, potency=growth_product, immunity=immunity
    )
    # The printed hyaluronan numbers hold the carrier's row for all time: they were made without the decay of the gel.
    product = eqx.tree_at(lambda tree: tree.carrier.gel_half_life, product, NEVER)
    if carrier == "saline":
        product = eqx.tree_at(lambda tree: tree.carrier, product, product.saline)
    opened = eqx.tree_at(lambda tree: tree.annulus_opening, benign, jnp.array(0.5))
    backflow = constants.value(f"cells.carrier.{carrier}.backflow_fraction")
    state = CellState.without_donor(3.6).with_injected((1.0 - backflow) * 0.95 * 0.98)
    run = integrate(state, opened, product, laws, jnp.full(56 * 20, 0.05))
    found = {day: float(run.state.donor[20 * day]) for day in expected}
    # Tolerance of rulings 17.
    assert found == pytest.approx(expected, abs=0.01)


def test_zero_cells_are_the_sham_arm_bitwise(constants, parameters, grade_three):
    steps = jnp.full(COUNT, 0.5)
    empty = CellState.without_donor(3.2, 0.4)
    arms = [
        integrate(empty, grade_three, Product.from_parameters(constants, **kind), parameters, steps)
        for kind in ({}, {"carrier": "fibrin", "source": "disc_cells", "immunity": "xenogeneic", "track_weight": 2.5})
    ]
    for one, other in zip(*(jax.tree.leaves((arm.state, arm.ledger)) for arm in arms), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not arms[0].state.donor.any()
    assert not arms[0].ledger.deaths.total.any()


def test_immunity_switched_off_is_an_autologous_graft(constants, parameters, grade_three):
    steps = jnp.full(COUNT, 0.5)
    state = CellState.without_donor(3.2).with_injected(2.0)
    foreign, own = (Product.from_parameters(constants, immunity=kind) for kind in ("allogeneic", "autologous"))
    quiet = eqx.tree_at(lambda tree: tree.switches.immune, parameters, jnp.array(0.0))
    tolerated = integrate(state, grade_three, foreign, quiet, steps)
    matched = integrate(state, grade_three, own, parameters, steps)
    np.testing.assert_array_equal(tolerated.state.donor, matched.state.donor)
    rejected = integrate(state, grade_three, foreign, parameters, steps)
    assert float(rejected.state.donor[-1]) < float(matched.state.donor[-1])


@pytest.mark.parametrize(
    ("mechanism", "flow"),
    [
        ("leak", lambda ledger: ledger.leaked),
        ("growth", lambda ledger: ledger.born),
        ("differentiation", lambda ledger: ledger.differentiated),
        ("immune", lambda ledger: ledger.deaths.immune),
        ("death", lambda ledger: ledger.deaths.total - ledger.deaths.immune + ledger.native.dead),
    ],
)
def test_a_mechanism_that_is_off_does_nothing(constants, parameters, grade_three, mechanism, flow):
    product = Product.from_parameters(constants, immunity="xenogeneic")
    state = CellState.without_donor(3.2).with_injected(2.0)
    off = eqx.tree_at(lambda tree: getattr(tree.switches, mechanism), parameters, jnp.array(0.0))
    steps = jnp.full(COUNT, 0.5)
    assert float(flow(integrate(state, grade_three, product, parameters, steps).ledger)[-1]) > 0.0
    assert float(flow(integrate(state, grade_three, product, off, steps).ledger)[-1]) == 0.0


def test_senolysis_moves_senescent_cells_to_the_dead(parameters, product, grade_three):
    treated = eqx.tree_at(
        lambda tree: (tree.native.senescence.clearance, tree.native.growth_rate),
        parameters,
        (jnp.array(0.02), jnp.array(0.001)),
    )
    run = integrate(CellState.without_donor(3.0, 0.5), grade_three, product, treated, jnp.full(COUNT, 0.5))
    assert float(run.ledger.native.cleared[-1]) > 0.0
    assert float(run.ledger.native.born[-1]) > 0.0
    assert float(run.ledger.native.senesced[-1]) > 0.0
    np.testing.assert_allclose(run.native_imbalance, 0.0, atol=1e-14)


def test_conditions_may_change_with_time(no_senescence, product):
    def famine(time: jax.Array) -> Environment:
        return Environment(oxygen=3.0, glucose=jnp.where(time < 2.0, 4.0, 0.2), pH=40.0, osmolarity=400.0)

    run = integrate(CellState.without_donor(1.0), famine, product, no_senescence, jnp.ones(4))
    np.testing.assert_allclose(run.state.native, np.exp(-1.5 * np.array([0.0, 0.0, 0.0, 1.0, 2.0])), rtol=1e-13)


def test_a_run_can_be_continued(constants, parameters, grade_three):
    product = Product.from_parameters(constants, carrier="hyaluronan", immunity="xenogeneic")
    state = CellState.without_donor(3.2).with_injected(2.0)
    straight = integrate(state, grade_three, product, parameters, jnp.full(2 * COUNT, 0.25))
    first = integrate(state, grade_three, product, parameters, jnp.full(COUNT, 0.25))
    middle = jax.tree.map(lambda leaf: leaf[-1], first.state)
    second = integrate(middle, grade_three, product, parameters, jnp.full(COUNT, 0.25), start=first.time[-1])
    # Times are sums of quarters, exact in binary: the continued run is the straight one.
    np.testing.assert_allclose(second.state.donor, straight.state.donor[COUNT:], rtol=1e-14)


def after_four_weeks(
    parameters: CellParameters, product: Product, environment: Environment, state: CellState | None = None
) -> jax.Array:
    """Live donor cells at 28 days."""
    start = CellState.without_donor(3.2, 0.4).with_injected(2.0) if state is None else state
    return integrate(start, environment, product, parameters, jnp.full(COUNT, 0.25)).state.donor[-1]


@eqx.filter_jit
@eqx.filter_grad
def sensitivity(inputs: tuple[CellParameters, Product, Environment, CellState], weights: jax.Array) -> jax.Array:
    """Gradient of a weighted sum of live donor cells, live native cells and donor deaths at 28 days."""
    parameters, product, place, state = inputs
    run = integrate(state, place, product, parameters, jnp.full(COUNT, 0.25))
    outcomes = (run.state.donor, run.state.native_alive, run.ledger.deaths.total)
    return weights @ jnp.stack([outcome[-1] for outcome in outcomes])


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("leak_rate", (0.2, 0.8, 2.0)),
        ("track_weight", (0.0, 0.5, 2.5)),
        ("anoikis_rate", (0.1, 0.3, 0.8)),
    ],
)
def test_retention_falls_with_leak_track_and_anoikis(constants, parameters, grade_three, what, values):
    kept = []
    for value in values:
        changes = {f"cells.carrier.saline.{what}": value} if what != "track_weight" else {}
        track = value if what == "track_weight" else 0.5
        product = Product.from_parameters(constants.replace(changes), track_weight=track)
        kept.append(float(after_four_weeks(parameters, product, grade_three)))
    assert kept[0] > kept[1] > kept[2]


@pytest.mark.parametrize(("condition", "values"), [("glucose", (2.0, 0.45, 0.2)), ("pH", (7.2, 6.85, 6.6))])
def test_survival_falls_with_starvation_and_acid(parameters, product, grade_three, condition, values):
    worse = [
        after_four_weeks(
            parameters, product, eqx.tree_at(lambda tree: getattr(tree, condition), grade_three, jnp.array(value))
        )
        for value in values
    ]
    assert float(worse[0]) > float(worse[1]) > float(worse[2])


GRADIENT_OF = {
    "growth rate": lambda laws, product, place, _: laws.donor.growth.rate,
    "mitogen window": lambda laws, product, place, _: laws.donor.growth.mitogen_window,
    "basal death": lambda laws, product, place, _: laws.donor.basal_death,
    "acid death": lambda laws, product, place, _: laws.donor.acid.rate,
    "acid midpoint": lambda laws, product, place, _: laws.donor.acid.midpoint,
    "starvation": lambda laws, product, place, _: laws.donor.glucose.rate,
    "half constant of starvation": lambda laws, product, place, _: laws.donor.glucose.half,
    "differentiation": lambda laws, product, place, _: laws.donor.differentiation.rate,
    "capacity": lambda laws, product, place, _: laws.crowding_capacity,
    "seal time": lambda laws, product, place, _: laws.seal_time,
    "leak rate": lambda laws, product, place, _: product.carrier.leak_rate,
    "attachment rate": lambda laws, product, place, _: product.carrier.attachment_rate,
    "anoikis rate": lambda laws, product, place, _: product.carrier.anoikis_rate,
    "gel half-life": lambda laws, product, place, _: product.carrier.gel_half_life,
    "track weight": lambda laws, product, place, _: product.track_weight,
    "immune rate": lambda laws, product, place, _: product.immune_rate,
    "immune delay": lambda laws, product, place, _: product.immune_delay,
    "glucose": lambda laws, product, place, _: place.glucose,
    "pH": lambda laws, product, place, _: place.pH,
}


def test_gradients_of_live_cells_at_28_days(constants, parameters, grade_three):
    product = Product.from_parameters(constants, carrier="hyaluronan", immunity="xenogeneic")
    point = (parameters, product, grade_three, CellState.without_donor(3.2, 0.4).with_injected(2.0))
    gradient = sensitivity(point, jnp.array([1.0, 0.0, 0.0]))
    for name, entry in GRADIENT_OF.items():
        value = entry(*point)
        # The steepest law, a logistic of width 0.06 at pH 6.85, is cut off at (1e-5 x 6.85 / 0.06)^2 = 1e-6; rounding costs
        # 1e-16 / 1e-5 over the smallest elasticity (1e-3), 1e-8.
        step = 1e-5 * value
        high, low = (
            after_four_weeks(*eqx.tree_at(lambda inputs, entry=entry: entry(*inputs), point, value + sign * step))
            for sign in (1.0, -1.0)
        )
        assert float(entry(*gradient)) == pytest.approx(float((high - low) / (2.0 * step)), rel=1e-5), name


@pytest.mark.parametrize(
    "state",
    [
        CellState.without_donor(0.0),
        CellState.without_donor(3.2),
        CellState.without_donor(3.2).with_injected(60.0),
    ],
    ids=["no cells", "no donor cells", "at the capacity"],
)
def test_gradients_are_finite_at_every_kink(constants, parameters, state):
    product = Product.from_parameters(constants, carrier="saline", track_weight=0.0)
    for glucose, oxygen in ((0.5, 5.0), (0.0, 20.0)):
        place = Environment(
            oxygen=oxygen,
            glucose=glucose,
            pH=6.78,
            osmolarity=450.0,
            annulus_opening=0.3,
            endplate_opening=0.3,
        )
        gradient = sensitivity((parameters, product, place, state), jnp.ones(3))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
