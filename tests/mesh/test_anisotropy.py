"""Conductivity with a direction of its own in every element, against closed forms."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from pulposus.mesh import Anisotropy, apply_stencil, diffusion_stencil, element_volumes, ring_normals, topology
from pulposus.mesh._topology import PLANS, Plan

RATIO = 0.66
ROUNDING = 1e-12  # sums of a few thousand terms of order one


def _even(mesh, direction, ratio):
    """The same direction and ratio in every element."""
    shape = (len(mesh.quads), mesh.levels - 1)
    return Anisotropy(jnp.broadcast_to(jnp.asarray(direction), (*shape, 3)), jnp.full(shape, ratio))


def _in_rings(mesh, coordinates, ratio):
    """The ratio across the rings of an O-grid; the central block is isotropic."""
    of_quad = jnp.where(jnp.asarray(mesh.quad_region > 0), ratio, 1.0)
    return Anisotropy(
        ring_normals(mesh, coordinates), jnp.broadcast_to(of_quad[:, None], (len(mesh.quads), mesh.levels - 1))
    )


def _one(mesh):
    return jnp.ones((1, len(mesh.quads), mesh.levels - 1))


def _matrix(mesh, stencil):
    """The sparse matrix of a stencil of one field; node = column * levels + level."""
    column, slot, offset, level = np.nonzero(stencil)
    other, to = mesh.neighbours[column, slot], level + offset - 1
    assert np.all((to >= 0) & (to < mesh.levels))
    size = mesh.columns * mesh.levels
    rows, columns = column * mesh.levels + level, other * mesh.levels + to
    return coo_matrix((stencil[column, slot, offset, level], (rows, columns)), shape=(size, size)).tocsr()


def test_linear_fields_feel_the_tensor(coarse, bent):
    """Patch test: a linear field has the flux (I + (q - 1) d d^T) g everywhere, so no sources inside and the energy g.A g per volume."""
    coordinates = bent(coarse)
    direction, gradient = np.array([2.0, -1.0, 2.0]) / 3.0, np.array([0.3, -0.7, 1.1])
    stencil = diffusion_stencil(coarse, coordinates, 2.0 * _one(coarse), _even(coarse, direction, RATIO))
    field = jnp.einsum("czx,x->cz", coordinates, jnp.asarray(gradient))[None]
    flux = apply_stencil(coarse.neighbours, stencil, field)[0]
    inner = np.setdiff1d(np.arange(coarse.columns), coarse.rim)
    assert np.asarray(flux)[inner, 1:-1] == pytest.approx(0.0, abs=ROUNDING * float(jnp.max(jnp.abs(flux))))
    exact = 2.0 * (gradient @ gradient + (RATIO - 1.0) * (direction @ gradient) ** 2)
    volume = float(jnp.sum(element_volumes(coarse, coordinates)))
    assert float(jnp.sum(field[0] * flux)) == pytest.approx(exact * volume, rel=ROUNDING)


def test_operator_is_symmetric_and_conserves(tiny, bent):
    coordinates = bent(tiny)
    stencil = diffusion_stencil(tiny, coordinates, _one(tiny), _in_rings(tiny, coordinates, 0.05))
    matrix = _matrix(tiny, np.asarray(stencil[0])).toarray()
    largest = np.abs(matrix).max()
    assert matrix == pytest.approx(matrix.T, abs=1e-14 * largest)
    assert matrix.sum(axis=1) == pytest.approx(0.0, abs=1e-13 * largest)
    eigenvalues = np.linalg.eigvalsh(0.5 * (matrix + matrix.T))
    assert eigenvalues[0] > -1e-12 * largest
    assert eigenvalues[1] > 1e-6 * largest  # only the constant is without flux


def test_ratio_one_is_isotropic(tiny, bent):
    coordinates = bent(tiny)
    plain = diffusion_stencil(tiny, coordinates, _one(tiny))
    assert np.array_equal(diffusion_stencil(tiny, coordinates, _one(tiny), _in_rings(tiny, coordinates, 1.0)), plain)


def test_normals_of_a_cylinder_are_radial(coarse, cylinder):
    """The middle of a chord lies in the direction of its normal."""
    coordinates = cylinder(coarse, 2.0, 2.0, 1.0)
    normals = np.asarray(ring_normals(coarse, coordinates))
    ring = coarse.quad_region > 0
    centre = np.asarray(coordinates)[coarse.quads, 0].mean(axis=1)[ring] * np.array([1.0, 1.0, 0.0])
    radial = centre / np.linalg.norm(centre, axis=1, keepdims=True)
    assert normals[ring] == pytest.approx(np.broadcast_to(radial[:, None], normals[ring].shape), abs=ROUNDING)
    assert np.linalg.norm(normals, axis=-1) == pytest.approx(1.0, rel=ROUNDING)


def test_a_collapsed_element_has_no_normal(tiny, cylinder):
    coordinates = cylinder(tiny)
    normals = ring_normals(tiny, coordinates.at[:, 0, 2].set(coordinates[:, 1, 2]))
    assert np.all(np.asarray(normals)[:, 0] == 0.0)
    assert np.linalg.norm(np.asarray(normals)[:, 1:], axis=-1) == pytest.approx(1.0, rel=ROUNDING)


def _annulus_error(sides, harmonic, cylinder):
    """Largest error at the nodes of a ring between fixed radii, where u = r^m cos(n angle) with m = n / sqrt(q), or ln r."""
    name = f"rings-{sides}"
    PLANS[name] = Plan(square=sides // 4, inner=1, middle=sides // 8, outer=sides // 8, plate=1, core=2, grading=1.0)
    mesh = topology(name)
    coordinates = cylinder(mesh)
    stencil = diffusion_stencil(mesh, coordinates, _one(mesh), _in_rings(mesh, coordinates, RATIO))
    matrix = _matrix(mesh, np.asarray(stencil[0]))
    x, y, _ = np.moveaxis(np.asarray(coordinates), -1, 0)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    exact = radius ** (harmonic / np.sqrt(RATIO)) * np.cos(harmonic * angle) if harmonic else np.log(radius + 1e-300)
    free = np.ones((mesh.columns, mesh.levels), dtype=bool)
    free[: mesh.nucleus_ring[-1] + 1] = False  # the inner ring and all inside it
    free[mesh.rim] = False
    free, values = free.ravel(), exact.ravel()
    found = spsolve(matrix[free][:, free], -matrix[free][:, ~free] @ values[~free])
    return np.abs(found - values[free]).max()


@pytest.mark.parametrize("harmonic", [0, 1, 2])
def test_harmonics_of_an_annulus(harmonic, cylinder):
    """div A grad u = 0 with A = q in the radius and 1 around: separable solutions, met at the order of linear elements."""
    errors = [_annulus_error(sides, harmonic, cylinder) for sides in (16, 32, 64)]
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx(2.0, abs=0.2)  # first mesh: two cells in a ring
    assert errors[-1] < 1e-3


def test_radial_flux_through_an_annulus(coarse, cylinder):
    """Inflow of ln r per height is 2 pi q, whatever the radius."""
    coordinates = cylinder(coarse, 1.0, 1.0, 1.0)
    stencil = diffusion_stencil(coarse, coordinates, _one(coarse), _in_rings(coarse, coordinates, RATIO))
    radius = jnp.hypot(coordinates[..., 0], coordinates[..., 1])
    field = jnp.log(jnp.maximum(radius, float(radius[coarse.nucleus_ring[0], 0])))
    inflow = float(jnp.sum(apply_stencil(coarse.neighbours, stencil, field[None])[0, coarse.rim]))
    # A cell of the outer ring spans 0.0667 of the radius: linear interpolation of ln r errs by (0.0667)^2/12, chords by (2 pi/32)^2/6.
    assert inflow == pytest.approx(2.0 * np.pi * RATIO * 2.0, rel=1e-2)
