"""The rendered scan: noise, point spread, partial volume, coil, maps, field of view (mechanics_imaging 3.1 V14, 4.3)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet
from pulposus.readouts import DiscView, Scan, Scene, fluid_signal, graded_view, render, render_pair, rician, scene_of
from pulposus.readouts._picture import grey_picture, png, scan_figure, screen
from pulposus.readouts._relaxation import (
    apparent_diffusion,
    longitudinal_relaxation,
    rotating_frame_relaxation,
    sodium,
    spin_echo_signal,
    transverse_relaxation,
)
from pulposus.readouts._render import field_of_view, hamming_blur, signal_of, sub_voxels, truncated
from pulposus.readouts._scene import sample
from pulposus.readouts._soft_tissue import depth_below_skin
from pulposus.readouts._tissues import CSF, DISC


@pytest.mark.parametrize(
    ("signal", "mean"),
    [(0.0, 1.253314), (1.0, 1.548572), (2.0, 2.272383), (3.0, 3.172577), (5.0, 5.101070), (10.0, 10.050127)],
)
def test_rician_mean(signal: float, mean: float) -> None:
    """V14: 1 % Monte Carlo; 400,000 draws leave a standard error below 0.1 %."""
    noisy = rician(np.full(400_000, 2.5 * signal), 2.5, seed=11)
    assert noisy.mean() / 2.5 == pytest.approx(mean, rel=0.01)


def test_noise_is_seeded() -> None:
    clean = np.full((4, 5), 3.0)
    np.testing.assert_array_equal(rician(clean, 0.5, 1), rician(clean, 0.5, 1))
    assert (rician(clean, 0.5, 1) != rician(clean, 0.5, 2)).any()
    np.testing.assert_allclose(rician(clean, 0.0, 1), clean, rtol=1e-15)


def test_a_noise_free_voxel_of_pure_tissue_is_the_signal_equation(scene: Scene, scan: Scan) -> None:
    """V14: 1e-12, in the disc and in the fluid, before coil and point spread."""
    clean = replace(scan, signal_to_noise=np.inf, texture=0.0, shading_gain=0.0)
    volume = render(scene, clean)
    whole = _whole_nucleus(scene, clean)
    assert whole.sum() >= 4
    water, disc = 0.79, scene.laws
    expected = spin_echo_signal(
        water, longitudinal_relaxation(water, disc), transverse_relaxation(water, 0.0, disc), 3500.0, 100.0
    )
    np.testing.assert_allclose(volume.truth[0][whole], float(expected), rtol=1e-12)
    fluid = volume.truth[0][volume.labels[0] == 2].max()
    assert fluid == pytest.approx((1.0 - np.exp(-3500.0 / 4000.0)) * np.exp(-100.0 / 1500.0), rel=1e-12)
    assert fluid_signal(scene, scan) == pytest.approx(fluid, rel=1e-12)


def _whole_nucleus(scene: Scene, scan: Scan) -> np.ndarray:
    """Voxels whose every sub-voxel is nucleus of the treated disc with the water of the grade and outside the cleft."""
    affine, shape = field_of_view(scene, scan)
    found = sample(scene, sub_voxels(affine, shape, 0, scan))
    treated = next(number for number, posed in enumerate(scene.spine.discs) if posed.treated)
    clear = np.asarray(transverse_relaxation(np.array(0.79), 0.0, scene.laws))
    # 1e-13: water interpolated between equal nodes differs by rounding.
    pure = (found.disc == treated) & (found.disc_tissue == 0) & (np.abs(found.water - 0.79) < 1e-13)
    pure &= np.abs(found.transverse - clear) < 1e-9
    return pure.reshape(shape[1], 3, shape[2], 3, 4).all(axis=(1, 3, 4))


def test_constant_pictures_pass_the_point_spread_unchanged() -> None:
    """The window is 1 at zero frequency; rounding of the transform."""
    flat = np.full((12, 15), 0.7)
    np.testing.assert_allclose(hamming_blur(flat), flat, rtol=1e-13)
    np.testing.assert_allclose(truncated(np.full((36, 45), 0.7), 3), flat, rtol=1e-13)


def test_the_point_spread_keeps_the_mean_and_widens_a_point() -> None:
    """A Hamming window turns a point into 0.54, 0.23, 0.23 along an axis."""
    point = np.zeros((16, 16))
    point[8, 8] = 1.0
    spread = hamming_blur(point)
    assert spread.sum() == pytest.approx(1.0, rel=1e-12)
    np.testing.assert_allclose(spread[8, 6:11], 0.54 * np.array([0.0, 0.23, 0.54, 0.23, 0.0]), atol=1e-12)


def test_truncation_keeps_low_waves_in_place_and_rings_at_edges() -> None:
    """A wave below the cut is sampled exactly at the middles of the voxels; a step overshoots by about 9 % (Gibbs)."""
    fine = (np.arange(96) + 0.5) / 96.0
    middles = (np.arange(32) + 0.5) / 32.0
    wave = np.cos(2.0 * np.pi * 3.0 * fine)[:, None] * np.ones((1, 9))
    expected = np.cos(2.0 * np.pi * 3.0 * middles)
    np.testing.assert_allclose(truncated(wave, 3)[:, 1], expected, atol=1e-12)
    # Where the samples fall on the ringing depends on where the edge lies inside a voxel: all of them.
    tops = []
    for shift in range(3):
        step = np.zeros((96, 9))
        step[24 + shift : 70] = 1.0
        tops.append(truncated(step, 3).max())
    assert 1.04 < max(tops) < 1.13


def test_partial_volume_is_the_mean_of_the_sub_voxels(scene: Scene, scan: Scan) -> None:
    clean = replace(scan, signal_to_noise=np.inf, texture=0.0)
    affine, shape = field_of_view(scene, clean)
    found = sample(scene, sub_voxels(affine, shape, 0, clean))
    signal = signal_of(found, clean).reshape(shape[1], 3, shape[2], 3, 4)
    np.testing.assert_allclose(render(scene, clean).truth[0], signal.mean(axis=(1, 3, 4)), rtol=1e-13)


def test_sub_voxels_fill_their_voxel(scene: Scene, scan: Scan) -> None:
    """Their mean is the middle of the voxel, and they reach a sixth of a voxel short of its edges."""
    affine, shape = field_of_view(scene, scan)
    points = sub_voxels(affine, shape, 0, scan).reshape(shape[1], 3, shape[2], 3, 4, 3)
    middles = points.mean(axis=(1, 3, 4))
    index = np.stack(np.meshgrid(0.0, np.arange(shape[1]), np.arange(shape[2]), indexing="ij"), axis=-1)[0]
    np.testing.assert_allclose(middles, index @ affine[:3, :3].T + affine[:3, 3], atol=1e-9)
    assert np.ptp(points[0, :, 0, :, :, 1]) == pytest.approx(2.0 * scan.voxel / 3.0, rel=1e-12)
    assert np.ptp(points[0, 0, 0, 0, :, 0]) == pytest.approx(0.75 * scan.thickness, rel=1e-12)


def test_the_coil_brightens_the_back(scene: Scene, scan: Scan) -> None:
    """1 + 0.3 exp(-d / 60): 1.28 to 1.3 in the fat under the skin; 1.06 to 1.107 in the disc, 62 to 97 mm deep. Blur leaves 1 %."""
    clean = replace(scan, signal_to_noise=np.inf, texture=0.0)
    lit, flat = render(scene, clean), render(scene, replace(clean, shading_gain=0.0))
    even = flat.values[0] > 0.01
    ratio = lit.values[0] / np.where(even, flat.values[0], 1.0)
    affine, shape = field_of_view(scene, clean)
    middles = sub_voxels(affine, shape, 0, clean).reshape(shape[1], 3, shape[2], 3, 4, 3)[:, 1, :, 1, 0]
    depth = depth_below_skin(scene, middles.reshape(-1, 3)).reshape(shape[1:])
    expected = 1.0 + 0.3 * np.exp(-depth / 60.0)
    whole = even & (lit.disc_share[0] > 0.999)
    np.testing.assert_allclose(ratio[whole], expected[whole], rtol=0.01)
    assert 1.055 < ratio[whole].min() < ratio[whole].max() < 1.112
    fat = even & (depth > 3.0) & (depth < 5.0)
    # The transform joins opposite edges of the picture, and the window reaches one voxel.
    fat[:, [0, -1]] = False
    fat[[0, -1]] = False
    assert fat.any()
    np.testing.assert_allclose(ratio[fat], expected[fat], rtol=0.01)


def test_snr_of_the_fluid(scene: Scene, scan: Scan) -> None:
    """The noise of a scan is the signal of the fluid over 40; 8,000 voxels of air leave 1 % of the mean 1.2533 s."""
    quiet = replace(scan, texture=0.0)
    volume = render(scene, quiet)
    dark = (volume.truth[0] < 1e-12) & (hamming_blur(volume.truth[0]) < 1e-9)
    assert dark.sum() > 30
    deviation = fluid_signal(scene, scan) / scan.signal_to_noise
    tolerance = 4.0 * 0.655 / np.sqrt(dark.sum())  # standard deviation of Rayleigh noise is 0.655 s
    assert volume.values[0][dark].mean() / deviation == pytest.approx(1.2533, abs=tolerance)


def test_signal_ratio_of_the_picture_agrees_with_the_reading(scenes: list[Scene], scan: Scan) -> None:
    """Nucleus over fluid by grade, read off noise-free voxels of the rendered disc; the law worked by hand, 1 %."""
    for one, expected in zip(scenes, (0.911, 0.688, 0.406, 0.1935, 0.0524), strict=True):
        affine, shape = field_of_view(one, scan)
        found = sample(one, sub_voxels(affine, shape, 0, scan))
        treated = next(number for number, posed in enumerate(one.spine.discs) if posed.treated)
        nucleus = (found.disc == treated) & (found.disc_tissue == 0)
        # Half of the nucleus lies outside cleft and borders: the upper part of its signal is the plain law.
        bright = np.quantile(signal_of(found, scan)[nucleus], 0.8)
        assert bright / fluid_signal(one, scan) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("kind", ["t2map", "t1map", "t1rho", "adc", "sodium"])
def test_maps_hold_the_laws(scene: Scene, scan: Scan, kind: str) -> None:
    """In voxels that are all nucleus outside the cleft a map is its law of the grade's composition."""
    whole = _whole_nucleus(scene, scan)
    values = render(scene, scan, kind).values[0]
    laws = scene.laws
    expected = {
        "t2map": transverse_relaxation(0.79, 0.0, laws),
        "t1map": longitudinal_relaxation(0.79, laws),
        "t1rho": rotating_frame_relaxation(45.0, laws),
        "adc": apparent_diffusion(0.79, laws),
        "sodium": sodium(0.217, laws),
    }[kind]
    # The printed fixed charge 0.217 of the grade table is rounded to three digits (0.2165).
    np.testing.assert_allclose(values[whole], float(expected), rtol=2e-3 if kind == "sodium" else 1e-9)
    assert (values[scene_labels(scene, scan) == 2] == 0.0).all()


