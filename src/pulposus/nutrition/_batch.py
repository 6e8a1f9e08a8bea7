"""Many discs at once.

On an accelerator the discs are one array with a leading axis (`vmap`). On a processor each disc is solved alone, one per core: a disc
fits in the cache of its core, where sixteen together do not, and none waits for the slowest. Both ways the answer of a disc is that of
the disc alone.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import equinox as eqx
import jax
import jax.numpy as jnp

from pulposus import _backend  # noqa: F401
from pulposus.nutrition._newton import Solution, SolverOptions, solve
from pulposus.nutrition._problem import NutritionProblem


@eqx.filter_jit
def _solve_one(problem: NutritionProblem, options: SolverOptions) -> Solution:
    return solve(problem, options=options)


@eqx.filter_jit
def _solve_together(problems: NutritionProblem, options: SolverOptions) -> Solution:
    return jax.vmap(lambda problem: solve(problem, options=options))(problems)


def solve_batch(problems: NutritionProblem, options: SolverOptions | None = None) -> Solution:
    """Solve a batch of problems of one mesh.

    Args:
        problems: Problems with a leading axis on every array.
        options: Accuracy.

    Returns:
        Solutions with a leading axis, a status for each; nothing is raised.
    """
    options = options or SolverOptions()
    if jax.default_backend() != "cpu":
        return _solve_together(problems, options)
    count = problems.free.shape[0]
    singles = [jax.tree.map(lambda leaf, number=number: leaf[number], problems) for number in range(count)]
    # The first one compiles; the others share it.
    first = jax.block_until_ready(_solve_one(singles[0], options))
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        others = list(pool.map(lambda one: jax.block_until_ready(_solve_one(one, options)), singles[1:]))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), first, *others)
