"""`pulposus disc list` and `disc show`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pulposus.cli._disc import app
from pulposus.cli._disc_picture import transverse_section, vertical_section
from pulposus.disc import load_disc
from pulposus.errors import InvalidInput


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_list():
    result = run("list")
    assert result.exit_code == 0
    assert "human/L5-S1/grade5" in result.stdout
    assert "rat/tail" in result.stdout
    names = [disc["name"] for disc in json.loads(run("list", "--json").stdout)["discs"]]
    assert "cow/tail" in names


def test_show_prints_sizes_and_the_status_of_every_number():
    result = run("show", "human/L4L5/grade3", "--resolution", "coarse")
    assert result.exit_code == 0
    assert result.stdout.startswith("human/L4-L5/grade3\n")
    assert ", 11.4, " in result.stdout  # 0.95 x 12 mm
    assert "prior" in result.stdout
    assert "verified" in result.stdout


def test_show_json_and_overrides():
    result = run("show", "rat/tail", "--resolution", "coarse", "--set", "shape.width=4 mm", "--json")
    record = json.loads(result.stdout)
    assert record["measures"]["width"] == pytest.approx(4.0, rel=0.01)  # polygon of 32 sides
    assert record["measures"]["volume"] == pytest.approx(sum(record["measures"]["volumes"].values()))
    assert {"name": "width", "value": 4.0, "unit": "mm", "status": "given"}.items() <= record["values"][
        [value["name"] for value in record["values"]].index("width")
    ].items()


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_show_writes_a_picture(tmp_path, ending):
    path = tmp_path / f"disc.{ending}"
    assert run("show", "human/L4-L5", "--resolution", "coarse", "--out", str(path)).exit_code == 0
    assert path.stat().st_size > 20_000


def test_pictures_are_refused_where_they_cannot_be_written(tmp_path):
    with pytest.raises(InvalidInput, match="cannot write a picture"):
        run("show", "rat/tail", "--out", str(tmp_path / "disc.doc"))
    with pytest.raises(InvalidInput, match="cannot write"):
        run("show", "rat/tail", "--resolution", "coarse", "--out", str(tmp_path / "nowhere" / "disc.png"))


def shoelace(faces) -> float:
    x, y = faces[..., 0], faces[..., 1]
    shifted = [(index + 1) % 4 for index in range(4)]
    return abs(float((x * y[:, shifted] - x[:, shifted] * y).sum(axis=1).sum())) / 2.0


def test_sections_cut_the_whole_disc():
    disc = load_disc(Path(__file__).parents[2] / "benchmarks" / "layered_cylinder.yaml", "coarse")
    faces, tissue = transverse_section(disc)
    assert shoelace(faces[tissue == 0]) == pytest.approx(np.pi * 14.0**2)
    cut, kinds = vertical_section(disc, 0, 1e-9)
    # The cut runs through corners of the ring polygons, which lie outside the circles so that the polygon has the circle's area.
    step = 2.0 * np.pi / len(disc.topology.rim)
    outside = np.sqrt(step / np.sin(step))
    for kind, area in ((0, 28.0 * 12.0), (1, (44.0 - 28.0) * 12.0), (2, 2.0 * 36.0 * 0.6)):
        measured = sum(shoelace(face[None]) for face in cut[kinds == kind])
        assert measured == pytest.approx(outside * area, rel=1e-7)  # the plane is 1e-9 mm beside the corners
