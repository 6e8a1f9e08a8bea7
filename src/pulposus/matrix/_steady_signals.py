r"""The signals of a disc before anything happens to it (rulings 4).

The cytokine of a disc is the steady field of its law whose mean over the nucleus is that of its grade; one factor f on the source of the
disc makes it so. With the steady response :math:`R` to a source (`_diffusion` with an infinite step) and the production :math:`q(c)`,

.. math:: c = f R\,q(c), \qquad \langle c \rangle = \bar c \quad\Longrightarrow\quad
    c \leftarrow \bar c\, \frac{R\,q(c)}{\langle R\,q(c) \rangle}, \qquad f = \frac{\bar c}{\langle R\,q(c) \rangle} .

Every iterate has the wanted mean, so f need not be searched for, and only the shape of the field is left to converge: its error shrinks by
about the elasticity of the production, :math:`c\,q'/q < 1`, in every round. On one node a single round is exact, f = k c / q(c).
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from pulposus.cells import CellState, Environment
from pulposus.cells._arrays import Scalar
from pulposus.matrix._diffusion import diffuse
from pulposus.matrix._load import Load
from pulposus.matrix._signal_state import SignalState
from pulposus.matrix._signals import SignalModel, cytokine_production, steady_enzyme

_ROUNDS = 20


def balance_source(
    model: SignalModel,
    cells: CellState,
    environment: Environment,
    load: Load,
    region: Float[Array, "columns levels"],
    mean: Scalar,
) -> tuple[SignalModel, SignalState]:
    """Put a disc into balance: no trauma, no donor cells, no growth factor.

    Args:
        model: The disc; its source factor is replaced.
        cells: Native cells.
        environment: Glucose and pH at the start.
        load: Load of the day.
        region: Volume of every node inside the nucleus [mm3].
        mean: Mean cytokine of the nucleus.

    Returns:
        The disc with its factor, and its signals: steady cytokine and enzyme, nothing else.
    """
    shape = model.medium.volume.shape
    plain = eqx.tree_at(lambda one: one.source_factor, model, jnp.ones(()))
    infinite = jnp.asarray(jnp.inf)
    weight = region / jnp.sum(region)

    def response(cytokine: Array) -> Array:
        nothing = jnp.zeros(shape)
        seen = SignalState.untreated(cytokine, nothing)
        made = jnp.broadcast_to(cytokine_production(plain, seen, cells, environment, load), shape)
        return diffuse(model.medium, model.parameters.transport, nothing[None], made[None], infinite).values[0]

    def round_of(_: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        answer = response(state[0])
        reached = jnp.sum(weight * answer)
        # A disc that makes no cytokine keeps none.
        factor = jnp.where(reached > 0.0, mean / jnp.where(reached > 0.0, reached, 1.0), 0.0)
        return factor * answer, factor

    start = (jnp.full(shape, mean), jnp.ones(()))
    cytokine, factor = lax.fori_loop(0, _ROUNDS, round_of, start)
    balanced = eqx.tree_at(lambda one: one.source_factor, model, factor)
    pH = jnp.broadcast_to(environment.pH, shape)
    enzyme = steady_enzyme(cytokine, jnp.zeros(shape), pH, model.parameters)
    return balanced, SignalState.untreated(cytokine, enzyme)
