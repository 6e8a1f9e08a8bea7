r"""Mechanics of a disc in scikit-fem: a second code for the osmo-poro-hyperelastic law, with stress and tangent written by hand.

Written from mechanics_imaging 2.1 alone; nothing of `pulposus.mechanics` is imported. Quadratic displacement, linear chemical potential
(Taylor-Hood; in three dimensions the serendipity element of 20 nodes), total Lagrangian, a direct solver:

.. math::

    P = \mu_s F + p\, J F^{-T} + \sum_\pm g(\lambda)\, F a_0 \otimes a_0, \qquad p = U'(J) - \pi(J) - \mu, \quad
        g = C_f \frac{\lambda^{k_1} - 1}{\lambda^2} \ (\lambda > 1) \\
    \int P : \nabla v \, dX = f(v), \qquad
    \int q\, (J - J_n)\, dX + \Delta t \int k_0 J^{M_k + 1} C^{-1} \nabla \mu \cdot \nabla q \, dX = 0

One code serves the axisymmetric plane (r, z), where F has the hoop component 1 + u_r / r and tensors are in the order radial,
circumferential, axial, and three dimensions. What moves as one (a bonded endplate) is one unknown: u = T x with a sparse T.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import scipy.sparse as sparse
import scipy.sparse.linalg as linear
import skfem
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.float64]

RT = 8.314462618e-3 * 310.15  # MPa L/mol
SECONDS_PER_DAY = 86400.0
BATH = 0.300  # osmol/L
_ORDER = 4  # of the quadrature: three Gauss points along every axis
_STEP_CAP = 1.5  # mm, of one Newton step
_TOLERANCE = 1e-9  # mm and MPa
_MOST_ITERATIONS = 60
_CHUNK = 64  # elements whose matrices are made at once


@dataclass(frozen=True)
class Tissue:
    """Constants of the law at every Gauss point (elements, points), or numbers.

    Attributes:
        shear: mu_s [MPa].
        bulk: K0 of the porous solid, or the Lame modulus of the textbook law [MPa].
        solid: n_s.
        charge: c0 [mEq/mL].
        osmotic: Phi.
        permeability, exponent: k0 [mm4/(N s)] and M_k.
        fibre_stiffness, fibre_exponent: C_f [MPa] and k1.
        directions: a0 of two families, (elements, points, 2, 3); None without fibres.
        textbook: Whether the solid is the neo-Hookean of code comparisons (gel A) instead of the porous one.
    """

    shear: Array | float
    bulk: Array | float
    solid: Array | float
    charge: Array | float
    osmotic: Array | float
    permeability: Array | float = 0.0
    exponent: Array | float = 0.0
    fibre_stiffness: Array | float = 0.0
    fibre_exponent: float = 11.0
    directions: Array | None = None
    textbook: bool = False

    def at(self, order: NDArray[np.int64]) -> Tissue:
        """The same with the Gauss points in another order."""
        changed = {}
        for one in fields(self):
            value = getattr(self, one.name)
            changed[one.name] = value[:, order] if isinstance(value, np.ndarray) and value.ndim > 1 else value
        return Tissue(**changed)

    def volumetric(self, J: Array) -> tuple[Array, Array]:
        """U'(J) - pi(J) and its derivative [MPa]."""
        mu, K, ns, L = self.shear, self.bulk, self.solid, np.log(J)
        if self.textbook:
            first, second = (-mu + K * L) / J, (mu + K * (1.0 - L)) / J**2
        else:
            b = (1.0 - ns) / (2.0 + ns)
            B, B1, B2 = b * (2.0 * J + ns) / (J - ns), -3.0 * b * ns / (J - ns) ** 2, 6.0 * b * ns / (J - ns) ** 3
            first = -mu * J ** (-1 / 3) + 0.5 * K * (B1 * L**2 + 2.0 * B * L / J)
            second = mu / 3.0 * J ** (-4 / 3) + 0.5 * K * (B2 * L**2 + 4.0 * B1 * L / J + 2.0 * B * (1.0 - L) / J**2)
        c = self.charge * (1.0 - ns) / (J - ns)
        root = np.sqrt(c**2 + BATH**2)
        return first - self.osmotic * RT * (root - BATH), second + self.osmotic * RT * c**2 / (root * (J - ns))