def scene_labels(scene: Scene, scan: Scan) -> np.ndarray:
    """Labels of the slice."""
    affine, shape = field_of_view(scene, scan)
    found = sample(scene, sub_voxels(affine, shape, 0, scan))
    canal = (found.label == 2).reshape(shape[1], 3, shape[2], 3, 4)
    return np.where(canal.all(axis=(1, 3, 4)), 2, 0)


def test_a_pair_is_what_two_scans_are(grades: list[DiscView], scenes: list[Scene], scan: Scan) -> None:
    """Sampling again only the treated disc changes nothing; two discs of one shape, one of them richer in water."""
    wet = replace(grades[3], fields={**grades[3].fields, "water_fraction": grades[3].fields["water_fraction"] + 0.03})
    one = scenes[3]
    other = _with_treated(one, wet)
    before, after = render_pair(one, other, scan)
    np.testing.assert_array_equal(before.values, render(one, scan).values)
    np.testing.assert_array_equal(after.values, render(other, scan).values)
    inside = before.disc_share > 0.99
    assert (after.truth[inside] > before.truth[inside]).all()


def _with_treated(scene: Scene, disc: DiscView) -> Scene:
    """The same spine with another state of its disc."""
    discs = tuple(replace(posed, disc=disc) if posed.treated else posed for posed in scene.spine.discs)
    treated = next(posed for posed in discs if posed.treated)
    bodies = tuple(
        replace(
            one,
            below=treated if one.below is not None and one.below.treated else one.below,
            above=treated if one.above is not None and one.above.treated else one.above,
        )
        for one in scene.spine.vertebrae
    )
    return replace(scene, spine=replace(scene.spine, discs=discs, vertebrae=bodies))


