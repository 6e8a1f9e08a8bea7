"""Distance, frame, columns, outline, endplates, nucleus and gates, each against what is known without them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pulposus.disc._map import section_point
from pulposus.images._columns import columns_of
from pulposus.images._distance import signed_distance, solid_of, voxel_spacing
from pulposus.images._endplates import fit_endplates, fit_surface, reference_points_of, surface_terms
from pulposus.images._frame import disc_frame, held_points
from pulposus.images._gates import REASONS, Circumstances, judge
from pulposus.images._nucleus import otsu
from pulposus.images._outline import CURVE, Border, border_points, fit_border
from pulposus.images._quality import surface_distance
from pulposus.images._select import cut_sides

from .conftest import centred_affine, rotation


def test_distance_to_a_plane_is_exact():
    mask = np.zeros((20, 6, 6), dtype=bool)
    mask[:8] = True
    distance = signed_distance(mask, np.array([0.5, 0.7, 0.9]))
    # The surface lies half a voxel behind the eighth plane; far from the array's ends the distance is linear.
    assert distance[:, 3, 3] == pytest.approx(0.5 * (7.5 - np.arange(20)))


def ellipsoid(shape, spacing, radii):
    affine = centred_affine(np.eye(3), spacing, shape)
    grid = (
        np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1) @ affine[:3, :3].T + affine[:3, 3]
    )
    return ((grid / radii) ** 2).sum(axis=-1) < 1.0, affine


def volume(solid):
    return np.clip(solid.distance / solid.pixel + 0.5, 0.0, 1.0).sum() * np.prod(voxel_spacing(solid.affine))


def test_a_stack_keeps_the_volume_of_its_slices():
    mask, affine = ellipsoid((13, 100, 60), np.array([4.4, 0.5, 0.5]), np.array([24.0, 18.0, 6.0]))
    solid = solid_of(mask, affine)
    assert solid.slice_axis == 0
    assert voxel_spacing(solid.affine) == pytest.approx([4.4 / 9.0, 0.5, 0.5])
    assert volume(solid) == pytest.approx(mask.sum() * 4.4 * 0.25, rel=0.006)  # four sweeps leave half a percent
    # Between two slices the surface lies between theirs: away from the steep ends no step of a slice is left, only of a voxel or two.
    heights = (solid.distance > 0.0).sum(axis=2).max(axis=1)
    assert np.abs(np.diff(heights.astype(int))[25:-25]).max() <= 2


def test_an_empty_slice_inside_is_interpolated():
    mask, affine = ellipsoid((13, 100, 60), np.array([4.4, 0.5, 0.5]), np.array([24.0, 18.0, 6.0]))
    whole = volume(solid_of(mask, affine))
    mask[6] = False
    # The thickest slice is missing; its neighbours are 3 % smaller, and the slab has a sixth of the volume.
    assert volume(solid_of(mask, affine)) == pytest.approx(whole, rel=0.03)


def test_near_cubes_are_not_interpolated():
    mask, affine = ellipsoid((40, 40, 20), np.array([1.0, 1.0, 1.2]), np.array([15.0, 12.0, 8.0]))
    solid = solid_of(mask, affine)
    assert solid.slice_axis is None
    assert volume(solid) == pytest.approx(4.0 / 3.0 * np.pi * 15 * 12 * 8, rel=0.02)


def test_the_frame_is_right_anterior_cranial():
    random = np.random.default_rng(7)
    axes = rotation(20.0, 5.0)
    points = (random.uniform(-1.0, 1.0, (20000, 3)) * [25.0, 17.0, 5.0]) @ axes + [3.0, -40.0, 700.0]
    frame = disc_frame(points)
    # The smallest axis of 20,000 samples is found within a fraction of a degree.
    assert np.degrees(np.arccos(frame.axes[2] @ axes[2])) < 0.5
    assert frame.axes @ frame.axes.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)
    assert frame.axes[0, 0] > 0.9  # right
    assert frame.axes[1, 1] > 0.9  # anterior
    assert frame.axes[2, 2] > 0.9  # cranial
    assert frame.to_patient(frame.to_disc(points)) == pytest.approx(points)
    assert frame.moved(np.array([0.0, 2.0, 0.0])).origin == pytest.approx(frame.origin + 2.0 * frame.axes[1])


def test_the_frame_takes_vertebrae_and_canal_where_they_are_known():
    points = np.random.default_rng(8).uniform(-1.0, 1.0, (5000, 3)) * [25.0, 17.0, 5.0]
    frame = disc_frame(points, normal=np.array([0.0, -0.2, -1.0]), canal=points.mean(axis=0) - [5.0, 30.0, 0.0])
    assert frame.axes[2] == pytest.approx(np.array([0.0, 0.2, 1.0]) / np.hypot(0.2, 1.0))
    assert frame.axes[1, 0] > 0.1  # forward from a canal behind and to the left


def test_columns_of_a_box():
    mask = np.zeros((60, 50, 30), dtype=bool)
    mask[5:55, 5:45, 10:20] = True
    affine = centred_affine(np.eye(3), np.ones(3), mask.shape)
    solid = solid_of(mask, affine)
    columns = columns_of(solid, disc_frame(held_points(solid)))
    middle = columns.length[np.abs(columns.x) < 20][:, np.abs(columns.y) < 15]
    assert middle == pytest.approx(10.0, abs=1e-6)
    assert columns.volume == pytest.approx(50 * 40 * 10, rel=0.01)  # the edges of the box are rounded by half a voxel
    assert np.nanmin(columns.upper - columns.lower) >= 0.0


def test_the_outline_finds_a_curve_of_its_own_family():
    width = np.array([1.0, 22.0, 0.0, 0.4, -1.2, -0.5, 0.2])
    depth = np.array([-2.0, 0.5, 17.0, -1.5, 0.3, 0.2, 0.4])
    curve = Border(width, depth, np.zeros(1)).at(CURVE[::3])
    found = fit_border(curve, 3, 0.0, np.zeros(2), 0.8)
    # The family holds the curve exactly, but the passes creep along it: a quarter of a clinical pixel (0.43 mm) is left after sixty.
    assert np.abs(found.residual).max() < 0.1
    # Independent of the parameter of the points: area and extents.
    expected, got = Border(width, depth, np.zeros(1)).at(CURVE), found.at(CURVE)
    assert np.ptp(got, axis=0) == pytest.approx(np.ptp(expected, axis=0), abs=0.1)


def test_normals_of_a_circle_point_away_from_its_middle():
    circle = Border(np.array([3.0, 10.0, 0.0]), np.array([-2.0, 0.0, 10.0]), np.zeros(1))
    assert circle.normals(CURVE) == pytest.approx(np.stack([np.cos(CURVE), np.sin(CURVE)], axis=1), abs=1e-14)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_border_across_the_slices_weighs_less(sign):
    """At the minimum of a sum of squares its gradient is zero: with the weights of the slices, and not with equal ones."""
    ellipse = Border(np.array([0.0, 22.0, 0.0]), np.array([0.0, 0.0, 17.0]), np.zeros(1))
    angle = CURVE[::6]
    noise = np.random.default_rng(5).standard_normal(len(angle))
    points = ellipse.at(angle) + ellipse.normals(angle) * noise[:, None]
    found = fit_border(points, 3, 0.0, sign * np.array([3.0, 4.0]), 0.8)
    # The point of a fine sampling of the curve that is nearest to every point, and the normal there.
    fine = np.linspace(0.0, 2.0 * np.pi, 20001)
    curve = found.at(fine)
    t = fine[[np.argmin(np.hypot(*(curve - point).T)) for point in points]]
    along = np.gradient(curve, fine, axis=0)
    nx, ny = np.array([np.interp(t, fine, component) for component in (along[:, 1], -along[:, 0])])
    known = 0.64 / (0.64 + (3.0 * nx + 4.0 * ny) ** 2 / (nx**2 + ny**2) / 12.0)
    gaps = np.linalg.norm(np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0), axis=1)
    gap = points - found.at(t)
    waves = np.stack([np.ones_like(t), *(wave(k * t) for k in (1, 2, 3) for wave in (np.cos, np.sin))])

    def slope(weight):
        return np.linalg.norm(waves @ (gap * (gaps * weight)[:, None]))

    # The passes stop when the curve moves by less than 5e-5 of the half width: a step of that size in each of 14 coefficients is left.
    left = (gaps * known).sum() * 5e-5 * 22.0 * np.sqrt(14.0)
    assert slope(known) < left
    assert slope(np.ones_like(t)) > 5.0 * left


def test_border_points_of_a_disc_in_the_plane():
    axis = np.linspace(-30.0, 30.0, 121)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    points = border_points(np.clip(20.5 - np.hypot(x - 2.0, y), 0.0, 1.0), axis, axis, 0.5)
    # The field passes one half at a radius of 20; it is linear over two samples.
    assert np.hypot(points[:, 0] - 2.0, points[:, 1]) == pytest.approx(20.0, abs=0.1)


def test_the_inverse_of_the_map(library):
    form = library("L1-L2")  # the most concave outline
    random = np.random.default_rng(3)
    rho, angle = np.sqrt(random.uniform(0.0, 1.0, 500)), random.uniform(0.0, 2.0 * np.pi, 500)
    xi, eta = rho * np.cos(angle), rho * np.sin(angle)
    found = reference_points_of(form, *section_point(form, xi, eta))
    assert found[0] == pytest.approx(xi, abs=1e-8)
    assert found[1] == pytest.approx(eta, abs=1e-8)


def test_a_stray_voxel_does_not_bend_an_endplate():
    random = np.random.default_rng(4)
    xi, eta = random.uniform(-0.7, 0.7, (2, 400))
    terms = surface_terms(xi, eta)[:, :7]
    truth = np.array([5.0, 1.0, -3.0, 0.2, 0.3, 1.5, -0.4])
    z = terms @ truth
    z[:8] += 6.0
    robust, weight = fit_surface(terms, z, 0.1)
    plain = np.linalg.lstsq(terms, z, rcond=None)[0]
    assert np.abs(terms @ (robust - truth)).max() < 0.05
    assert np.abs(terms @ (plain - truth)).max() > 0.2
    assert weight[:8].max() < 0.05


def test_the_rim_keeps_its_height_at_the_least_cost():
    from scipy.optimize import minimize

    random = np.random.default_rng(5)
    xi, eta = random.uniform(-0.7, 0.7, (2, 300))
    terms = surface_terms(xi, eta)[:, :6]
    lower, upper = -3.0 + 3.6 * (xi**2 + eta**2), 3.0 - 3.6 * (xi**2 + eta**2)
    angle = 2.0 * np.pi * np.arange(12) / 12.0
    watched = surface_terms(np.cos(angle), np.sin(angle))[:, :6]
    floor = np.full(12, 1.0)
    inferior, superior = fit_endplates(terms, lower, upper, 1e6, watched, floor)
    height = watched @ (superior - inferior)
    assert height.min() == pytest.approx(1.0, abs=1e-6)  # the free surfaces cross at the rim

    def cost(both):
        return ((terms @ both[:6] - lower) ** 2).sum() + ((terms @ both[6:] - upper) ** 2).sum()

    other = minimize(
        cost,
        np.concatenate([inferior, superior]),
        constraints={"type": "ineq", "fun": lambda both: watched @ (both[6:] - both[:6]) - floor},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 300},
    )
    assert cost(np.concatenate([inferior, superior])) == pytest.approx(other.fun, rel=1e-4)


def test_otsu_parts_two_classes():
    random = np.random.default_rng(6)
    values = np.concatenate([random.normal(50.0, 8.0, 2000), random.normal(150.0, 8.0, 1000)])
    threshold, share = otsu(values)
    assert 75.0 < threshold < 125.0
    # Variance between the classes: (1/3)(2/3) 100^2 = 2222 of 2222 + 64.
    assert share == pytest.approx(2222.0 / 2286.0, abs=0.01)
    assert otsu(random.uniform(0.0, 1.0, 4000))[1] == pytest.approx(0.75, abs=0.02)  # of a uniform law


def test_distance_between_two_balls():
    index = np.indices((50, 50, 50)) - 24.5
    radius = np.sqrt((index**2).sum(axis=0))
    # Concentric balls of 20 and 18 voxels: 2 voxels everywhere. The nearest voxel centre lies beside the normal, up to 0.2 voxel off.
    assert surface_distance(radius < 20.0, radius < 18.0, 0.5) == pytest.approx(1.0, abs=0.1)
    assert surface_distance(radius < 20.0, radius < 20.0, 0.5) == 0.0


def test_where_an_image_cuts_a_disc():
    voxels = np.zeros((20, 20, 8), dtype=np.int64)
    voxels[5:15, 5:15, 1:7] = 1
    affine = np.diag([0.5, 0.5, 4.0, 1.0])
    assert cut_sides(voxels == 1, voxels, affine, 0.85) == ()
    voxels[0:5, 5:15, 3] = 1
    assert cut_sides(voxels == 1, voxels, affine, 0.85) == ("the first plane of array axis 1",)
    cropped = np.ones((10, 10, 6), dtype=np.int64)
    # Cropped to its labels: only an outermost slice as large as the largest is a cut.
    assert cut_sides(cropped == 1, cropped, affine, 0.85) == (
        "the first plane of array axis 3",
        "the last plane of array axis 3",
    )
    cropped[3:, :, [0, -1]] = 0
    assert cut_sides(cropped == 1, cropped, affine, 0.85) == ()


FINE = {
    "mask_volume": 10000.0,
    "pixel": 1.0,
    "stack": False,
    "human": True,
    "folded": False,
    "tilt": 10.0,
    "cut": (),
    "touches_below": None,
    "touches_above": True,
    "stray_share": 0.0,
}


@pytest.mark.parametrize(
    ("code", "measured", "about"),
    [
        ("low-dice", {"dice": 0.919}, {}),
        ("volume-differs", {"volume": 10301.0}, {}),
        ("volume-differs", {"volume": 9699.0}, {}),
        ("surface-far", {"mean_surface_distance": 0.51}, {}),
        ("surface-far", {"mean_surface_distance": 1.01}, {"stack": True}),
        ("height-implausible", {"height_middle": 2.9}, {}),
        ("height-implausible", {"height_middle": 20.1}, {}),
        ("width-implausible", {"own_width": 29.0}, {}),
        ("depth-implausible", {"own_depth": 49.0}, {}),
        ("map-folds", {}, {"folded": True}),
        ("tilt-implausible", {}, {"tilt": 61.0}),
        ("cut-by-field-of-view", {}, {"cut": ("the first plane of array axis 1",)}),
        ("no-vertebra-above", {}, {"touches_above": False}),
        ("no-vertebra-below", {}, {"touches_below": False}),
        ("scattered-label", {}, {"stray_share": 0.11}),
    ],
)
def test_every_gate_refuses_with_its_own_code(imported, parameters, code, measured, about):
    good = dataclasses.replace(
        imported.measurements,
        volume=10000.0,
        dice=0.95,
        mean_surface_distance=0.2,
        height_middle=10.0,
        own_width=45.0,
        own_depth=33.0,
    )
    assert judge(good, Circumstances(**FINE), parameters) == ()
    refusals = judge(dataclasses.replace(good, **measured), Circumstances(**{**FINE, **about}), parameters)
    assert [refusal.code for refusal in refusals] == [code]
    assert refusals[0].text.startswith(REASONS[code])


def test_sizes_of_animals_are_not_judged(imported, parameters):
    tiny = dataclasses.replace(
        imported.measurements,
        volume=10000.0,
        dice=0.95,
        mean_surface_distance=0.2,
        height_middle=0.9,
        own_width=4.0,
        own_depth=3.0,
    )
    assert judge(tiny, Circumstances(**{**FINE, "human": False}), parameters) == ()
