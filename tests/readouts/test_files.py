"""A rendered scan as NIfTI with labels and sidecar; a moment of a run from its folder."""

from __future__ import annotations

import builtins
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from pulposus.errors import InvalidInput, MissingPart
from pulposus.parameters import ParameterSet
from pulposus.readouts import Findings, Scan, Scene, Volume, read_disc, render, truth_of, volume_files
from pulposus.readouts._image_files import nifti
from pulposus.readouts._stored import nearest_time


@pytest.fixture(scope="module")
def volume(scene: Scene, parameters: ParameterSet) -> Volume:
    return render(scene, Scan.from_parameters(parameters.replace({"imaging.scan.voxel": 2.8}), slices=3))


def test_nifti_holds_values_labels_and_the_true_affine(
    tmp_path: Path, scene: Scene, volume: Volume, parameters: ParameterSet
) -> None:
    truth = truth_of(scene, volume, read_disc(scene, volume.scan, parameters))
    files = volume_files("scan.nii.gz", volume, truth)
    assert list(files) == ["scan.nii.gz", "scan_labels.nii.gz", "scan.json"]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    image, labels = nibabel.load(tmp_path / "scan.nii.gz"), nibabel.load(tmp_path / "scan_labels.nii.gz")
    # Values are stored in single precision; the quaternion of a qform as well.
    np.testing.assert_allclose(image.get_fdata(), volume.values, rtol=1e-6)
    np.testing.assert_allclose(image.affine, volume.affine, atol=1e-5)
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-5)
    np.testing.assert_allclose(image.header.get_zooms(), [4.4, 2.8, 2.8], rtol=1e-6)
    assert nibabel.aff2axcodes(image.affine) == ("R", "A", "S")
    np.testing.assert_array_equal(np.asarray(labels.dataobj), volume.labels)
    # The treated disc lies at the origin of the patient's space.
    index = np.linalg.inv(labels.affine) @ [0.0, 0.0, 0.0, 1.0]
    assert np.asarray(labels.dataobj)[tuple(np.rint(index[:3]).astype(int))] == 95
    assert files["scan.nii.gz"] == volume_files("scan.nii.gz", volume, truth)["scan.nii.gz"]
    assert gzip.decompress(files["scan.nii.gz"]) == volume_files("scan.nii", volume, truth)["scan.nii"]


def test_the_sidecar_tells_the_truth(scene: Scene, volume: Volume, parameters: ParameterSet) -> None:
    marked = replace(scene, findings={"L4-L5": Findings(modic=2)})
    truth = truth_of(marked, volume, read_disc(scene, volume.scan, parameters))
    content = json.loads(volume_files("scan.nii", volume, truth)["scan.json"])
    assert content["simulated"] is True
    assert "Research use only" in content["research_use_only"]
    assert content["scan"]["seed"] == 0
    assert content["scan"]["spacing"] == pytest.approx(4.4)
    assert content["reading"]["pfirrmann_grade"] == 3
    assert content["findings"]["L4-L5"]["modic"] == 2
    assert content["labels"]["disc L4-L5"] == 95
    assert [one["level"] for one in content["discs"]] == ["L5-S1", "L4-L5", "L3-L4"]
    assert content["truth"]["lowest"] <= content["truth"]["mean"] <= content["truth"]["highest"]
    assert any("schematic" in remark for remark in content["remarks"])


def test_a_map_of_t1rho_says_how_far_measurements_scatter(
    scene: Scene, volume: Volume, parameters: ParameterSet
) -> None:
    reading = read_disc(scene, volume.scan, parameters)
    assert truth_of(scene, replace(volume, kind="t1rho"), reading)["measured_spread_about_the_law_ms"] == 15.0
    assert "measured_spread_about_the_law_ms" not in truth_of(scene, volume, reading)


def test_a_scan_without_a_whole_voxel_of_disc_has_no_mean(
    scene: Scene, volume: Volume, parameters: ParameterSet
) -> None:
    empty = replace(volume, disc_share=np.zeros_like(volume.disc_share))
    truth = truth_of(scene, empty, read_disc(scene, volume.scan, parameters))["truth"]
    assert truth == {"whole_voxels_of_the_disc": 0, "mean": None, "lowest": None, "highest": None}


def test_a_missing_nibabel_is_named(monkeypatch: pytest.MonkeyPatch, volume: Volume) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name == "nibabel":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPart, match="need nibabel") as caught:
        nifti(volume.values, volume.affine, "x")
    assert "pulposus[images]" in caught.value.remedy


def test_nearest_stored_time() -> None:
    stored = np.array([0.0, 1.0, 28.0, 365.25])
    assert [nearest_time(stored, time) for time in (0.0, 0.4, 0.6, 20.0, 365.25, 365.2501)] == [0, 0, 1, 2, 3, 3]
    with pytest.raises(InvalidInput, match="nothing at day 400") as caught:
        nearest_time(stored, 400.0)
    assert "stored: 0, 1, 28, 365.25 day" in caught.value.allowed
    with pytest.raises(InvalidInput):
        nearest_time(np.array([1.0, 2.0]), 0.5)