def test_several_slices_share_the_grid(scene: Scene, parameters: ParameterSet) -> None:
    coarse = parameters.replace({"imaging.scan.voxel": 3.5})
    scan = Scan.from_parameters(coarse, slices=3, seed=2)
    volume = render(scene, scan)
    assert volume.values.shape[0] == 3
    np.testing.assert_allclose(
        volume.affine @ [1.0, 0.0, 0.0, 1.0] - volume.affine @ [0.0, 0.0, 0.0, 1.0], [4.4, 0, 0, 0], atol=1e-12
    )
    assert (volume.affine @ [1.0, 0.0, 0.0, 1.0])[0] == pytest.approx(0.0, abs=1e-12)
    middle = render(scene, replace(scan, slices=1)).truth[0]
    np.testing.assert_allclose(volume.truth[1], middle, atol=1e-12)
    assert (volume.values[0] != volume.values[2]).any()


def test_gibbs_leaves_the_truth_alone(scene: Scene, scan: Scan) -> None:
    ringing = render(scene, replace(scan, gibbs=True, signal_to_noise=np.inf))
    smooth = render(scene, replace(scan, signal_to_noise=np.inf))
    np.testing.assert_array_equal(ringing.truth, smooth.truth)
    assert ringing.values.max() > smooth.values.max()