def stress_and_tangent(F: Array, mu: Array, tissue: Tissue) -> tuple[Array, Array]:
    """P (..., 3, 3) and dP/dF (..., 3, 3, 3, 3) of deformation gradients (..., 3, 3) and chemical potentials (...)."""
    J, G = np.linalg.det(F), np.linalg.inv(F).swapaxes(-1, -2)
    p, slope = tissue.volumetric(J)
    p, one = p - mu, np.eye(3)
    shear = np.broadcast_to(tissue.shear, J.shape)[..., None, None]
    P = shear * F + (p * J)[..., None, None] * G
    A = shear[..., None, None] * (one[:, None, :, None] * one[None, :, None, :])
    A = A + ((p + J * slope) * J)[..., None, None, None, None] * G[..., :, :, None, None] * G[..., None, None, :, :]
    A -= (p * J)[..., None, None, None, None] * np.einsum("...il,...kj->...ijkl", G, G)
    if tissue.directions is not None:
        half = 0.5 * tissue.fibre_exponent
        for family in range(2):
            a = tissue.directions[..., family, :]
            now = np.einsum("...ij,...j->...i", F, a)
            s = np.maximum(np.sum(now**2, axis=-1), 1.0)
            g = tissue.fibre_stiffness * (s ** (half - 1.0) - 1.0 / s)
            g1 = tissue.fibre_stiffness * ((half - 1.0) * s ** (half - 2.0) + 1.0 / s**2) * (s > 1.0)
            dyad = np.einsum("...i,...j->...ij", now, a)
            P = P + g[..., None, None] * dyad
            A += g[..., None, None, None, None] * np.einsum("ik,...j,...l->...ijkl", one, a, a)
            A += (2.0 * g1)[..., None, None, None, None] * dyad[..., :, :, None, None] * dyad[..., None, None, :, :]
    return P, A


@dataclass
class State:
    """A state of the model: nodal displacement, chemical potential, and the volume ratio at the Gauss points."""

    displacement: Array
    potential: Array
    volume_ratio: Array
    newton: int = 0


