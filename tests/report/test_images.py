"""The section of images in the report: before and after, readings, size, and when it is left out."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pulposus.disc import load_disc
from pulposus.report import RunRecord, render_report
from pulposus.report._figure import Figure
from pulposus.report._images import image_section
from pulposus.report._page import MAXIMUM_BYTES


@pytest.fixture(scope="module")
def pictured(synthetic: Any) -> RunRecord:
    """A run with a matrix in a real disc; the synthetic fields lie on the same coarse mesh."""
    record = synthetic.living()
    return replace(record, disc=load_disc("human/L4-L5/grade3", "coarse"))


@pytest.fixture(scope="module")
def figures(pictured: RunRecord) -> list[Figure]:
    return image_section(pictured)


def _picture(figure: Figure) -> np.ndarray:
    kind, _, content = figure.image.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_two_figures_say_that_they_are_simulated(figures: list[Figure]) -> None:
    assert [figure.key for figure in figures] == ["images-mri", "images-histology"]
    for figure in figures:
        assert figure.caption.startswith("Simulated")
        assert "prior" in figure.caption
        assert figure.alt
        assert figure.data.startswith("data:text/csv")


def test_both_pictures_take_little_of_the_report(figures: list[Figure]) -> None:
    """A twentieth of the 5 MB each."""
    for figure in figures:
        assert len(figure.image) < MAXIMUM_BYTES / 20
        assert min(_picture(figure).shape[:2]) > 400


def test_before_and_after_differ_only_where_the_disc_is(figures: list[Figure]) -> None:
    """Same noise, same bones: the halves of the picture are alike but for the disc in the middle."""
    picture = _picture(figures[0]).astype(float).mean(axis=2)
    half = picture.shape[1] // 2
    # Halves may be laid out a few pixels apart: compare brightness.
    assert picture[:, :half].mean() == pytest.approx(picture[:, half:].mean(), rel=0.03)


def test_every_run_is_read(figures: list[Figure]) -> None:
    head = figures[0].table.head
    assert head[2] == "day 0"
    assert [name.rpartition(", ")[2] for name in head[3:]] == ["with cells", "without cells", "native course"]
    rows = {row[0]: row[2:] for row in figures[0].table.rows}
    assert set(rows["Pfirrmann grade by the rule"]) <= {"1", "2", "3", "4", "5"}
    # The synthetic run gains glycosaminoglycan and water with cells: T2 above the sham's.
    t2 = [float(value) for value in rows["T2 of the central nucleus"]]
    assert t2[1] > t2[2]
    scores = {row[0]: row[1:] for row in figures[1].table.rows}
    assert len(scores["sum, 0 healthy to 16"]) == 4


def test_the_page_has_the_section(pictured: RunRecord) -> None:
    page = render_report(pictured)
    assert 'id="images"' in page
    assert "What an image would show" in page
    assert len(page.encode("utf-8")) < MAXIMUM_BYTES


def test_other_runs_have_no_section(synthetic: Any, pictured: RunRecord) -> None:
    assert image_section(synthetic.living()) == []  # a mesh without tissue properties
    assert image_section(replace(pictured, trajectory=pictured.trajectory.drop_vars("water_fraction"))) == []
    reduced = synthetic.reduced(whole=synthetic.living())
    assert image_section(reduced) == []


def test_an_animal_is_said_to_be_scaled(synthetic: Any) -> None:
    record = replace(synthetic.living(), disc=load_disc("rabbit/lumbar", "coarse"))
    assert "scaled from man" in image_section(record)[0].caption
