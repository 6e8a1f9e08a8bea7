"""Mechanics by an independent finite-element code: scikit-fem, stress and tangent written by hand (`benchmarks/peer_mechanics.py`).

V9: a block of neo-Hookean and Donnan material and blocks of the disc's own laws against the homogeneous laws and the confined column of
this program; whole discs against its solver, drained, undrained and creeping. The same code also has to return the printed disc
benchmarks V11 and V12, so that it can be trusted where it is compared.
"""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from pulposus.disc import load_disc
from pulposus.mechanics import (
    CONVERGED,
    Column,
    Donnan,
    Fibres,
    Material,
    NeoHookean,
    Permeability,
    PorousNeoHookean,
    TimeSteps,
    advance,
    consolidate,
    drained,
    drained_equilibrium,
    equilibrium,
    point_states,
    undrained,
    undrained_equilibrium,
)
from pulposus.mechanics._cylinder import load_cylinder
from pulposus.mechanics._disc_problem import disc_solid
from pulposus.parameters import load_parameters

skfem = pytest.importorskip("skfem")
peer = pytest.importorskip("peer_mechanics")

PARAMETERS = load_parameters()
SECONDS = 86400.0
FREE, WALLS = (False, False, False), (True, True, False)
CODE_TO_CODE = 1e-4  # V9


def gel_a() -> Material:
    """Neo-Hookean solid and Donnan osmosis, gel A of mechanics_imaging 2.6."""
    donnan = Donnan.from_parameters(PARAMETERS, 0.2, 0.2, 1.0)
    return Material(NeoHookean.from_engineering(0.2, 0.2), donnan, Permeability(SECONDS * 9.0e-4, 1.2))


def gel_b() -> Material:
    donnan = Donnan.from_parameters(PARAMETERS, 0.2, 0.2, 1.0)
    return Material(PorousNeoHookean(0.1, 0.1 * 2.2 / 2.4, 0.2), donnan, Permeability(SECONDS * 9.0e-4, 1.2))


def annulus() -> Material:
    """The annulus of table 2.2, fibres in the plane of the axes 0 and 2."""
    donnan = Donnan.from_parameters(PARAMETERS, 0.18, 0.25, 1.0)
    directions = [[np.cos(0.55), 0.0, np.sin(0.55)], [np.cos(0.55), 0.0, -np.sin(0.55)]]
    solid = PorousNeoHookean(0.20, 0.10, 0.25)
    return Material(solid, donnan, Permeability(SECONDS * 2.0e-4, 1.2), Fibres(1.2, 11.0, np.array(directions)))


def same_tissue(material: Material):
    """The constants of a material for the peer, the same everywhere."""
    solid, donnan, fibres = material.solid, material.donnan, material.fibres
    textbook = isinstance(solid, NeoHookean)

    def at(points: np.ndarray):
        directions = None
        if fibres is not None:
            directions = np.broadcast_to(np.asarray(fibres.directions), (*points.shape[1:], 2, 3))
        return peer.Tissue(
            shear=float(solid.shear_modulus),
            bulk=float(solid.lame_modulus if textbook else solid.bulk_modulus),
            solid=float(donnan.solid_fraction),
            charge=float(donnan.fixed_charge),
            osmotic=float(donnan.osmotic_coefficient),
            permeability=float(material.permeability.reference) / SECONDS,
            exponent=float(material.permeability.exponent),
            fibre_stiffness=0.0 if fibres is None else float(fibres.stiffness),
            directions=directions,
            textbook=textbook,
        )

    return at


def block(material: Material, walls: bool):
    """A unit cube of eight elements around a shifted inner node, on rollers, with a plate on top; walls hold it laterally."""
    mesh = skfem.MeshHex().refined(1)
    points = mesh.p.copy()
    points[:, np.all(np.isclose(points, 0.5), axis=0)] += np.array([[0.11], [-0.07], [0.09]])
    model = peer.Model(skfem.MeshHex(points, mesh.t), same_tissue(material))
    place = model.basis.doflocs
    held = [model.degrees(i, np.isclose(place[i], 0.0) | (walls & np.isclose(place[i], 1.0))) for i in range(2)]
    model.tie(
        np.concatenate([*held, model.degrees(2, np.isclose(place[2], 0.0))]),
        model.degrees(2, np.isclose(place[2], 1.0)),
    )
    return model


def nominal(state) -> float:
    """Force per reference area along the axis: that of the true stress on the stretched section."""
    return float(state.stress[2] * state.stretch[0] * state.stretch[1])