def test_what_cannot_be_rendered_is_refused(scene: Scene, scan: Scan, parameters: ParameterSet) -> None:
    with pytest.raises(InvalidInput, match="no image"):
        render(scene, scan, "ct")  # pyright: ignore[reportArgumentType]
    for slices in (0, 2, 33):
        with pytest.raises(InvalidInput, match="cannot be centred"):
            Scan.from_parameters(parameters, slices=slices)


def test_the_screen_has_the_head_up_and_the_front_to_the_left(scene: Scene, scan: Scan) -> None:
    marked = np.zeros((5, 7))
    marked[4, 6] = 1.0  # frontmost and uppermost voxel
    assert screen(marked)[0, 0] == 1.0
    assert screen(marked).shape == (7, 5)
    volume = render(scene, scan)
    picture = grey_picture(volume, fluid_signal(scene, scan), factor=2)
    assert picture.shape == (2 * volume.values.shape[2], 2 * volume.values.shape[1])
    assert picture.max() > 200


def test_pictures_are_the_same_every_time(scene: Scene, scan: Scan) -> None:
    volume, overlay = render(scene, scan), render(scene, scan, "t2map")
    fluid = fluid_signal(scene, scan)
    assert png(scan_figure(volume, fluid, "a")) == png(scan_figure(volume, fluid, "a"))
    assert png(scan_figure(volume, fluid, "a", overlay))[:4] == b"\x89PNG"


def test_an_animal_is_scanned_at_its_own_scale(parameters: ParameterSet) -> None:
    from pulposus.disc import load_disc

    rat = scene_of(graded_view(load_disc("rat/tail", "coarse", parameters), parameters), parameters)
    scale = rat.spine.sizes.scale
    assert scale == pytest.approx(3.6 / 35.0, rel=0.01)
    scan = Scan.from_parameters(parameters, scale)
    assert scan.voxel == pytest.approx(0.7 * scale)
    assert "scaled" in rat.spine.remarks[1]
    found = sample(rat, np.zeros((1, 3)))
    assert found.kind[0] == DISC
    assert CSF == 0
