"""Places of the unknowns: every one once, the bath where it is open, and the blocks as the sum of the element matrices."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mechanics import SolidProblem
from pulposus.mechanics._numbering import Lower, Side, Water, numbering

WATERS: tuple[Water, ...] = ("drained", "closed", "sides open", "all open")


@pytest.mark.parametrize("water", WATERS)
@pytest.mark.parametrize(("lower", "side"), [("bonded", "free"), ("symmetry", "free"), ("symmetry", "confined")])
def test_every_unknown_has_one_place(small_cylinder: SolidProblem, lower: Lower, side: Side, water: Water) -> None:
    mesh = small_cylinder.mesh
    places = numbering(mesh, lower, side, water)
    rows = np.concatenate([places.group_rows.ravel(), places.last_rows])
    np.testing.assert_array_equal(np.sort(rows[rows >= 0]), np.flatnonzero(places.inside))
    level = mesh.nodes[:, 1]
    fixed = {"bonded": 3, "symmetry": 1}[lower] * np.sum(level == 0) + 3 * np.sum(level == level.max())
    if side == "confined":
        fixed = 2 * len(level) + np.sum(level == 0) + np.sum(level == level.max())
    moving = places.inside[: 3 * len(level)]
    assert np.sum(~moving) == fixed
    assert np.all(places.free[3 * len(level) :][:6])


@pytest.mark.parametrize(
    ("lower", "side", "water", "open_levels", "open_side"),
    [
        ("bonded", "free", "closed", (), False),
        ("bonded", "free", "sides open", (), True),
        ("bonded", "free", "all open", (0, 4), True),
        ("symmetry", "free", "all open", (4,), True),
        ("symmetry", "confined", "all open", (4,), False),
        ("symmetry", "confined", "sides open", (), False),
    ],
)
def test_the_bath(
    small_cylinder: SolidProblem,
    lower: Lower,
    side: Side,
    water: Water,
    open_levels: tuple[int, ...],
    open_side: bool,
) -> None:
    """A corner is in the bath on an open endplate, which a symmetry plane never is, and on the side unless it is confined."""
    mesh = small_cylinder.mesh
    places = numbering(mesh, lower, side, water)
    at = np.asarray(small_cylinder.coordinates)[mesh.corners]
    outside = np.linalg.norm(at[:, :2], axis=1) > 22.0 - 1e-9
    expected = np.isin(mesh.nodes[mesh.corners, 1], open_levels) | (outside & open_side)
    np.testing.assert_array_equal(~places.free[3 * places.nodes + 6 :], expected)


def test_blocks_are_the_sum_of_the_elements(small_cylinder: SolidProblem) -> None:
    """Against a dense sum; padding is the identity. Vectors go to the blocks and back."""
    places = numbering(small_cylinder.mesh, "bonded", "free", "sides open")
    rng = np.random.default_rng(0)
    matrices = rng.normal(size=(len(places.element_unknowns), 68, 68))
    dense = np.zeros((places.unknowns, places.unknowns))
    for local, matrix in zip(places.element_unknowns, matrices, strict=True):
        dense[np.ix_(local, local)] += matrix
    blocks = places.assemble(jnp.asarray(matrices))
    groups, size = places.group_rows.shape

    def part(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        kept = (rows >= 0)[:, None] & (columns >= 0)[None]
        return np.where(kept, dense[np.ix_(np.maximum(rows, 0), np.maximum(columns, 0))], 0.0)

    rows = [*places.group_rows, places.last_rows]
    for k in range(groups):
        following = rows[k + 1][: places.width]
        identity = np.diag((rows[k] < 0).astype(float))
        np.testing.assert_allclose(blocks.diagonal[k], part(rows[k], rows[k]) + identity, atol=1e-12)
        np.testing.assert_allclose(blocks.upper[k], part(rows[k], following), atol=1e-12)
        np.testing.assert_allclose(blocks.lower[k], part(following, rows[k]), atol=1e-12)
    np.testing.assert_allclose(blocks.last, part(rows[-1], rows[-1]), atol=1e-12)
    assert size >= places.width
    vector = jnp.asarray(rng.normal(size=(places.unknowns, 2)))
    there = places.from_blocks(places.to_blocks(vector))
    np.testing.assert_array_equal(there, np.where(places.inside[:, None], vector, 0.0))
    entries = jnp.asarray(rng.normal(size=places.element_unknowns.shape))
    summed = np.bincount(places.element_unknowns.ravel(), np.asarray(entries).ravel(), places.unknowns)
    np.testing.assert_allclose(places.sum_elements(entries), summed, atol=1e-13)
