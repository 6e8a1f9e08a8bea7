"""Matrix and cells right after an insult, and the account of what left."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellState
from pulposus.disc import Lesion, compose
from pulposus.matrix._insults import injure, ledger_of
from pulposus.matrix._matrix_state import MatrixState

SHAPE = (2, 3)


def matrix() -> MatrixState:
    generator = np.random.default_rng(1)
    pools = [generator.uniform(1.0, 60.0, SHAPE) for _ in range(4)]
    return MatrixState(*pools, annulus_order=np.full(SHAPE, 0.8), fissure=np.full(SHAPE, 0.2))


def cells() -> CellState:
    generator = np.random.default_rng(2)
    return CellState(*(generator.uniform(0.1, 5.0, SHAPE) for _ in range(6)))


def lesion(seed: int = 3) -> Lesion:
    generator = np.random.default_rng(seed)
    none = Lesion.none(*SHAPE)
    values = {
        "lost": generator.uniform(0.0, 0.3, (3, *SHAPE)),
        "aggrecan_left": generator.uniform(0.3, 0.7, SHAPE),
        "killed": generator.uniform(0.0, 0.9, SHAPE),
        "fissure": generator.uniform(0.0, 1.0, SHAPE),
        "order_left": generator.uniform(0.3, 1.0, SHAPE),
    }
    return Lesion(**{name: values.get(name, getattr(none, name)) for name in none.__dataclass_fields__})


VOLUME = jnp.asarray(np.random.default_rng(5).uniform(0.5, 20.0, SHAPE))


def test_the_laws_of_an_insult():
    before, alive, harm = matrix(), cells(), lesion()
    after, left = injure(before, alive, harm)
    kept = 1.0 - np.asarray(harm.lost).sum(axis=0)
    # Products of three factors.
    np.testing.assert_allclose(after.aggrecan, before.aggrecan * kept * harm.aggrecan_left, rtol=1e-14)
    for name in ("fragments", "collagen_II", "collagen_I"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name) * kept, rtol=1e-14)
    np.testing.assert_allclose(after.annulus_order, 0.8 * harm.order_left, rtol=1e-14)
    np.testing.assert_allclose(after.fissure, 1.0 - 0.8 * (1.0 - harm.fissure), rtol=1e-14)
    for name in ("native", "senescent", "free", "attached", "differentiated"):
        np.testing.assert_allclose(getattr(left, name), getattr(alive, name) * kept * (1.0 - harm.killed), rtol=1e-14)
    # Nobody vanishes: what is not dead or alive in the disc left with the tissue.
    everyone = sum(np.asarray(values) for values in vars(alive).values())
    still_there = sum(np.asarray(values) for values in vars(left).values())
    np.testing.assert_allclose(still_there, everyone * kept, rtol=1e-14)


def test_no_insult_changes_no_bit():
    before, alive = matrix(), cells()
    after, left = injure(before, alive, Lesion.none(*SHAPE))
    for name, values in vars(before).items():
        np.testing.assert_array_equal(getattr(after, name), values)
    for name, values in vars(alive).items():
        np.testing.assert_array_equal(getattr(left, name), values)


def balances(ledger) -> list[tuple[float, float]]:
    pools = (
        ledger.aggrecan,
        ledger.fragments,
        ledger.collagen_II,
        ledger.collagen_I,
        ledger.native,
        ledger.donor,
    )
    return [(float(pool.imbalance), float(pool.before)) for pool in pools]


def test_the_account_of_one_insult_is_that_of_the_states():
    before, alive, harm = matrix(), cells(), lesion()
    after, left = injure(before, alive, harm)
    ledger = ledger_of(Lesion.none(*SHAPE), harm, before, alive.native_alive, VOLUME, alive.donor)
    for imbalance, amount in balances(ledger):
        assert abs(imbalance) <= 1e-12 * amount
    # mg and million cells: mm3 times per mL is a thousandth.
    assert float(ledger.aggrecan.after) == pytest.approx(1e-3 * float((VOLUME * after.aggrecan).sum()), rel=1e-13)
    assert float(ledger.native.after) == pytest.approx(1e-3 * float((VOLUME * left.native_alive).sum()), rel=1e-13)
    assert float(ledger.donor.after) == pytest.approx(1e-3 * float((VOLUME * left.donor).sum()), rel=1e-13)
    assert float(ledger.aggrecan.digested) > 0.0
    assert float(ledger.fragments.digested) == 0.0
    np.testing.assert_allclose(ledger.tissue, (harm.lost * VOLUME[None]).sum(axis=(1, 2)), rtol=1e-13)


def test_accounts_of_two_insults_add_up():
    first, second = lesion(7), lesion(8)
    none, both = Lesion.none(*SHAPE), compose(first, second)
    before, alive = matrix(), cells()
    one, two, total = (
        ledger_of(start, end, before, alive.native, VOLUME)
        for start, end in ((none, first), (first, both), (none, both))
    )
    for ledger in (one, two, total):
        for imbalance, amount in balances(ledger)[:-1]:
            assert abs(imbalance) <= 1e-12 * amount
    np.testing.assert_allclose(one.tissue + two.tissue, total.tissue, rtol=1e-13)
    np.testing.assert_allclose(one.collagen_I.removed + two.collagen_I.removed, total.collagen_I.removed, rtol=1e-13)
    assert float(two.native.before) == pytest.approx(float(one.native.after), rel=1e-13)
    # The second insult alone, on the states that the first one left, gives the same account.
    state, survivors = injure(before, alive, first)
    again = ledger_of(none, second, state, survivors.native, VOLUME)
    for mine, other in ((two.aggrecan, again.aggrecan), (two.collagen_II, again.collagen_II)):
        np.testing.assert_allclose(mine.removed, other.removed, rtol=1e-12)
        assert float(mine.digested) == pytest.approx(float(other.digested), rel=1e-12, abs=1e-15)
    np.testing.assert_allclose(two.native.removed, again.native.removed, rtol=1e-12)
    assert float(two.native.killed) == pytest.approx(float(again.native.killed), rel=1e-12)
