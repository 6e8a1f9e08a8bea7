"""The whole import on masks made from a known disc: V13, other voxels of the same disc, thick slices, the document, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc import DiscDocument, load_disc, measure
from pulposus.disc._map import column_height, section_point, validity
from pulposus.documents import read_document
from pulposus.errors import InvalidInput
from pulposus.images import import_disc, map_volume
from pulposus.images._outline import CURVE

from .conftest import centred_affine, rotation, save, voxelise

KEYS = (
    "status",
    "reasons",
    "level",
    "volume_mm3",
    "mask_volume_mm3",
    "dice",
    "mean_surface_distance_mm",
    "height_anterior_mm",
    "height_middle_mm",
    "height_posterior_mm",
    "width_mm",
    "depth_mm",
    "seconds",
)


def test_the_worked_case_is_found_again(imported, generic):
    # V13 with the map's own sizes (ruling 39); 0.5 mm and 3 % are its tolerances.
    form = imported.fit.form
    x, y = section_point(form, np.cos(CURVE), np.sin(CURVE))
    assert np.ptp(x) == pytest.approx(49.923, abs=0.5)
    assert np.ptp(y) == pytest.approx(37.500, abs=0.5)
    heights = [column_height(form, 0.0, eta) for eta in (1.0, 0.0, -1.0)]
    assert heights == pytest.approx([13.260, 14.759, 10.191], abs=0.5)
    assert map_volume(form) == pytest.approx(19658.0, rel=0.03)
    assert map_volume(generic) == pytest.approx(19658.0, abs=0.5)
    assert imported.status == "accepted"
    # A shape of the model's own family is limited by the voxels alone: half a voxel of every surface is 4 % of a Dice.
    assert imported.measurements.dice > 0.96


def test_the_record_has_the_promised_keys(imported):
    record = imported.as_dict()
    assert list(record)[: len(KEYS)] == list(KEYS)
    assert record["reasons"] == []
    assert record["height_middle_mm"] == pytest.approx(14.759, abs=0.5)
    assert record["mask_volume_mm3"] == pytest.approx(19658.0, rel=0.01)  # voxel count of a smooth body at 1 mm


@pytest.mark.parametrize(
    ("directions", "spacing"),
    [
        (np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), np.array([0.9, 0.9, 0.9])),
        (np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), np.array([1.0, 0.8, 1.2])),
        (rotation(12.0, -8.0, 20.0), np.array([0.9, 0.9, 0.9])),
    ],
    ids=["flipped PIR", "permuted SLA", "oblique"],
)
def test_other_voxels_of_the_same_disc_give_the_same_disc(generic, imported, parameters, tmp_path, directions, spacing):
    shape = tuple(
        int(length) for length in np.ceil(np.abs(np.linalg.inv(directions)) @ np.array([60.0, 48.0, 30.0]) / spacing)
    )
    affine = centred_affine(directions, spacing, shape)
    mask = save(tmp_path / "other.nii.gz", voxelise(generic, affine, shape).astype(np.uint8), affine)
    other = import_disc(mask, "L4-L5", 1, parameters=parameters)
    first, second = imported.measurements, other.measurements
    # Half a voxel on either side of either mask.
    for name in ("width", "depth", "own_width", "own_depth", "height_anterior", "height_middle", "height_posterior"):
        assert getattr(second, name) == pytest.approx(getattr(first, name), abs=0.5), name
    assert second.volume == pytest.approx(first.volume, rel=0.015)
    assert np.degrees(np.arccos(np.clip(other.frame.axes[2] @ imported.frame.axes[2], -1.0, 1.0))) < 1.0
    assert np.abs(other.frame.origin - imported.frame.origin).max() < 0.5


def test_a_relabelled_array_of_the_same_voxels_is_the_same_disc(cubic, imported, parameters, tmp_path):
    voxels, affine = cubic
    turned = affine.copy()
    turned[:3, 0] *= -1.0
    turned[:3, 3] = affine[:3, 3] + affine[:3, 0] * (len(voxels) - 1)
    same = import_disc(save(tmp_path / "flip.nii.gz", voxels[::-1].copy(), turned), "L4-L5", 2, parameters=parameters)
    # The same points in another order: rounding, and the convergence of the outline (5e-5 of 25 mm).
    assert same.measurements.volume == pytest.approx(imported.measurements.volume, rel=1e-3)
    assert same.measurements.own_width == pytest.approx(imported.measurements.own_width, abs=0.02)


@pytest.mark.parametrize("level", ["L2-L3", "L5-S1"])
def test_a_tilted_disc_in_thick_slices(library, parameters, tmp_path, level):
    form = library(level)
    directions = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    spacing, shape = np.array([0.45, 0.45, 4.4]), (110, 100, 14)
    affine = centred_affine(directions, spacing, shape)
    affine[0, 3] += 1.3  # the slices do not lie evenly about the middle
    axes = rotation(-25.0)
    mask = save(tmp_path / "thick.nii.gz", voxelise(form, affine, shape, axes).astype(np.uint8), affine)
    found = import_disc(mask, level, 1, parameters=parameters)
    assert found.status == "accepted", found.refusals
    assert found.measurements.volume == pytest.approx(map_volume(form), rel=0.03)
    assert found.measurements.height_middle == pytest.approx(float(column_height(form, 0.0, 0.0)), abs=0.5)
    assert found.measurements.own_depth == pytest.approx(
        2.0 * float(form.half_depth) * (1.014 if level == "L2-L3" else 1.0), abs=1.0
    )
    assert found.frame.tilt == pytest.approx(25.0, abs=2.5)


def test_the_document_is_a_disc(imported, tmp_path):
    path = tmp_path / "disc.yaml"
    path.write_text(imported.yaml(), encoding="utf-8")
    document = read_document(path, DiscDocument)
    assert document.provenance is not None
    assert document.provenance.fit.status == "accepted"
    assert document.provenance.label == "2"
    assert np.array(document.shape.frame.axes) == pytest.approx(imported.frame.axes, abs=1e-8)
    found = measure(load_disc(path, "coarse"))
    # Seven digits of the coefficients, and a mesh of 32 sides.
    assert 1e3 * found.volume == pytest.approx(imported.measurements.volume, rel=0.01)
    assert found.central_height == pytest.approx(imported.measurements.height_middle, abs=1e-3)
    assert found.nucleus_area_fraction == pytest.approx(0.43, abs=0.01)


def test_the_grade_changes_the_tissue_not_the_height(imported, tmp_path):
    path = tmp_path / "disc.yaml"
    path.write_text(imported.yaml(), encoding="utf-8")
    healthy, collapsed = (load_disc(path, "coarse", overrides=[f"grade={grade}"]) for grade in (1, 5))
    assert np.asarray(collapsed.coordinates) == pytest.approx(np.asarray(healthy.coordinates))
    assert float(collapsed.tissue.transport_water_fraction[0]) < float(healthy.tissue.transport_water_fraction[0])


def test_sizes_beside_coefficients_are_refused(imported, tmp_path):
    path = tmp_path / "disc.yaml"
    path.write_text(imported.yaml(), encoding="utf-8")
    with pytest.raises(InvalidInput, match="1 problem") as caught:
        load_disc(path, "coarse", overrides=["shape.width=40 mm"])
    assert "coefficients and width say the same" in str(caught.value)


def test_stray_voxels_are_left_out_and_counted(cubic, imported, parameters, tmp_path):
    voxels, affine = (part.copy() for part in cubic)
    voxels[0:2, 0, 0] = voxels[60, 50, 28] = 2
    found = import_disc(save(tmp_path / "stray.nii.gz", voxels, affine), "L4-L5", 2, parameters=parameters)
    assert "3 stray voxels in 2 other pieces left out" in found.notes
    assert found.mask_volume == imported.mask_volume
    assert found.measurements.volume == pytest.approx(imported.measurements.volume, rel=1e-9)


def test_a_label_in_two_halves_is_refused(cubic, parameters, tmp_path):
    voxels, affine = (part.copy() for part in cubic)
    voxels[36:38] = 0
    found = import_disc(save(tmp_path / "halves.nii.gz", voxels, affine), "L4-L5", 2, parameters=parameters)
    assert found.status == "refused"
    assert "scattered-label" in [refusal.code for refusal in found.refusals]


def test_a_disc_cut_by_the_image_is_refused(cubic, parameters, tmp_path):
    voxels, affine = (part.copy() for part in cubic)
    cut = save(tmp_path / "cut.nii.gz", voxels[:, :40].copy(), affine)
    found = import_disc(cut, "L4-L5", 2, parameters=parameters)
    assert "cut-by-field-of-view" in [refusal.code for refusal in found.refusals]
    assert found.as_dict()["status"] == "refused"


def test_a_ball_is_refused_with_every_reason(parameters, tmp_path):
    index = np.indices((64, 64, 64)) - 31.5
    ball = (np.sqrt((index**2).sum(axis=0)) < 19.0).astype(np.uint8)
    affine = centred_affine(np.eye(3), np.ones(3), ball.shape)
    found = import_disc(save(tmp_path / "ball.nii.gz", ball, affine), "L4-L5", 1, parameters=parameters)
    assert "height-implausible" in [refusal.code for refusal in found.refusals]
    assert all(refusal.text for refusal in found.refusals)


def test_exchanged_spacing_is_refused_with_options_that_succeed(library, parameters, tmp_path):
    form = library("L4-L5")
    directions = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
    shape = (100, 60, 14)
    mask = voxelise(form, centred_affine(directions, np.array([0.45, 0.45, 4.4]), shape), shape).astype(np.uint8)
    wrong = save(tmp_path / "raw.nii.gz", mask, np.diag([4.4, 0.45, 0.45, 1.0]))
    with pytest.raises(InvalidInput, match="which is impossible") as caught:
        import_disc(wrong, "L4-L5", 1, parameters=parameters)
    words = caught.value.remedy.split("try ")[1].split(" (")[0].split()
    assert words == ["--spacing", "0.45,0.45,4.4", "--axes", "PIR"]
    found = import_disc(wrong, "L4-L5", 1, spacing=words[1], axes=words[3], parameters=parameters)
    assert found.status == "accepted"
    assert found.measurements.volume == pytest.approx(map_volume(form), rel=0.03)


def test_too_small_a_mask_is_refused(cubic, parameters, tmp_path):
    voxels, affine = cubic
    few = np.zeros_like(voxels)
    few[30:34, 20:24, 10:14] = 2
    with pytest.raises(InvalidInput, match="64 voxels in 4 x 4 x 4: too few"):
        import_disc(save(tmp_path / "few.nii.gz", few, affine), "L4-L5", 2, parameters=parameters)


def test_an_animal_has_no_human_limits(generic, parameters, tmp_path):
    shape = (70, 56, 24)
    small = 0.1 * np.ones(3)
    affine = centred_affine(np.eye(3), np.ones(3), shape)
    voxels = voxelise(generic, affine, shape).astype(np.uint8)
    placed = np.diag([*small, 1.0]) @ affine
    found = import_disc(
        save(tmp_path / "rat.nii.gz", voxels, placed), "lumbar", 1, species="rat", parameters=parameters
    )
    assert found.status == "accepted", found.refusals
    assert found.measurements.own_width == pytest.approx(4.99, abs=0.05)


def test_the_fitted_map_is_valid(imported, parameters):
    ratio, height = validity(imported.fit.form)
    assert ratio >= parameters.value("geometry.minimum_determinant_ratio")
    assert height > 0.0