@pytest.mark.parametrize("walls", [False, True], ids=["unconfined", "confined"])
@pytest.mark.parametrize("make", [gel_a, gel_b, annulus])
def test_v9_drained_block(make, walls: bool) -> None:
    """Stretches and stresses of a swollen and pressed block on a distorted mesh."""
    material, model = make(), block(make(), walls)
    state = model.solve(model.rest(), 0.0)
    for stress in (0.0, -0.1):
        ours = equilibrium(
            material, drained(WALLS if walls else FREE, (*((1.0, 1.0) if walls else (0.0, 0.0)), stress))
        )
        state = model.solve(state, nominal(ours))
        F, sigma = model.deformation(state), model.cauchy(state)
        np.testing.assert_allclose(1.0 + model.plate(state), float(ours.stretch[2]), rtol=CODE_TO_CODE)
        np.testing.assert_allclose(F, np.broadcast_to(np.diag(ours.stretch), F.shape), atol=CODE_TO_CODE)
        np.testing.assert_allclose(sigma, np.broadcast_to(np.diag(ours.stress), F.shape), atol=CODE_TO_CODE)


def test_v9_undrained_block() -> None:
    """A jump keeps the volume, and the water takes the load that the solid does not."""
    material, model = gel_a(), block(gel_a(), False)
    state = model.solve(model.rest(), 0.0)
    free = equilibrium(material, drained(FREE, (0.0, 0.0, 0.0)))
    ours = equilibrium(material, undrained(FREE, (0.0, 0.0, -0.05), free.volume_ratio), free)
    state = model.solve(state, nominal(ours), dt=0.0)
    assert 1.0 + model.plate(state) == pytest.approx(float(ours.stretch[2]), rel=CODE_TO_CODE)
    np.testing.assert_allclose(state.potential, float(ours.chemical_potential), atol=CODE_TO_CODE)
    assert np.sum(model.weights * state.volume_ratio) == pytest.approx(float(free.volume_ratio), rel=1e-10)


def test_v9_confined_creep() -> None:
    """A column of 16 elements that drains on top, large strain, permeability falling with the volume: height and base over time."""
    material, height, elements = gel_b(), 5.0, 16
    start = equilibrium(material, drained(WALLS, (1.0, 1.0, -0.1)))
    times = np.array([60.0, 300.0, 1200.0, 3600.0, 7200.0, 14400.0, 28800.0, 57600.0])
    steps = TimeSteps.creep(times / SECONDS, -0.5)
    ours = consolidate(Column.of_height(material, height, elements=elements), steps, start.stretch[2])

    mesh = skfem.MeshQuad.init_tensor(np.linspace(0.0, 1.0, 2), np.linspace(0.0, height, elements + 1))
    model = peer.Model(mesh, same_tissue(material))
    r, z = model.basis.doflocs
    everywhere = np.ones_like(r, dtype=bool)
    base = model.degrees(1, np.isclose(z, 0.0))
    model.tie(np.concatenate([model.degrees(0, everywhere), base]), model.degrees(1, np.isclose(z, height)))
    model.drained_nodes = np.isclose(model.pressure.doflocs[1], height)
    area = np.pi
    state = model.solve(model.rest(), -0.1 * area)
    before = model.plate(state)
    bottom = np.argmin(model.pressure.doflocs[1])
    shortening, potential = [], []
    for dt in np.diff(times, prepend=0.0):
        state = model.solve(state, -0.5 * area, dt=dt)
        shortening.append(before - model.plate(state))
        potential.append(state.potential[bottom])
    # The same elements and steps; the quadrature differs (three points against two), which is of the order of the error of the mesh.
    np.testing.assert_allclose(shortening, ours.shortening[1:], atol=CODE_TO_CODE * height)
    np.testing.assert_allclose(potential, ours.base_potential[1:], atol=CODE_TO_CODE)


def test_v11_the_peer_returns_the_printed_disc() -> None:
    """Six elements across nucleus, annulus and half height; printed for that mesh 9.032 and 7.513, for 24 of them the rest."""
    disc = peer.SwellingCylinder(6, 6, 6)
    free = disc.equilibrium(0.0)
    supine = disc.equilibrium(250.0, free)
    loaded = disc.equilibrium(500.0, supine, 250.0)
    heights = [disc.height(state) for state in (free, supine, loaded)]
    np.testing.assert_allclose(heights, [10.688, 9.022, 7.488], rtol=0.005)
    np.testing.assert_allclose(heights[1:], [9.032, 7.513], rtol=2e-4)  # same mesh, eight nodes instead of nine
    pressures = [disc.pressure(state) for state in (free, supine, loaded)]
    np.testing.assert_allclose(pressures, [0.106, 0.1772, 0.326], rtol=0.01)
    assert disc.bulge(supine) == pytest.approx(1.171, rel=0.01)


