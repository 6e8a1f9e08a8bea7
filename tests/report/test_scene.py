"""The binary block of the 3D viewer, decoded as the viewer does."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pulposus.report import RunRecord
from pulposus.report._anatomy import DonorCells, disc_parts
from pulposus.report._fields import field_values, shown_fields
from pulposus.report._geometry import node_points
from pulposus.report._scene import (
    MAXIMUM_FRAMES,
    VALUE_BYTES,
    Scene,
    build_scene,
    chosen_frames,
    quantised,
    two_triangles,
)


@pytest.fixture(scope="module")
def scene(run_record: RunRecord) -> Scene:
    return build_scene(run_record)


def block(scene: Scene, entry: dict[str, int], kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(scene.encoded), dtype=kind, count=entry["length"], offset=entry["offset"])


def frame(scene: Scene, series: dict[str, Any], index: int) -> np.ndarray:
    count = scene.description["points"]["count"]
    raw = base64.b64decode(scene.encoded)[series["offset"] + index * count : series["offset"] + (index + 1) * count]
    low, high = series["low"][index], series["high"][index]
    return low + (high - low) * np.frombuffer(raw, dtype=np.uint8) / 255.0


def test_geometry_is_that_of_the_disc(scene: Scene, run_record: RunRecord) -> None:
    description = scene.description
    points = block(scene, description["points"], "<f4").reshape(-1, 3)
    assert len(points) == description["points"]["count"]
    every = node_points(run_record.disc)
    for view, surface in zip(description["views"], run_record.surfaces, strict=True):
        triangles = block(scene, view["triangles"], "<u2").reshape(-1, 3)
        assert view["triangles"]["offset"] % 2 == 0
        # float32 places: relative rounding 6e-8 of 25 mm.
        np.testing.assert_allclose(points[triangles], every[surface.triangles], atol=3e-6)
        lines = block(scene, view["lines"], "<u2").reshape(-1, 2)
        np.testing.assert_allclose(points[lines], every[surface.lines], atol=3e-6)


def test_values_are_within_half_a_step(scene: Scene, run_record: RunRecord) -> None:
    nodes = np.unique(np.concatenate([surface.faces.ravel() for surface in run_record.surfaces]))
    assert [field["key"] for field in scene.description["fields"]] == [
        info.key for info in shown_fields(run_record.trajectory)
    ]
    for field in scene.description["fields"]:
        for name, series in field["runs"].items():
            data = run_record.trajectory if name == "with" else run_record.sham
            for index in (0, len(scene.description["times"]) - 1):
                exact = field_values(data, field["key"])[index].ravel()[nodes]
                # Half a step of 1/255 of the frame's range, and the seven digits of its ends.
                bound = 0.5 / 255.0 * np.ptp(exact) + 1e-6 * np.abs(exact).max()
                assert np.abs(frame(scene, series, index) - exact).max() <= bound, (field["key"], name)


def test_donor_cells_exist_only_with_cells(scene: Scene) -> None:
    runs = {field["key"]: set(field["runs"]) for field in scene.description["fields"]}
    assert runs["donor"] == {"with"}
    assert runs["oxygen"] == {"with", "without"}


def test_blocks_fill_the_whole_without_overlap(scene: Scene) -> None:
    description = scene.description
    count = description["points"]["count"]
    spans = [(description["points"]["offset"], 4 * description["points"]["length"])]
    for view in description["views"]:
        spans += [(view[part]["offset"], 2 * view[part]["length"]) for part in ("triangles", "lines")]
    anatomy = description["anatomy"]
    spans.append((anatomy["points"]["offset"], 4 * anatomy["points"]["length"]))
    for entry in (*(part["triangles"] for part in anatomy["parts"]), *anatomy["cells"]["frames"]):
        spans.append((entry["offset"], 2 * entry["length"]))
    for field in description["fields"]:
        spans += [(series["offset"], count * len(description["times"])) for series in field["runs"].values()]
    spans.sort()
    ends = [start + size for start, size in spans]
    assert [start for start, _ in spans] == [0, *ends[:-1]]
    assert ends[-1] == len(base64.b64decode(scene.encoded))


def test_parts_and_dots_of_the_anatomy(scene: Scene, run_record: RunRecord) -> None:
    anatomy = scene.description["anatomy"]
    points = block(scene, anatomy["points"], "<f4").reshape(-1, 3)
    assert anatomy["points"]["offset"] % 4 == 0
    every = node_points(run_record.disc)
    for entry, part in zip(anatomy["parts"], disc_parts(run_record.disc), strict=True):
        triangles = block(scene, entry["triangles"], "<u2").reshape(-1, 3)
        assert entry["key"] == part.key
        # float32 places: relative rounding 6e-8 of 25 mm.
        np.testing.assert_allclose(points[triangles], every[two_triangles(part.faces)], atol=3e-6)
    cells = anatomy["cells"]
    low, high = np.array(cells["low"]), np.array(cells["high"])
    densities = field_values(run_record.trajectory, "donor")
    donors = DonorCells(run_record.disc, list(densities))
    frames = chosen_frames(len(densities), 0)
    for index, frame_number in enumerate(frames):
        whole = block(scene, cells["frames"][index], "<u2").reshape(-1, 3)
        # Half a step of 1/65535 of the box: 0.4 um of 50 mm.
        np.testing.assert_allclose(low + (high - low) * whole / 65535.0, donors.dots(int(frame_number)), atol=4e-4)
        assert cells["totals"][index] == pytest.approx(donors.totals[int(frame_number)], rel=1e-3)


def test_a_flat_field_is_exact() -> None:
    steps, low, high = quantised(np.full((1, 4), 2.5))
    assert (steps == 0).all()
    assert low == high == [2.5]


@pytest.mark.parametrize(
    ("count", "size", "frames"),
    [(1, 10, 1), (5, 10, 5), (200, 10, MAXIMUM_FRAMES), (200, VALUE_BYTES // 4, 4), (9, 10**9, 2)],
)
def test_frames_keep_the_first_and_the_last_within_the_budget(count: int, size: int, frames: int) -> None:
    chosen = chosen_frames(count, size)
    assert len(chosen) == frames
    assert (chosen[0], chosen[-1]) == (0, count - 1)


def test_sixteen_times_on_the_standard_mesh(synthetic: SimpleNamespace) -> None:
    times = tuple(np.linspace(0.0, 365.25, 25))
    scene = build_scene(synthetic.record("standard", times))
    # The pictures of scan and histology took the place of three of twenty times: the page has at most 5 MB.
    assert 16 <= len(scene.description["times"]) <= MAXIMUM_FRAMES
    # A third of the page's 5 MB: the rest is for the figures and the viewer itself.
    assert len(scene.encoded) < 1_700_000


def test_a_matrix_adds_fields_and_takes_fewer_times(synthetic: SimpleNamespace) -> None:
    times = tuple(np.linspace(0.0, 1826.25, 20))
    scene = build_scene(synthetic.living("standard", times))
    runs = {field["key"]: set(field["runs"]) for field in scene.description["fields"]}
    assert list(runs)[6:] == ["glycosaminoglycan", "cytokine", "water_fraction"]
    assert runs["glycosaminoglycan"] == {"with", "without"}
    assert 10 <= len(scene.description["times"]) < MAXIMUM_FRAMES
    assert scene.description["times"][-1] == times[-1]