@dataclass
class Model:
    """A body of one mesh.

    Attributes:
        mesh: Quadrilaterals (r, z) or hexahedra.
        tissue_at: Constants at given Gauss points (dim, elements, points).
        transform: T of u = T x, (displacements, unknowns).
        drained_nodes: Where mu = 0, as a mask over the potentials.
    """

    mesh: skfem.Mesh
    tissue_at: Callable[[Array], Tissue]
    transform: sparse.csr_matrix = field(init=False)
    drained_nodes: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        self.axisymmetric = self.mesh.dim() == 2
        quadratic, first = (
            (skfem.ElementQuad2(), skfem.ElementQuad1())
            if self.axisymmetric
            else (skfem.ElementHexS2(), skfem.ElementHex1())
        )
        self.basis = skfem.Basis(self.mesh, skfem.ElementVector(quadratic), intorder=_ORDER)
        self.pressure = self.basis.with_element(first)
        self.points = np.asarray(self.basis.global_coordinates())
        self.weights = self.basis.dx * (2.0 * np.pi * self.points[0] if self.axisymmetric else 1.0)
        self.tissue = self.tissue_at(self.points)
        self.transform = sparse.identity(self.basis.N, format="csr")
        self.drained_nodes = np.zeros(self.pressure.N, dtype=bool)
        self.gradients = self._gradients()
        self.shapes = np.stack([np.asarray(p[0]) * np.ones_like(self.weights) for p in self.pressure.basis], axis=-1)
        self.slopes = np.stack([self._three(np.asarray(p[0].grad)) for p in self.pressure.basis], axis=-1)

    def _gradients(self) -> Array:
        """dF / d(displacement of the element): (elements, points, 9, displacements)."""
        elements, points = self.weights.shape
        B = np.zeros((elements, points, 3, 3, self.basis.Nbfun))
        place = (0, 2) if self.axisymmetric else (0, 1, 2)
        for number, (shape,) in enumerate(self.basis.basis):
            for i, row in enumerate(place):
                for j, column in enumerate(place):
                    B[:, :, row, column, number] = np.asarray(shape.grad)[i, j]
            if self.axisymmetric:
                B[:, :, 1, 1, number] = np.asarray(shape)[0] / self.points[0]
        return B.reshape(elements, points, 9, -1)

    def _three(self, gradient: Array) -> Array:
        """Gradient of a scalar (dim, elements, points) as (elements, points, 3)."""
        components = (gradient[0], np.zeros_like(gradient[0]), gradient[1]) if self.axisymmetric else tuple(gradient)
        return np.stack(components, axis=-1)

    def tie(self, fixed: NDArray[np.int64], moving: NDArray[np.int64]) -> None:
        """Bonded plate: the displacements `fixed` are zero, those of `moving` are one unknown, the last."""
        free = np.setdiff1d(np.arange(self.basis.N), np.concatenate([fixed, moving]))
        rows = np.concatenate([free, moving])
        columns = np.concatenate([np.arange(free.size), np.full(moving.size, free.size)])
        self.transform = sparse.csr_matrix((np.ones(rows.size), (rows, columns)), shape=(self.basis.N, free.size + 1))

    def degrees(self, direction: int, where: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Displacements along a direction (a row of `basis.doflocs`) at the nodes of a mask over all displacements."""
        own = np.zeros(self.basis.N, dtype=bool)
        own[self.basis.split_indices()[direction]] = True
        return np.flatnonzero(own & where)

    def rest(self) -> State:
        """The stress-free configuration."""
        return State(np.zeros(self.basis.N), np.zeros(self.pressure.N), np.ones_like(self.weights))

    def deformation(self, state: State) -> Array:
        """F at the Gauss points (elements, points, 3, 3)."""
        local = state.displacement[self.basis.element_dofs]
        gradient = np.einsum("eqcd,de->eqc", self.gradients, local, optimize=True)
        return gradient.reshape(*self.weights.shape, 3, 3) + np.eye(3)

    def plate(self, state: State) -> float:
        """Displacement of what moves as one [mm]."""
        return float(state.displacement[self.transform[:, -1].nonzero()[0][0]])

    def at_points(self, potential: Array) -> Array:
        """mu at the Gauss points."""
        return np.einsum("eqn,ne->eq", self.shapes, potential[self.pressure.element_dofs])

    def cauchy(self, state: State) -> Array:
        """Total Cauchy stress at the Gauss points (elements, points, 3, 3)."""
        F = self.deformation(state)
        P, _ = stress_and_tangent(F, self.at_points(state.potential), self.tissue)
        return P @ F.swapaxes(-1, -2) / np.linalg.det(F)[..., None, None]

    def solve(self, state: State, force: float, dt: float | None = None) -> State:
        """The state under an axial force on the plate [N].

        Args:
            state: Where to start; its volume ratio is that of the step before.
            force: Along the last unknown, compression negative.
            dt: Length of a water step [s]; 0 is undrained, None drained (mu = 0 everywhere).
        """
        T, drained = self.transform, dt is None
        load = np.zeros(T.shape[1])
        load[-1] = force
        u, mu = state.displacement.copy(), state.potential.copy()
        known = np.full(mu.size, drained) | (self.drained_nodes if dt else False)
        mu[known] = 0.0
        open_ = np.flatnonzero(~known)
        for iteration in range(1, _MOST_ITERATIONS + 1):
            r_u, r_mu, blocks = self._assemble(State(u, mu, state.volume_ratio), dt)
            matrix = T.T @ blocks[0] @ T
            if not drained:
                across = [T.T @ blocks[1][:, open_], blocks[2][open_] @ T, blocks[3][open_][:, open_]]
                matrix = sparse.bmat([[matrix, across[0]], across[1:]])
            step = -linear.spsolve(matrix.tocsc(), np.concatenate([T.T @ r_u - load, r_mu[open_]]))
            move, change = T @ step[: T.shape[1]], step[T.shape[1] :]
            size = np.max(np.abs(move))
            share = 1.0 if size <= _STEP_CAP else _STEP_CAP / size
            while np.min(self._room(u + share * move)) <= 0.0:
                share *= 0.5
            u = u + share * move
            mu[open_] += share * change
            if share == 1.0 and size < _TOLERANCE and np.max(np.abs(change), initial=0.0) < _TOLERANCE:
                done = State(u, mu, state.volume_ratio)
                return State(u, mu, np.linalg.det(self.deformation(done)), iteration)
        raise RuntimeError(f"the peer did not converge at {force:g} N")

    def _room(self, u: Array) -> Array:
        """J - n_s."""
        return np.linalg.det(self.deformation(State(u, np.zeros(0), self.weights))) - self.tissue.solid

    def _assemble(self, state: State, dt: float | None) -> tuple[Array, Array, list[sparse.csr_matrix]]:
        """Residuals of momentum and water, and the four blocks of their derivative."""
        elements, points = self.weights.shape
        du, dp = self.basis.element_dofs, self.pressure.element_dofs
        F, mu = self.deformation(state), self.at_points(state.potential)
        grad_mu = np.einsum("eqin,ne->eqi", self.slopes, state.potential[dp])
        P, A = stress_and_tangent(F, mu, self.tissue)
        w = self.weights
        parts: list[list[Array]] = [[], [], [], [], [], []]
        for begin in range(0, elements, _CHUNK):
            e = slice(begin, min(begin + _CHUNK, elements))
            B, we = self.gradients[e], w[e]
            count = B.shape[0]
            flat = B.reshape(count, points * 9, -1)
            parts[0].append(
                np.einsum(
                    "exd,ex->ed",
                    flat,
                    (P[e].reshape(count, points, 9) * we[..., None]).reshape(count, -1),
                    optimize=True,
                )
            )
            AB = (A[e].reshape(count, points, 9, 9) * we[..., None, None]) @ B
            parts[1].append(flat.swapaxes(1, 2) @ AB.reshape(count, points * 9, -1))
            if dt is None:
                continue
            N, S, Fe = self.shapes[e], self.slopes[e], F[e]
            J, inverse = np.linalg.det(Fe), np.linalg.inv(Fe)
            dJ = np.einsum("eq,eqc,eqcd->eqd", J, inverse.swapaxes(-1, -2).reshape(count, points, 9), B, optimize=True)
            swelling = np.einsum("eqn,eqd,eq->end", N, dJ, we, optimize=True)
            k, m = (
                np.broadcast_to(self.tissue.permeability, w.shape)[e],
                np.broadcast_to(self.tissue.exponent, w.shape)[e],
            )
            scale = k * J ** (m + 1.0)
            Cinv = inverse @ inverse.swapaxes(-1, -2)
            flux = scale[..., None] * np.einsum("eqij,eqj->eqi", Cinv, grad_mu[e])
            # d(C^-1) g = -F^-1 dF (C^-1 g) - C^-1 dF^T F^-T g
            g = grad_mu[e]
            dF = B.reshape(count, points, 3, 3, -1)
            first = np.einsum("eqij,eqjkd,eqk->eqid", inverse, dF, np.einsum("eqij,eqj->eqi", Cinv, g), optimize=True)
            second = np.einsum("eqij,eqkjd,eqk->eqid", Cinv, dF, np.einsum("eqji,eqj->eqi", inverse, g), optimize=True)
            dflux = flux[..., None] * ((m + 1.0) / J)[..., None, None] * dJ[..., None, :] - scale[..., None, None] * (
                first + second
            )
            parts[2].append(-swelling)
            parts[3].append(swelling + dt * np.einsum("eqin,eqid,eq->end", S, dflux, we, optimize=True))
            parts[4].append(dt * np.einsum("eqin,eqij,eqjm,eq->enm", S, Cinv, S, we * scale, optimize=True))
            gain = J - state.volume_ratio[e]
            parts[5].append(
                np.einsum("eqn,eq->en", N, gain * we) + dt * np.einsum("eqin,eqi,eq->en", S, flux, we, optimize=True)
            )
        r_u = np.bincount(du.T.ravel(), np.concatenate(parts[0]).ravel(), self.basis.N)
        blocks = [_sparse(np.concatenate(parts[1]), du, du, (self.basis.N, self.basis.N))]
        if dt is None:
            return r_u, np.zeros(self.pressure.N), blocks
        sizes = self.basis.N, self.pressure.N
        blocks += [
            _sparse(np.concatenate(parts[2]).swapaxes(1, 2), du, dp, sizes),
            _sparse(np.concatenate(parts[3]), dp, du, sizes[::-1]),
            _sparse(np.concatenate(parts[4]), dp, dp, (sizes[1], sizes[1])),
        ]
        return r_u, np.bincount(dp.T.ravel(), np.concatenate(parts[5]).ravel(), self.pressure.N), blocks


def _sparse(
    values: Array, rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Sum of element matrices (elements, rows, columns)."""
    i = np.broadcast_to(rows.T[:, :, None], values.shape)
    j = np.broadcast_to(columns.T[:, None, :], values.shape)
    return sparse.coo_matrix((values.ravel(), (i.ravel(), j.ravel())), shape=shape).tocsr()


NUCLEUS = {"shear": 0.02, "bulk": 0.65, "solid": 0.19, "charge": 0.25, "osmotic": 0.59, "permeability": 9.0e-4}
ANNULUS = {"shear": 0.20, "bulk": 0.10, "solid": 0.25, "charge": 0.18, "osmotic": 1.0, "permeability": 2.0e-4}


class SwellingCylinder:
    """The disc benchmark: radius 22, nucleus 14.5, height 10, half of it, in the plane (r, z) (mechanics_imaging V11, V12)."""

    radius, nucleus, half_height = 22.0, 14.5, 5.0

    def __init__(self, inner: int, outer: int, axial: int, refine: float = 1.0) -> None:
        r = np.concatenate(
            [np.linspace(0.0, self.nucleus, inner + 1), _graded(self.nucleus, self.radius, outer, refine)[1:]]
        )
        z = _graded(0.0, self.half_height, axial, refine)
        self.model = Model(skfem.MeshQuad.init_tensor(r, z), self._tissue)
        x, z = self.model.basis.doflocs
        top = np.isclose(z, self.half_height)
        bonded = self.model.degrees(0, top | np.isclose(x, 0.0))
        mirrored = self.model.degrees(1, np.isclose(z, 0.0))
        self.model.tie(np.concatenate([bonded, mirrored]), self.model.degrees(1, top))
        p = self.model.pressure.doflocs
        self.model.drained_nodes = np.isclose(p[0], self.radius) | np.isclose(p[1], self.half_height)

    def _tissue(self, points: Array) -> Tissue:
        r = points[0]
        inside = r < self.nucleus
        depth = np.clip((r - self.nucleus) / (self.radius - self.nucleus), 0.0, 1.0)
        angle = np.deg2rad(38.0 - 12.0 * depth)
        zero = np.zeros_like(angle)
        a = np.stack([np.stack([zero, np.cos(angle), s * np.sin(angle)], axis=-1) for s in (1.0, -1.0)], axis=-2)
        values = {name: np.where(inside, NUCLEUS[name], ANNULUS[name]) for name in NUCLEUS}
        return Tissue(**values, exponent=1.2, fibre_stiffness=np.where(inside, 0.0, 0.8 + 1.2 * depth), directions=a)

    def equilibrium(self, force: float, start: State | None = None, begin: float = 0.0, step: float = 50.0) -> State:
        """Drained state under a compression [N], continued in steps of at most `step`."""
        state = self.model.solve(self.model.rest(), 0.0) if start is None else start
        count = int(np.ceil(abs(force - begin) / step))
        for load in np.linspace(begin, force, count + 1)[1:]:
            state = self.model.solve(state, -load)
        return state

    def undrained(self, state: State, begin: float, force: float, step: float = 50.0) -> State:
        """Jump from one compression to another without flow."""
        for load in np.linspace(begin, force, int(np.ceil(abs(force - begin) / step)) + 1)[1:]:
            state = self.model.solve(state, -load, dt=0.0)
        return state

    def hold(
        self, state: State, force: float, hours: float, marks: tuple[float, ...] = ()
    ) -> tuple[State, list[float]]:
        """A constant compression with flow, in steps that grow from a minute to an hour; heights at the marks [h]."""
        times, end, step, heights = 0.0, 3600.0 * hours, 60.0, []
        for mark in (*(3600.0 * one for one in marks), end):
            while mark - times > 1e-6:
                # A last step shorter than a third of the others is joined to the one before.
                dt = mark - times if mark - times < 1.3 * step else step
                state = self.model.solve(state, -force, dt=dt)
                times, step = times + dt, min(1.5 * step, 3600.0)
            heights.append(self.height(state))
        return state, heights[: len(marks)]

    def height(self, state: State) -> float:
        return 2.0 * (self.half_height + self.model.plate(state))

    def pressure(self, state: State) -> float:
        """-tr(sigma)/3 over r < 11.6, |z| < 2.5, weighted with reference volume [MPa]."""
        r, z = self.model.points
        weights = self.model.weights * ((r < 11.6) & (z < 2.5))
        mean = -np.trace(self.model.cauchy(state), axis1=-2, axis2=-1) / 3.0
        return float(np.sum(weights * mean) / np.sum(weights))

    def bulge(self, state: State) -> float:
        side = self.model.basis.doflocs[0] > self.radius - 1e-9
        return float(np.max(state.displacement[self.model.degrees(0, side)]))

    def volume(self, state: State) -> float:
        return float(2.0 * np.sum(self.model.weights * state.volume_ratio))


def same_problem(problem: Any) -> Model:
    """The problem of a disc as pulposus holds it, bonded above and bonded or mirrored below; the plate moves along the axis.

    Only its numbers are taken: nodes [mm], constants at the Gauss points [MPa; permeability in mm2/(MPa day)], and which nodes lie on which
    face. Water leaves through the side, and through the upper face where that is open; films are left out.
    """
    nodes, mesh, material = np.asarray(problem.coordinates), problem.mesh, problem.material
    solid, donnan, fibres = material.solid, material.donnan, material.fibres
    tissue = Tissue(
        shear=np.asarray(solid.shear_modulus),
        bulk=np.asarray(solid.bulk_modulus),
        solid=np.asarray(donnan.solid_fraction),
        charge=np.asarray(donnan.fixed_charge),
        osmotic=np.asarray(donnan.osmotic_coefficient),
        permeability=np.asarray(material.permeability.reference) / SECONDS_PER_DAY,
        exponent=np.asarray(material.permeability.exponent),
        fibre_stiffness=np.asarray(fibres.stiffness),
        fibre_exponent=float(np.ravel(fibres.exponent)[0]),
        directions=np.asarray(fibres.directions),
    )
    model = serendipity_body(nodes, mesh.elements, tissue)
    place, corner = model.basis.doflocs.T, model.pressure.doflocs.T
    upper, lower, side = (nodes[np.unique(face.nodes)] for face in (mesh.upper, mesh.lower, mesh.side))
    mirrored = problem.lower == "symmetry"
    held = [model.degrees(i, _among(place, upper)) for i in range(2)]
    held += [model.degrees(i, _among(place, lower)) for i in range(2 if mirrored else 0, 3)]
    model.tie(np.concatenate(held), model.degrees(2, _among(place, upper)))
    model.drained_nodes = _among(corner, side)
    if problem.open_endplates:
        model.drained_nodes |= _among(corner, upper)
    return model


def _among(points: Array, nodes: Array) -> NDArray[np.bool_]:
    """Which points are nodes of a surface."""
    return cKDTree(nodes).query(points)[0] < 1e-9


def serendipity_body(nodes: Array, elements: NDArray[np.int64], tissue: Tissue) -> Model:
    """A body of 20-node hexahedra in the order of VTK, as another code has it.

    Args:
        nodes: [mm], (nodes, 3).
        elements: (elements, 20).
        tissue: Constants at the Gauss points in the order of rising local coordinates, the third fastest.
    """
    element = skfem.ElementHex2()
    corners = 2.0 * element.doflocs[:8] - 1.0
    vtk = [int(np.argmin(np.sum((_VTK[:8] - corner) ** 2, axis=1))) for corner in corners]
    used, numbers = np.unique(elements[:, vtk], return_inverse=True)
    straight = skfem.MeshHex(nodes[used].T, numbers.reshape(len(elements), 8).T)
    curved = skfem.MeshHex2.from_mesh(straight)
    places = np.empty_like(curved.doflocs)
    for local, numbers in zip(element.doflocs, curved.dofs.element_dofs, strict=True):
        places[:, numbers] = np.einsum("a,eax->xe", _serendipity(2.0 * local - 1.0), nodes[elements])
    mesh = replace(curved, doflocs=places)
    points = skfem.Basis(mesh, element, intorder=_ORDER).X
    order = np.lexsort(np.round(points[::-1], 9))
    return Model(mesh, lambda _: tissue.at(np.argsort(order)))


_SIGNS = np.array([[-1, -1, -1], [1, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]])
_EDGES = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6), (3, 7))
_VTK = np.concatenate([_SIGNS, [0.5 * (_SIGNS[a] + _SIGNS[b]) for a, b in _EDGES]])


def _serendipity(point: Array) -> Array:
    """The 20 quadratic serendipity functions at a point of [-1, 1]^3."""
    corner = np.prod(1.0 + _VTK * point, axis=1) * (_VTK @ point - 2.0) / 8.0
    edge = np.prod(np.where(_VTK == 0.0, 1.0 - point**2, 1.0 + _VTK * point), axis=1) / 4.0
    return np.where(np.all(_VTK != 0.0, axis=1), corner, edge)


def _graded(begin: float, end: float, count: int, ratio: float) -> Array:
    """Points whose last interval is 1/ratio of the first."""
    sizes = ratio ** -np.linspace(0.0, 1.0, count) if count > 1 else np.ones(1)
    return begin + (end - begin) * np.concatenate([[0.0], np.cumsum(sizes) / np.sum(sizes)])
