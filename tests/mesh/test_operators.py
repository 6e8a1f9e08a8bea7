"""Volumes, areas and the diffusion operator of trilinear elements."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import (
    apply_stencil,
    corner_volumes,
    diffusion_stencil,
    element_volumes,
    face_areas,
    jacobian_determinants,
    node_volumes,
    sum_to_nodes,
)
from pulposus.mesh._operators import incidence

# Sums of a few thousand terms of order one: rounding stays below this.
ROUNDING = 1e-12


def _dense(mesh, stencil):
    """The matrix of a stencil of one field."""
    size = mesh.columns * mesh.levels
    matrix = np.zeros((size, size))
    for column in range(mesh.columns):
        for slot, other in enumerate(mesh.neighbours[column]):
            for offset in (-1, 0, 1):
                for level in range(mesh.levels):
                    entry = stencil[column, slot, offset + 1, level]
                    if 0 <= level + offset < mesh.levels:
                        matrix[column * mesh.levels + level, other * mesh.levels + level + offset] += entry
                    else:
                        assert entry == 0.0
    return matrix


@pytest.fixture(scope="module")
def bent_matrix(tiny, bent):
    stencil = diffusion_stencil(tiny, bent(tiny), jnp.ones((1, len(tiny.quads), tiny.levels - 1)))
    return _dense(tiny, np.asarray(stencil[0]))


def test_volume_of_a_cylinder(coarse, cylinder):
    coordinates = cylinder(coarse, 3.0, 2.0, 1.5)
    assert np.all(jacobian_determinants(coarse, coordinates) > 0.0)
    exact = np.pi * 3.0 * 2.0 * 3.0  # the polygons have the area of their circles
    assert np.sum(element_volumes(coarse, coordinates)) == pytest.approx(exact, rel=ROUNDING)
    assert np.sum(node_volumes(coarse, coordinates)) == pytest.approx(exact, rel=ROUNDING)
    assert np.min(node_volumes(coarse, coordinates)) > 0.0


def test_volumes_of_regions_add_up(coarse, bent):
    coordinates = bent(coarse)
    volumes = element_volumes(coarse, coordinates)
    assert np.sum(corner_volumes(coarse, coordinates), axis=-1) == pytest.approx(np.asarray(volumes), rel=ROUNDING)
    parts = [
        node_volumes(
            coarse, coordinates, np.broadcast_to((coarse.quad_region == region)[:, None], volumes.shape).astype(float)
        )
        for region in range(3)
    ]
    assert sum(parts) == pytest.approx(np.asarray(node_volumes(coarse, coordinates)), rel=ROUNDING)
    for region, part in enumerate(parts):
        assert np.sum(part) == pytest.approx(float(np.sum(volumes[coarse.quad_region == region])), rel=ROUNDING)


def test_sum_to_nodes_keeps_the_total(coarse):
    values = jax.random.normal(jax.random.key(1), (len(coarse.quads), coarse.levels - 1, 8))
    nodal = sum_to_nodes(coarse, values)
    assert nodal.shape == (coarse.columns, coarse.levels)
    assert float(jnp.sum(nodal)) == pytest.approx(float(jnp.sum(values)), rel=1e-10)  # cancellation of random signs


def test_incidence_lists_every_entry_once(coarse):
    tables = incidence(coarse)
    for table, count in ((tables.pairs, 16 * len(coarse.quads)), (tables.corners, 4 * len(coarse.quads))):
        assert np.array_equal(np.sort(table[table >= 0]), np.arange(count))


def test_operator_is_symmetric_and_conserves(bent_matrix):
    largest = np.abs(bent_matrix).max()
    assert bent_matrix == pytest.approx(bent_matrix.T, abs=1e-14 * largest)
    assert bent_matrix.sum(axis=1) == pytest.approx(0.0, abs=1e-13 * largest)
    eigenvalues = np.linalg.eigvalsh(0.5 * (bent_matrix + bent_matrix.T))
    assert eigenvalues[0] > -1e-12 * largest
    assert eigenvalues[1] > 1e-6 * largest  # only the constant is without flux


@pytest.fixture(scope="module")
def peer_basis(tiny, bent):
    """scikit-fem's trilinear elements with the same Gauss rule on the same nodes."""
    skfem = pytest.importorskip("skfem")
    coordinates = np.asarray(bent(tiny)).reshape(-1, 3)
    lower = tiny.quads[:, None, :] * tiny.levels + np.arange(tiny.levels - 1)[None, :, None]
    # scikit-fem orders the corners of a hexahedron by (0,0,0), (0,0,1), (0,1,0), (1,0,0), (0,1,1), (1,0,1), (1,1,0), (1,1,1).
    a, b, c, d = (lower[..., corner].ravel() for corner in range(4))
    elements = np.stack([a, a + 1, d, b, d + 1, b + 1, c, c + 1])
    return skfem.Basis(skfem.MeshHex(coordinates.T, elements), skfem.ElementHex1(), intorder=3)


