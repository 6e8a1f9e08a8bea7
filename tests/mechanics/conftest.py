"""The gels of mechanics_imaging 2.6 and the tissues of its table 2.2 (v0: solid fraction 0.19 and 0.25; rulings 26)."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Disc, load_disc
from pulposus.mechanics import (
    Donnan,
    FibreMap,
    Material,
    MechanicalDisc,
    NeoHookean,
    Permeability,
    PorousNeoHookean,
    SolidProblem,
    mechanical_disc,
    tissue_material,
    uniform,
)
from pulposus.mesh import axial_positions, quadratic_mesh, reference_points, topology
from pulposus.mesh._topology import PLANS, Plan
from pulposus.parameters import ParameterSet, load_parameters

V0_SOLID = {"nucleus": 0.19, "annulus": 0.25}


@pytest.fixture(scope="session")
def parameters() -> ParameterSet:
    return load_parameters()


@pytest.fixture(scope="session")
def gel_a(parameters: ParameterSet) -> Material:
    return Material(
        NeoHookean.from_engineering(0.2, 0.2),
        Donnan.from_parameters(parameters, 0.2, 0.2, 1.0),
        Permeability(77.76, 1.2),
    )


@pytest.fixture(scope="session")
def gel_b(parameters: ParameterSet) -> Material:
    """K0 = mu_s (2 + ns) / (3 (1 - ns)) is printed as 0.0916667."""
    return Material(
        PorousNeoHookean(0.1, 0.1 * 2.2 / 2.4, 0.2),
        Donnan.from_parameters(parameters, 0.2, 0.2, 1.0),
        Permeability(77.76, 1.2),
    )


@pytest.fixture(scope="session")
def v0(parameters: ParameterSet) -> Callable[..., Material]:
    """`v0("nucleus", 2)` is the tissue of table 2.2."""

    def make(tissue, grade: int, **place: float) -> Material:
        return tissue_material(parameters, tissue, grade, solid_fraction=V0_SOLID[tissue], **place)

    return make


@pytest.fixture(scope="session")
def tiny_disc(parameters: ParameterSet) -> Disc:
    """A human disc of grade III on 84 elements, 8 around: for what does not need a fine mesh; one compiled solver serves all who use it."""
    PLANS["mechanics-tiny"] = Plan(square=4, inner=2, middle=2, outer=2, plate=2, core=2, grading=1.0, quadratic=True)
    disc = load_disc("human/L4-L5/grade3", "mechanics-tiny", parameters)
    del PLANS["mechanics-tiny"]
    return disc


@pytest.fixture(scope="session")
def tiny(tiny_disc: Disc, parameters: ParameterSet) -> MechanicalDisc:
    """The same disc at rest."""
    return mechanical_disc(tiny_disc, parameters)


RADIUS, NUCLEUS, HALF_HEIGHT = 22.0, 14.5, 5.0


@pytest.fixture(scope="session")
def small_cylinder(parameters: ParameterSet) -> SolidProblem:
    """The upper half of the cylinder of V11 with its v0 tissues on 18 elements: for what does not need a fine mesh."""
    PLANS["mechanics-small"] = Plan(square=2, inner=2, middle=0, outer=2, plate=0, core=4, grading=1.0, quadratic=True)
    lattice = topology("mechanics-small")
    del PLANS["mechanics-small"]
    mesh = quadratic_mesh(lattice)
    share = NUCLEUS / RADIUS
    # There is no ring between the named radii, so the second one has to lie on the first.
    section = reference_points(lattice, share, share + 1e-12)
    places = np.empty((lattice.columns, lattice.levels, 3))
    places[..., :2], places[..., 2] = section[:, None], axial_positions(lattice, 0.0)
    nodes = mesh.gather(jnp.asarray(places)) * jnp.array([RADIUS, RADIUS, 0.5 * HALF_HEIGHT])[None]
    nucleus = tissue_material(parameters, "nucleus", 2, solid_fraction=0.19, fixed_charge=0.25)
    annulus = tissue_material(parameters, "annulus", 2, solid_fraction=0.25)
    outer = jnp.broadcast_to((mesh.element_region > 0)[:, None], (len(mesh.elements), 27))
    at = mesh.point_reference(jnp.asarray(places))
    rho = jnp.sqrt(jnp.sum(at[..., :2] ** 2, axis=-1))
    # A Gauss point lies on the axis, where there is no circumference and no fibre.
    around = jnp.stack([-at[..., 1], at[..., 0], 0.0 * rho], axis=-1) / jnp.maximum(rho, 1e-9)[..., None]
    fibre_map = FibreMap(0.8, 2.0, 11.0, [38.0, 26.0], [38.0, 26.0])
    depth = jnp.clip((rho - share) / (1.0 - share), 0.0, 1.0)
    fibres = jax.vmap(jax.vmap(lambda d, t: fibre_map.at(d, jnp.zeros(()), t, jnp.array([0.0, 0.0, 1.0]))))(
        depth, around
    )
    fibres = eqx.tree_at(lambda f: f.stiffness, fibres, jnp.where(outer, fibres.stiffness, 0.0))
    ground = eqx.tree_at(lambda m: m.fibres, annulus, None)
    mixed = jax.tree.map(lambda n, a: jnp.where(outer, a, n), uniform(nucleus, mesh), uniform(ground, mesh))
    return SolidProblem(
        mesh=mesh,
        coordinates=nodes.at[:, 2].add(0.5 * HALF_HEIGHT),
        material=eqx.tree_at(lambda m: m.fibres, mixed, fibres, is_leaf=lambda leaf: leaf is None),
        growth=jnp.ones((len(mesh.elements), 27)),
        film=jnp.zeros((2, len(mesh.upper.elements))),
        centre=jnp.array([0.0, 0.0, HALF_HEIGHT]),
        lower="symmetry",
    )
