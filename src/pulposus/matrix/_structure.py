r"""Structure: order of the annulus, healing of fissures, the cleft of a dry nucleus (cells_matrix 2.7; rulings 25).

.. math::

    \frac{dS}{dt} &= k_S^+ \frac{\sum y_1 N}{N_{ref}} F_1 (1 - S) - 0.1\, k_S^+ e\, S \\
    \frac{dw}{dt} &= -0.2\, k_S^+\, S \frac{\sum y_1 N}{N_{ref}}\, w \\
    w_{NP} &= H(20 - (A + A_f); 0, 4)

with the weights y1 of the annulus. Both equations are linear with constant coefficients over a step (the second after the first), so they
are solved exactly: S is a mean of its start and of its target, w an exponential of minus the integral of S. Growth of fissures by load
belongs to mechanics.
"""

from __future__ import annotations

import jax.numpy as jnp

from pulposus.cells._arrays import Field, Scalar
from pulposus.cells._death import switch
from pulposus.cells._integrator import mean_exponential
from pulposus.matrix._chain import mean_of_mean
from pulposus.matrix._matrix_parameters import MatrixParameters


def structure_step(
    order: Field,
    fissure: Field,
    repair: Field,
    decay: Field,
    healing: Field,
    step: Scalar,
) -> tuple[Field, Field]:
    """Order S and fissure w at the end of a step.

    Args:
        order, fissure: At the start, 0 to 1.
        repair: kS+ Y1 / N_ref F1 [1/day].
        decay: kS- e [1/day].
        healing: k_heal Y1 / N_ref [1/day].
        step: Length of the step [day].
    """
    x = -(repair + decay) * step
    gained = repair * step
    end = order * jnp.exp(x) + gained * mean_exponential(x)
    order_time = step * (order * mean_exponential(x) + gained * mean_of_mean(x))
    return end, fissure * jnp.exp(-healing * order_time)


def nucleus_cleft(glycosaminoglycan: Field, parameters: MatrixParameters) -> Field:
    """w_NP, the loss of continuity of a nucleus that has lost its glycosaminoglycan [mg/mL], 0 to 1."""
    return switch(parameters.continuity_midpoint - glycosaminoglycan, 0.0, parameters.continuity_width)
