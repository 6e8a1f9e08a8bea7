"""The matrix at the start: grades on the mesh, fissures in the posterior sectors (cells_matrix 3; rulings 3, 25)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.matrix import GradeMatrix, initial_matrix, matrix_on, matrix_setting
from pulposus.matrix._initial import grade_of, posterior_density, saturating_field
from pulposus.mesh import slab_volumes
from pulposus.nutrition import NodeVolumes, tissue_volumes
from pulposus.parameters import load_parameters

PARAMETERS = load_parameters()
GRADE_MEANS = {1: 0.0, 2: 0.05, 3: 0.2, 4: 0.5, 5: 0.8}


@pytest.fixture(scope="module")
def disc():
    return load_disc("human/L4-L5/grade3", resolution="coarse")


@pytest.fixture(scope="module")
def volumes(disc):
    return tissue_volumes(disc)


@pytest.fixture(scope="module")
def matrix(disc, volumes):
    return initial_matrix(disc, volumes, PARAMETERS)


def axis() -> NodeVolumes:
    """One column through endplate, nucleus and endplate."""
    heights, layers = jnp.linspace(0.0, 10.0, 11), np.array([2, *[0] * 8, 2])
    return NodeVolumes(jnp.stack([slab_volumes(heights, 100.0, layers == code) for code in range(3)]))


def test_tissues_hold_the_content_of_their_grade(disc, volumes, matrix):
    column, level = disc.topology.centre
    assert float(matrix.aggrecan[column, level]) == pytest.approx(0.4 * 45.0, rel=1e-14)
    assert float(matrix.fragments[column, level]) == pytest.approx(0.6 * 45.0, rel=1e-14)
    assert float(matrix.collagen_II[column, level]) == pytest.approx(29.0, rel=1e-14)
    assert float(matrix.collagen_I[column, level]) == pytest.approx(7.25, rel=1e-14)
    rim = disc.topology.rim
    np.testing.assert_allclose(matrix.glycosaminoglycan[rim, level], 25.8, rtol=1e-14)
    np.testing.assert_allclose(matrix.collagen_I[rim, level], 130.0, rtol=1e-14)
    np.testing.assert_allclose(matrix.annulus_order, 0.8, rtol=1e-14)
    # Borders are volume-weighted, so the total is that of the tissues.
    total = float(jnp.sum(volumes.total * matrix.glycosaminoglycan))
    tissues = np.asarray(jnp.sum(volumes.by_tissue, axis=(1, 2)))
    assert total == pytest.approx(float(tissues @ np.array([45.0, 25.8, 31.24])), rel=1e-12)


@pytest.mark.parametrize("grade", GRADE_MEANS)
def test_fissures_lie_behind_and_have_the_mean_of_the_grade(grade):
    disc = load_disc(f"human/L4-L5/grade{grade}", resolution="coarse")
    volumes = tissue_volumes(disc)
    setting, matrix = matrix_setting(disc, volumes, PARAMETERS), initial_matrix(disc, volumes, PARAMETERS)
    # The root of the mean is found to rounding.
    assert float(setting.annulus_mean(matrix.fissure)) == pytest.approx(GRADE_MEANS[grade], abs=1e-12)
    fissure = np.asarray(matrix.fissure)
    assert (fissure >= 0.0).all() and (fissure <= 1.0).all()
    level = disc.topology.centre[1]
    rim, points = np.asarray(disc.topology.rim), np.asarray(disc.coordinates)
    back, front = rim[points[rim, level, 1].argmin()], rim[points[rim, level, 1].argmax()]
    if grade > 1:
        assert fissure[back, level] > 2.0 * fissure[front, level] or grade == 5
        assert fissure[back, level] > fissure[front, level]
    assert fissure[disc.topology.centre] == 0.0


def test_fissures_are_alike_on_both_sides(disc, volumes, matrix):
    del volumes
    level, rim = disc.topology.centre[1], np.asarray(disc.topology.rim)
    points, fissure = np.asarray(disc.coordinates)[rim, level], np.asarray(matrix.fissure)[rim, level]
    mirrored = np.linalg.norm(points[:, None, :2] * [-1.0, 1.0] - points[None, :, :2], axis=-1).argmin(axis=1)
    # The human outline is symmetric; its nodes mirror to about 1e-10 mm.
    np.testing.assert_allclose(fissure[mirrored], fissure, rtol=1e-6)


def test_the_axis_carries_the_mean(disc):
    volumes = axis()
    setting, matrix = matrix_setting(disc, volumes, PARAMETERS), initial_matrix(disc, volumes, PARAMETERS)
    np.testing.assert_allclose(matrix.fissure, 0.2, rtol=1e-12)
    assert float(setting.annulus_mean(matrix.fissure)) == pytest.approx(0.2, rel=1e-12)
    assert posterior_density(disc, volumes, jnp.array(2.0)) is None
    assert float(matrix.glycosaminoglycan[0, 5]) == pytest.approx(45.0, rel=1e-14)
    assert float(matrix.glycosaminoglycan[0, 0]) == pytest.approx(31.24, rel=1e-14)


def test_the_fissures_and_the_order_of_the_disc_itself_are_used():
    own = load_disc(
        "human/L4-L5/grade3",
        resolution="coarse",
        overrides=["condition.fissure_fraction=0.31", "condition.annulus_order=0.6"],
    )
    grade = grade_of(own, PARAMETERS)
    assert (float(grade.fissure), float(grade.annulus_order)) == (0.31, 0.6)
    volumes = tissue_volumes(own)
    matrix = initial_matrix(own, volumes, PARAMETERS)
    assert float(matrix_setting(own, volumes, PARAMETERS).annulus_mean(matrix.fissure)) == pytest.approx(
        0.31, abs=1e-12
    )
    assert float(matrix.annulus_order.min()) == 0.6


def test_a_drawn_composition_replaces_the_table(disc, volumes):
    drawn = GradeMatrix.of_grade(PARAMETERS, 3, {"glycosaminoglycan.nucleus": 52.0, "fissure_fraction": 0.1})
    matrix = initial_matrix(disc, volumes, PARAMETERS, drawn)
    assert float(matrix.glycosaminoglycan[disc.topology.centre]) == pytest.approx(52.0, rel=1e-14)


@pytest.mark.parametrize("mean", [0.0, 1e-6, 0.3, 0.99, 1.0])
def test_the_saturating_field_has_its_mean(mean):
    density = jnp.exp(2.0 * (jnp.cos(jnp.linspace(0.0, np.pi, 50)) - 1.0))
    weight = jnp.full(50, 0.02)
    field = saturating_field(density, weight, jnp.array(mean))
    assert float(jnp.sum(weight * field)) == pytest.approx(mean, abs=1e-12)
    assert float(field.min()) >= 0.0 and float(field.max()) <= 1.0


def test_the_field_can_be_differentiated_by_its_mean():
    density = jnp.exp(2.0 * (jnp.cos(jnp.linspace(0.0, np.pi, 50)) - 1.0))
    weight = jnp.full(50, 0.02)
    slope = jax.jvp(lambda mean: saturating_field(density, weight, mean), (jnp.array(0.3),), (jnp.array(1.0),))[1]
    # The mean of the field is the mean.
    assert float(jnp.sum(weight * slope)) == pytest.approx(1.0, rel=1e-12)


def test_uniform_fissures_without_a_preference():
    node = NodeVolumes(jnp.ones((3, 1, 1)))
    assert float(matrix_on(node, GradeMatrix.of_grade(PARAMETERS, 4)).fissure[0, 0]) == pytest.approx(0.5, rel=1e-12)
