"""Arrival times: the eikonal solver on hexahedra (cells_matrix 2.2)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from pulposus.therapy._arrival import arrival_times, containing_elements, open_elements

TIP = np.array([0.13, -0.21, 0.08])


def distance_errors(box, n: int) -> np.ndarray:
    mesh, points, _ = box(n)
    speed = np.ones((len(mesh.quads), n))
    # A fixed ball of exact values: everything outside it is the solver's work.
    times = arrival_times(mesh, points, speed, TIP, exact_radius=0.4)
    return times - np.linalg.norm(points - TIP, axis=-1)


def test_travel_time_converges_to_distance(box):
    coarse, middle, fine = (np.abs(distance_errors(box, n)).max() for n in (6, 12, 24))
    # First order; behind a ball of fixed radius the error of a smooth solution is O(h). Two pairs must both show it within 0.2, the
    # coarsest mesh having two elements in the ball.
    assert np.log2(coarse / middle) == pytest.approx(1.0, abs=0.2)
    assert np.log2(middle / fine) == pytest.approx(1.0, abs=0.2)


def test_no_front_is_faster_than_light(box):
    # Every update is the time of a real path through linear interpolants of upper bounds: never below the distance, to rounding.
    assert distance_errors(box, 8).min() > -1e-12


def test_time_is_exact_inside_the_uniform_ball(box):
    mesh, points, _ = box(8)
    times = arrival_times(mesh, points, np.full((len(mesh.quads), 8), 2.5), TIP)
    distance = np.linalg.norm(points - TIP, axis=-1)
    # Half the distance from the tip to the surface.
    near = distance < 0.5 * (1.0 - 0.21)
    assert near.sum() > 5
    np.testing.assert_allclose(times[near], distance[near] / 2.5, rtol=1e-14)


def layered_errors(box, n: int) -> float:
    """Largest error in a slow medium (z < 0, speed 1) on a fast one (z > 0, speed 3); the source is in the slow one."""
    mesh, points, _ = box(n)
    speed = np.where(points[0, :-1, 2] < -1e-9, 1.0, 3.0) * np.ones((len(mesh.quads), 1))
    tip = np.array([-0.5, 0.0, -0.5])
    times = arrival_times(mesh, points, speed, tip)
    worst = 0.0
    for x in (-0.5, 0.0, 0.5, 1.0):
        for z in (0.5, 1.0, 0.0, -0.5):
            node = np.argmin(np.linalg.norm(points.reshape(-1, 3) - [x, 0.0, z], axis=1))
            worst = max(worst, abs(times.reshape(-1)[node] - fermat(tip, x, z)))
    return worst


def fermat(tip: np.ndarray, x: float, z: float) -> float:
    """Fastest time in the plane y = 0: refracted above the interface; below it the direct wave or the head wave along the interface."""
    run, depth = x - tip[0], -tip[2]
    if z >= 0.0:
        crossing = minimize_scalar(
            lambda s: np.hypot(s, depth) + np.hypot(run - s, z) / 3.0,
            bounds=(0.0, max(run, 1e-9)),
            method="bounded",
            options={"xatol": 1e-12},
        )
        return min(crossing.fun, depth + np.hypot(run, z) / 3.0)
    head = run / 3.0 + (depth - z) * np.sqrt(1.0 - 1.0 / 9.0)
    reaches = run >= (depth - z) / np.sqrt(8.0)
    return min(np.hypot(run, z - tip[2]), head if reaches else np.inf)


def test_refraction_and_head_wave_converge(box):
    coarse, fine = layered_errors(box, 8), layered_errors(box, 16)
    # First order: half the mesh size, about half the error; 1.6 leaves room for the kink between direct and head wave.
    assert coarse / fine > 1.6
    # One element of the slow medium is crossed in 0.125.
    assert fine < 0.125


def test_mirrored_meshes_give_mirrored_times(box):
    mesh, points, _ = box(6)
    generator = np.random.default_rng(4)
    centre = points[mesh.quads].mean(axis=1)[:, :-1, 0]
    speed = np.where(np.abs(centre) < 0.4, 1.0, 0.3) * np.ones((1, 6))
    order = np.argsort(generator.random(len(mesh.quads)))
    mirrored = points * [-1.0, 1.0, 1.0]
    # The mirrored mesh has left-handed elements; reverse them and shuffle them as well.
    twin = dataclasses.replace(mesh, quads=mesh.quads[order][:, [0, 3, 2, 1]])
    one = arrival_times(mesh, points, speed, np.array([0.1, 0.0, 0.0]))
    other = arrival_times(twin, mirrored, speed[order], np.array([-0.1, 0.0, 0.0]))
    # The same minima over the same tetrahedra in the same sweeps: only rounding.
    np.testing.assert_allclose(other, one, rtol=1e-11)


def test_times_scale_with_the_speed(box):
    mesh, points, _ = box(5)
    speed = np.random.default_rng(1).uniform(0.2, 2.0, (len(mesh.quads), 5))
    one = arrival_times(mesh, points, speed, TIP)
    np.testing.assert_allclose(arrival_times(mesh, points, 4.0 * speed, TIP), one / 4.0, rtol=1e-12)


def test_closed_elements_are_never_reached(box):
    mesh, points, _ = box(6)
    speed = np.ones((len(mesh.quads), 6))
    speed[:, 4] = 0.0
    times = arrival_times(mesh, points, speed, TIP)
    assert np.isinf(times[:, 6]).all()
    assert np.isfinite(times[:, :5]).all()


def test_a_tip_outside_is_an_error(box):
    mesh, points, _ = box(4)
    speed = np.ones((len(mesh.quads), 4))
    with pytest.raises(ValueError, match="outside"):
        arrival_times(mesh, points, speed, np.array([0.0, 0.0, 1.2]))
    speed[:, 3] = 0.0
    with pytest.raises(ValueError, match="outside"):
        arrival_times(mesh, points, speed, np.array([0.0, 0.0, 0.9]))


def test_a_node_lies_in_all_its_elements(box):
    mesh, points, _ = box(4)
    elements = open_elements(mesh, np.ones((len(mesh.quads), 4)))
    flat = points.reshape(-1, 3)
    assert len(containing_elements(elements, flat, np.zeros(3))) == 8
    assert len(containing_elements(elements, flat, np.array([0.1, 0.1, 0.1]))) == 1
    assert len(containing_elements(elements, flat, np.array([0.0, 0.0, -1.0]))) == 4