def test_operator_against_an_independent_assembly(peer_basis, bent_matrix):
    skfem = pytest.importorskip("skfem")
    laplace = skfem.BilinearForm(lambda u, v, w: sum(u.grad[i] * v.grad[i] for i in range(3))).assemble(peer_basis)
    assert bent_matrix == pytest.approx(laplace.toarray(), abs=1e-13 * np.abs(bent_matrix).max())


def test_volumes_against_an_independent_assembly(tiny, bent, peer_basis):
    skfem = pytest.importorskip("skfem")
    lumped = skfem.LinearForm(lambda v, w: v).assemble(peer_basis)
    assert np.asarray(node_volumes(tiny, bent(tiny))).ravel() == pytest.approx(lumped, rel=ROUNDING)


def test_linear_fields_have_constant_flux(coarse, bent):
    """Patch test: inside the mesh a linear field is free of sources, and its energy is that of its gradient."""
    coordinates = bent(coarse)
    gradient = jnp.array([0.3, -0.7, 1.1])
    stencil = diffusion_stencil(coarse, coordinates, jnp.full((1, len(coarse.quads), coarse.levels - 1), 2.0))
    field = jnp.einsum("czx,x->cz", coordinates, gradient)[None]
    flux = apply_stencil(coarse.neighbours, stencil, field)[0]
    inner = np.setdiff1d(np.arange(coarse.columns), coarse.rim)
    scale = float(jnp.max(jnp.abs(flux)))
    assert np.asarray(flux)[inner, 1:-1] == pytest.approx(0.0, abs=ROUNDING * scale)
    energy = float(jnp.sum(field[0] * flux))
    volume = float(jnp.sum(element_volumes(coarse, coordinates)))
    assert energy == pytest.approx(2.0 * volume * float(gradient @ gradient), rel=ROUNDING)


def test_stencil_is_linear_in_the_conductivity_of_every_element(tiny, bent):
    coordinates = bent(tiny)
    shape = (len(tiny.quads), tiny.levels - 1)
    first = jax.random.uniform(jax.random.key(2), shape)
    second = jax.random.uniform(jax.random.key(3), shape)
    together = diffusion_stencil(tiny, coordinates, jnp.stack([first, second, first + 2.0 * second]))
    assert np.asarray(together[2]) == pytest.approx(np.asarray(together[0] + 2.0 * together[1]), abs=1e-13)


def test_apply_stencil_is_the_matrix_product(tiny, bent):
    conductivity = jax.random.uniform(jax.random.key(4), (2, len(tiny.quads), tiny.levels - 1), minval=0.5)
    stencil = diffusion_stencil(tiny, bent(tiny), conductivity)
    values = jax.random.normal(jax.random.key(5), (2, tiny.columns, tiny.levels))
    product = np.asarray(apply_stencil(tiny.neighbours, stencil, values))
    for field in range(2):
        dense = _dense(tiny, np.asarray(stencil[field])) @ np.asarray(values[field]).ravel()
        assert product[field].ravel() == pytest.approx(dense, abs=1e-13 * np.abs(dense).max())


def test_collapsed_elements_without_conductivity_are_harmless(tiny, cylinder):
    """Void beside a layered cylinder may be flat; neither the operator nor its derivative may become not-a-number."""
    coordinates = cylinder(tiny)
    flat = coordinates.at[:, 0, 2].set(coordinates[:, 1, 2])
    conductivity = jnp.ones((1, len(tiny.quads), tiny.levels - 1)).at[:, :, 0].set(0.0)

    def energy(points):
        stencil = diffusion_stencil(tiny, points, conductivity)
        return jnp.sum(apply_stencil(tiny.neighbours, stencil, points[None, ..., 0]) * points[None, ..., 0])

    value, slope = jax.value_and_grad(energy)(flat)
    assert float(value) == pytest.approx(np.pi * 1.88, rel=ROUNDING)  # the volume that is left: pi (2 - 0.12)
    assert np.all(np.isfinite(slope))


def test_face_areas(coarse, cylinder):
    coordinates = cylinder(coarse, 3.0, 2.0, 1.0)
    face = coordinates[:, -1]
    everywhere = np.ones(len(coarse.quads))
    areas = face_areas(coarse, face, everywhere)
    assert float(jnp.sum(areas)) == pytest.approx(np.pi * 6.0, rel=ROUNDING)
    within = face_areas(coarse, face, (coarse.quad_region == 0).astype(float))
    assert float(jnp.sum(within)) == pytest.approx(np.pi * 6.0 * 0.36, rel=ROUNDING)
    tilted = face.at[:, 2].add(0.75 * face[:, 0])  # slope 3/4: areas grow by sqrt(1 + 9/16) = 5/4
    assert np.asarray(face_areas(coarse, tilted, everywhere)) == pytest.approx(1.25 * np.asarray(areas), rel=ROUNDING)


def test_a_batch_of_meshes(coarse, bent, cylinder):
    batch = jnp.stack([bent(coarse), cylinder(coarse)])
    conductivity = jnp.ones((3, len(coarse.quads), coarse.levels - 1))
    together = jax.vmap(lambda points: diffusion_stencil(coarse, points, conductivity))(batch)
    alone = diffusion_stencil(coarse, batch[0], conductivity)
    assert np.asarray(together[0]) == pytest.approx(np.asarray(alone), abs=1e-13)
