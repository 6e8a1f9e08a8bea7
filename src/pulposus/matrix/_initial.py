r"""The matrix of a disc at the start: its grade on its mesh (cells_matrix 3; rulings 3, 25).

Tissues are uniform but for the fissures of the annulus, which lie in its posterior sectors. Their density falls with the angle theta from
the posterior midline, and the fissure fraction saturates,

.. math::

    w(\theta) = 1 - e^{-m\, g(\theta)}, \qquad g(\theta) = e^{k (\cos\theta - 1)}, \qquad \langle w \rangle_{AF} = \bar w ,

with the one number m that gives the annulus the mean of its grade. A mesh that has no annulus, the axis of the nucleus, carries the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.disc import Disc
from pulposus.matrix._grade import GradeMatrix
from pulposus.matrix._matrix_state import MatrixState
from pulposus.matrix._setting import TissueShares
from pulposus.nutrition import NodeVolumes

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

# exp(m) from 1e-13 to 5e21 covers every mean between 1e-12 and 1 - 1e-12 for concentrations up to 8; 90 halvings of that interval
# leave less than the rounding of m.
_LOG_RANGE = (-30.0, 50.0)
_HALVINGS = 90


def initial_matrix(
    disc: Disc, volumes: NodeVolumes, parameters: ParameterSet, composition: GradeMatrix | None = None
) -> MatrixState:
    """The matrix of a disc at the start.

    Args:
        disc: The disc.
        volumes: Volumes of the nodes of the mesh in use, that of the disc or the axis of its nucleus.
        parameters: The loaded parameters.
        composition: Composition by tissue; that of the disc's grade, with the fissures and the order of the disc, by default.
    """
    concentration = as_field(parameters.value("matrix.fissure_concentration"))
    content = grade_of(disc, parameters) if composition is None else composition
    return matrix_on(volumes, content, posterior_density(disc, volumes, concentration))


def grade_of(disc: Disc, parameters: ParameterSet) -> GradeMatrix:
    """Composition of the disc's grade, with the fissures and the order that the disc itself has."""
    table = GradeMatrix.of_grade(parameters, disc.description.grade)
    own = (disc.condition.fissure_fraction, disc.condition.annulus_order)
    return eqx.tree_at(lambda grade: (grade.fissure, grade.annulus_order), table, own)


def matrix_on(volumes: NodeVolumes, composition: GradeMatrix, density: Field | None = None) -> MatrixState:
    """A composition on any set of nodes.

    Args:
        volumes: Volumes of the nodes by tissue.
        composition: Composition by tissue.
        density: g, where fissures prefer to lie; uniform if None.
    """
    shares, total = TissueShares.of(volumes), volumes.total
    glycosaminoglycan = shares.average(composition.glycosaminoglycan)
    annulus = shares.annulus * total
    has_annulus = jnp.sum(annulus) > 0.0
    weight = jnp.where(has_annulus, annulus, total)
    preference = jnp.ones_like(total) if density is None else density
    fissure = saturating_field(preference, weight / jnp.sum(weight), composition.fissure)
    return MatrixState(
        aggrecan=composition.aggrecan_fraction * glycosaminoglycan,
        fragments=(1.0 - composition.aggrecan_fraction) * glycosaminoglycan,
        collagen_II=shares.average(composition.collagen_II),
        collagen_I=shares.average(composition.collagen_I),
        annulus_order=jnp.full_like(total, composition.annulus_order),
        fissure=jnp.where(weight > 0.0, fissure, 0.0),
    )


def posterior_density(disc: Disc, volumes: NodeVolumes, concentration: Scalar) -> Field | None:
    """g at every node; None on a mesh that is not the disc's own."""
    if volumes.by_tissue.shape[-2:] != disc.coordinates.shape[-3:-1]:
        return None
    rim = disc.coordinates[disc.topology.rim]
    offset = disc.coordinates[..., :2] - jnp.mean(rim, axis=(0, 1))[:2][None, None]
    distance = jnp.sqrt(jnp.sum(offset**2, axis=-1))
    away = distance > 0.0
    backward = jnp.where(away, -offset[..., 1] / jnp.where(away, distance, 1.0), 1.0)
    return jnp.exp(concentration * (backward - 1.0))


def saturating_field(density: Field, weight: Field, mean: Scalar) -> Field:
    """w = 1 - exp(-m g) with the weighted mean asked for.

    Args:
        density: g, positive.
        weight: Weights that add up to one.
        mean: From 0 to 1; the highest that is reached is 1 to rounding.
    """

    def mean_of(logarithm: Scalar) -> Scalar:
        return jnp.sum(weight * -jnp.expm1(-jnp.exp(logarithm) * density))

    def halve(_: Array, interval: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        low, high = interval
        middle = 0.5 * (low + high)
        below = mean_of(middle) < mean
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    low, high = (as_field(end) for end in _LOG_RANGE)
    low, high = jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))
    root = jax.lax.stop_gradient(0.5 * (low + high))
    # One step of Newton from the root carries the derivatives with respect to mean, weights and density.
    value, slope = jax.jvp(mean_of, (root,), (jnp.ones_like(root),))
    flat = slope <= 0.0
    root = root + jnp.where(flat, 0.0, (mean - value) / jnp.where(flat, 1.0, slope))
    return jnp.where(mean > 0.0, -jnp.expm1(-jnp.exp(root) * density), 0.0)