@pytest.mark.slow
def test_v12_the_peer_returns_the_printed_day() -> None:
    """From drained 250 N: 16 h of 500 N, 8 h of 250 N, 16 h of 500 N; the second day is printed."""
    disc = peer.SwellingCylinder(6, 6, 6)
    state = disc.equilibrium(250.0)
    state = disc.undrained(state, 250.0, 500.0)
    state, _ = disc.hold(state, 500.0, 16.0)
    state = disc.undrained(state, 500.0, 250.0)
    night, evening = (disc.height(state), disc.pressure(state)), disc.volume(state)
    state, _ = disc.hold(state, 250.0, 8.0)
    assert (disc.volume(state) / evening - 1.0) == pytest.approx(0.119, abs=0.02)
    np.testing.assert_allclose((disc.height(state), *night), (8.823, 7.840, 0.137), rtol=0.02)
    assert disc.pressure(state) == pytest.approx(0.174, rel=0.02)
    state = disc.undrained(state, 250.0, 500.0)
    np.testing.assert_allclose((disc.height(state), disc.pressure(state)), (8.600, 0.393), rtol=(0.01))
    top = disc.height(state)
    state, track = disc.hold(state, 500.0, 16.0, marks=(1.0, 2.0, 4.0, 8.0))
    np.testing.assert_allclose((disc.height(state), disc.pressure(state)), (7.525, 0.324), rtol=0.01)
    done = [(top - height) / (top - disc.height(state)) for height in track]
    np.testing.assert_allclose(done, (0.486, 0.635, 0.789, 0.921), atol=0.02)


# The discs of this program

CYLINDER = Path(__file__).parents[2] / "benchmarks" / "swelling_cylinder.yaml"


def in_our_order(model) -> np.ndarray:
    """Numbers of the peer's Gauss points in the order of ours: the third local coordinate fastest."""
    return np.lexsort(np.round(np.asarray(model.basis.X)[::-1], 9))


def agree(model, theirs, problem, ours) -> None:
    """Height, volume ratio and stress of both codes: the same element, so they agree far better than V9 asks."""
    order, found = in_our_order(model), point_states(problem, ours)
    assert int(ours.status) == CONVERGED
    assert model.plate(theirs) == pytest.approx(float(ours.motion[2]), abs=1e-7)
    np.testing.assert_allclose(theirs.volume_ratio[:, order], found.J, atol=1e-7)
    np.testing.assert_allclose(model.cauchy(theirs)[:, order], found.stress, atol=CODE_TO_CODE * 0.1)


def axial(force: float) -> jnp.ndarray:
    return jnp.zeros(6).at[2].set(force)


@pytest.mark.slow
def test_v9_the_swelling_cylinder() -> None:
    """V11's disc on its coarse mesh: drained under 250 N, the undrained jump to 500 N, and an hour of flow."""
    problem = load_cylinder(CYLINDER, ["mesh=cylinder-coarse"]).problem
    model = peer.same_problem(problem)
    theirs = model.rest()
    for force in (0.0, -100.0, -175.0, -250.0):
        theirs = model.solve(theirs, force)
    ours = drained_equilibrium(problem, axial(-250.0))
    agree(model, theirs, problem, ours)
    for force in (-325.0, -400.0, -500.0):
        theirs = model.solve(theirs, force, dt=0.0)
    ours = undrained_equilibrium(problem, axial(-500.0), ours)
    agree(model, theirs, problem, ours)
    # The corners on the open faces jump to the bath within the step.
    theirs = model.solve(theirs, -500.0, dt=3600.0)
    ours = advance(problem, axial(-500.0), ours, 3600.0 / SECONDS)
    agree(model, theirs, problem, ours)
    np.testing.assert_allclose(theirs.potential[nearest(model, problem)], ours.potential, atol=CODE_TO_CODE)


def nearest(model, problem) -> np.ndarray:
    """The peer's number of every corner."""
    corners = np.asarray(problem.coordinates)[problem.mesh.corners]
    return cKDTree(model.pressure.doflocs.T).query(corners)[1]


@pytest.mark.slow
def test_v9_a_human_disc() -> None:
    """Curved elements, three tissues, fibres that follow the map; the image is taken as the stress-free shape."""
    disc = load_disc("human/L4-L5/grade3", "mechanics", PARAMETERS)
    solid = disc_solid(disc, PARAMETERS)
    problem = solid.problem(solid.image, jnp.ones_like(solid.imaged.water))
    model = peer.same_problem(problem)
    theirs = model.rest()
    for force in (0.0, -100.0, -250.0):
        theirs = model.solve(theirs, force)
    agree(model, theirs, problem, drained_equilibrium(problem, axial(-250.0)))
