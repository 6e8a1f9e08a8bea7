"""The same nutrition problem in scikit-fem: Q1 hexahedra on the same nodes, full quadrature, exact Newton, GMRES with pyamg.

Written as a user of that library would write it with care: the diffusion matrices are assembled once, the AMG hierarchies are built
once per disc and reused in every Newton step (rebuilding them is slower), only the distinct blocks of the Jacobian are assembled (the
glucose row is a multiple of the lactate row), fixed nodes are condensed. The Robin term is lumped on the nodes of the face, with the
coefficients of our problem.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax
import numpy as np
import pyamg
import scipy.sparse as sparse
import scipy.sparse.linalg as linear
import skfem

from pulposus.disc import Disc
from pulposus.nutrition import NutritionProblem, metabolic_rates

_ORDER = (0, 1, 3, 4, 2, 5, 7, 6)
_MASS = skfem.BilinearForm(lambda u, v, w: w.c * u * v)
_LOAD = skfem.LinearForm(lambda v, w: w.c * v)


@skfem.BilinearForm
def _diffusion(u, v, w):
    return w.d * (u.grad[0] * v.grad[0] + u.grad[1] * v.grad[1] + u.grad[2] * v.grad[2])


@dataclass(frozen=True)
class PeerAnswer:
    """Result of one solve.

    Attributes:
        solutes: Nodal values (3, nodes).
        seconds: Time of the solve, without mesh and basis.
        newton, krylov: Iterations.
    """

    solutes: np.ndarray
    seconds: float
    newton: int
    krylov: int


class Peer:
    """One disc in scikit-fem."""

    def __init__(self, disc: Disc, problem: NutritionProblem) -> None:
        mesh, levels = disc.topology, disc.topology.levels
        solid = disc.tissue_of_element >= 0
        quads, layers = np.nonzero(solid)
        lower = mesh.quads[quads] * levels + layers[:, None]
        corners = np.concatenate([lower, lower + 1], axis=1)[:, _ORDER]
        points = np.asarray(disc.coordinates).reshape(-1, 3)
        used, compact = np.unique(corners, return_inverse=True)
        self.used = used
        self.basis = skfem.Basis(
            skfem.MeshHex(points[used].T, compact.reshape(corners.shape).T), skfem.ElementHex1(), intorder=3
        )
        tissue = disc.tissue_of_element[quads, layers]
        self.diffusivity = np.asarray(disc.tissue.diffusivity)[:, tissue]
        density = np.asarray(disc.tissue.cell_density)[tissue] * float(disc.condition.native_rate_factor)
        oxygen = density * np.asarray(disc.oxygen_source_factor)[tissue]
        self.demand = np.stack([oxygen, density, density])
        self.start = np.asarray(problem.start).reshape(3, -1)[:, used]
        self.free = np.flatnonzero(np.asarray(problem.free).reshape(-1)[used] > 0)
        self.exchange = np.asarray(problem.exchange).reshape(3, -1)[:, used]
        self.load = np.asarray(problem.load).reshape(3, -1)[:, used]
        rates = lambda values: metabolic_rates(problem.kinetics, values)  # noqa: E731
        slopes = lambda values: [  # noqa: E731
            jax.jvp(rates, (values,), (jax.numpy.zeros_like(values).at[k].set(1.0),))[1] for k in range(3)
        ]
        self.rates, self.slopes = jax.jit(rates), jax.jit(slopes)

    def solve(self, guess: np.ndarray | None = None, demand_factor: float = 1.0, tolerance: float = 1e-8) -> PeerAnswer:
        """Solve to the residual norm `tolerance` times that of the cold start, in every solute."""
        began = time.perf_counter()
        free, count = self.free, len(self.free)
        demand = self.demand * demand_factor
        stiffness = [
            skfem.asm(_diffusion, self.basis, d=np.repeat(d[:, None], self.basis.X.shape[-1], axis=1))
            for d in self.diffusivity
        ]
        linear_part = [k + sparse.diags(e) for k, e in zip(stiffness, self.exchange, strict=True)]
        amg = [pyamg.smoothed_aggregation_solver(k[free][:, free].tocsr()).aspreconditioner() for k in linear_part]

        def at_points(solutes: np.ndarray) -> np.ndarray:
            return np.stack([np.asarray(self.basis.interpolate(one)) for one in solutes])

        def residual(solutes: np.ndarray) -> np.ndarray:
            made = np.asarray(self.rates(at_points(solutes))) * demand[:, :, None]
            return np.stack(
                [linear_part[s] @ solutes[s] - self.load[s] - skfem.asm(_LOAD, self.basis, c=made[s]) for s in range(3)]
            )[:, free]

        def precondition(vector: np.ndarray) -> np.ndarray:
            return np.concatenate([amg[s] @ vector[s * count : (s + 1) * count] for s in range(3)])

        target = tolerance * np.linalg.norm(residual(self.start), axis=1)
        solutes = (self.start if guess is None else guess).copy()
        newton = krylov = 0
        value = residual(solutes)
        while np.any(np.linalg.norm(value, axis=1) > target) and newton < 20:
            slopes = [np.asarray(slope) for slope in self.slopes(at_points(solutes))]
            blocks: list[list[sparse.csr_matrix | None]] = [[None] * 3 for _ in range(3)]
            for j in range(3):
                for i in (0, 1):
                    if np.any(slopes[j][i]):
                        blocks[i][j] = -skfem.asm(_MASS, self.basis, c=slopes[j][i] * demand[i][:, None])[free][:, free]
                if blocks[1][j] is not None:
                    blocks[2][j] = -0.5 * blocks[1][j]
            for s in range(3):
                own = linear_part[s][free][:, free]
                blocks[s][s] = own if blocks[s][s] is None else own + blocks[s][s]
            jacobian = sparse.bmat(blocks, format="csr")
            steps: list[float] = []
            update, _ = linear.gmres(
                jacobian,
                -value.ravel(),
                rtol=1e-3,
                restart=40,
                M=linear.LinearOperator(jacobian.shape, matvec=precondition),
                callback=steps.append,
                callback_type="pr_norm",
            )
            solutes[:, free] += update.reshape(3, -1)
            value = residual(solutes)
            newton, krylov = newton + 1, krylov + len(steps)
        return PeerAnswer(solutes, time.perf_counter() - began, newton, krylov)
