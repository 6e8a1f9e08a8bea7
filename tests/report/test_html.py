"""The page: offline, accessible, complete, within 5 MB."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from types import SimpleNamespace

import pytest

from pulposus.report import RunRecord, render_report, write_report
from pulposus.report._html import history_section, matrix_section, script_json
from pulposus.report._page import MAXIMUM_BYTES
from pulposus.report._scene import Scene


class Page(HTMLParser):
    """Elements, their attributes and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self.labelled: set[int] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if "label" in self.open and tag in ("input", "select"):
            self.labelled.add(len(self.elements))
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "input", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)
        if self.open and re.fullmatch("h[1-6]", self.open[-1]):
            self.headings.append(self.open[-1])

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def text(run_record: RunRecord) -> str:
    return render_report(run_record)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_asks_nothing_of_the_network(page: Page, text: str) -> None:
    policy = next(one["content"] for one in page.every("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    for tag in ("script", "img", "iframe", "source", "video", "audio", "object", "embed"):
        assert all((one.get("src") or "data:").startswith("data:") for one in page.every(tag)), tag
    assert page.every("link") == []
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_structure_is_accessible(page: Page) -> None:
    assert page.every("html") == [{"lang": "en"}]
    assert page.headings.count("h1") == 1
    assert page.headings.count("h2") == 9
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert max(Counter(identifiers).values()) == 1
    for image in page.every("img"):
        assert len(image["alt"] or "") > 40
    targets = {one["for"] for one in page.every("label") if "for" in one}
    for place, (tag, attributes) in enumerate(page.elements):
        if tag in ("input", "select"):
            assert place in page.labelled or attributes.get("id") in targets, attributes
        if tag == "a" and str(attributes["href"]).startswith("#"):
            assert str(attributes["href"])[1:] in identifiers
        if tag == "th":
            assert attributes.get("scope") in ("row", "col")
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"
            assert attributes["aria-label"]
    assert len(page.every("figure")) == len(page.every("figcaption")) == 9
    assert len(page.every("table")) == len(page.every("caption"))


def test_says_what_must_be_said(page: Page) -> None:
    for sentence in (
        "Research use only, not medical advice.",
        "What becomes of 10 million cells given into a human L4-L5 disc, Pfirrmann grade III until day 365 (12 months)",
        "axial slab ensemble (level 1), 64 members",
        "Mechanics is not computed for the members",
        "The dose is above the largest number that nutrition sustains in this disc.",
        "not reported",
        "2.3 (SE)",
        "5 % 2.54 50 % 4.62 95 % 6.69 million cells",
        "delivery.needle_gauge",
        "3.20e-14",
        "pulposus run orozco-2011",
        "Simulated. Mid-sagittal section",
        "cells_matrix 2.2",
    ):
        assert sentence in page.text, sentence


def test_reported_outcomes_stand_beside_simulated_ones(page: Page, run_record: RunRecord) -> None:
    alive = f"{run_record.cells[-1]['alive'] / 1e6:.2f} million"
    row = page.text[page.text.index("number of cells in the disc") :]
    assert row.index(alive) < 400
    pain = page.text[page.text.index("VAS lumbar pain, change") :]
    assert pain.index("-49 mm of 100") < pain.index("not simulated") < 400


@pytest.fixture(scope="module")
def bare(run_record: RunRecord) -> str:
    """A run with as little as possible: no ensemble, no warnings, no paper, an explicit disc, a hostile title."""
    description = SimpleNamespace(name="elliptic-cylinder", species="", level="", grade=0, text="A cylinder.")
    disc = replace(run_record.disc, description=description)  # pyright: ignore[reportArgumentType]
    protocol = {"id": {"name": "x", "title": "<script>alert(1)</script>"}}
    return render_report(replace(run_record, disc=disc, ensemble=None, warnings=[], protocol=protocol))


def test_without_an_ensemble_no_interval_is_claimed(bare: str) -> None:
    words = Page(bare).text
    assert "No ensemble was run" in words
    assert "members" not in words
    assert "No warnings." in words
    assert "This protocol carries no reported outcomes." in words
    assert "The protocol lists nothing as not stated." in words
    assert "into the disc elliptic-cylinder until" in words


def test_text_of_a_protocol_cannot_become_markup(bare: str) -> None:
    assert "<script>alert(1)" not in bare
    assert "&lt;script&gt;alert(1)" in bare
    assert "<" not in script_json(Scene({"label": "</script><script>"}, ""))


def test_the_arm_without_cells(run_record: RunRecord) -> None:
    rows = [
        {
            **row,
            **dict.fromkeys(("injected", "born", "leaked", "dead", "free", "attached", "differentiated", "alive"), 0.0),
        }
        for row in run_record.cells
    ]
    sham = replace(run_record, cells=rows, trajectory=run_record.sham, dose_steps={"nominal": 0.0}, ensemble=None)
    words = Page(render_report(sham)).text
    assert "without donor cells?" in words
    assert "No cells were given" in words


@pytest.mark.parametrize("levels", [9, 1])
def test_reduced_runs_have_no_viewer(synthetic: SimpleNamespace, levels: int) -> None:
    text = render_report(synthetic.reduced(levels))
    assert "viewer-data" not in text
    assert "no disc to show in three dimensions" in text
    assert ("figure-profiles" in text) == (levels > 1)


def test_standard_mesh_with_twenty_times_fits(synthetic: SimpleNamespace, tmp_path: Path) -> None:
    times = tuple(365.25 * (i / 19.0) ** 2 for i in range(20))
    path = write_report(tmp_path / "report.html", synthetic.record("standard", times))
    assert path.stat().st_size < MAXIMUM_BYTES


def test_standard_mesh_with_a_matrix_fits(synthetic: SimpleNamespace, tmp_path: Path) -> None:
    times = tuple(1826.25 * (i / 19.0) ** 2 for i in range(20))
    path = write_report(tmp_path / "report.html", synthetic.living("standard", times))
    assert path.stat().st_size < MAXIMUM_BYTES


@pytest.fixture(scope="module")
def living_page(living_record: RunRecord) -> Page:
    return Page(render_report(living_record))


def test_sections_of_a_disc_that_lives(living_page: Page) -> None:
    assert living_page.headings.count("h2") == 12
    for sentence in (
        "3 Before the treatment",
        "6 Matrix and signals",
        "7 Safety signals",
        "12 Reproduce",
        "and what do they do to its nutrition and its matrix?",
        "Over-claim guard.",
        "half-life of about 12 years",
        "Safety signals raised by the model: over-claim guard",
        "Signals of a model, not medical advice.",
        "84 days before",
        "native course: the disc left alone",
        "largest error of the matrix ledger [share of what the disc held] 4.50e-13",
        "mg/mL against the same procedure without cells",
    ):
        assert sentence in living_page.text, sentence
    figures = living_page.every("figure")
    assert len(figures) == len(living_page.every("figcaption")) == 16
    for image in living_page.every("img"):
        assert len(image["alt"] or "") > 40
    raised = [one for one in living_page.every("tr") if one.get("class") == "marked"]
    assert len(raised) == 1
    identifiers = [attributes["id"] for _, attributes in living_page.elements if "id" in attributes]
    assert max(Counter(identifiers).values()) == 1
    for one in living_page.every("a"):
        if str(one["href"]).startswith("#"):
            assert str(one["href"])[1:] in identifiers


def test_sections_that_know_nothing_are_left_out(synthetic: SimpleNamespace, living_record: RunRecord) -> None:
    # One node of the nucleus, with nothing in the annulus: the page without pictures of the disc is drawn quickly.
    only = [
        {"time_day": row["time_day"], "run": row["run"], "nucleus": row["nucleus"]}
        for row in living_record.matrix
        if row["run"] == "with_cells"
    ]
    bare = replace(living_record, matrix=only, history=[], insults=[], safety=[], ensemble=None)
    page = Page(render_report(synthetic.reduced(1, bare)))
    assert "Before the treatment" not in page.text
    assert "5 Matrix and signals" in page.text
    assert "6 What the paper reported" in page.text
    assert "Glycosaminoglycan in the nucleus goes from" in page.text
    assert "against the same procedure without cells" not in page.text
    assert not [one for one in page.every("figure") if str(one["id"]).startswith("figure-matrix-map")]


def test_the_matrix_is_shown_from_its_fields_alone(living_record: RunRecord, run_record: RunRecord) -> None:
    found = matrix_section(replace(living_record, matrix=[]))
    assert found is not None
    assert [figure.key for figure in found["figures"]] == ["matrix-map-sagittal", "matrix-map-transverse"]
    assert found["table"].rows == ()
    assert matrix_section(run_record) is None


def test_before_the_treatment_history_and_injuries_stand_alone(living_record: RunRecord, run_record: RunRecord) -> None:
    injured = history_section(replace(living_record, history=[]))
    assert injured is not None
    assert injured["figure"] is None
    assert len(injured["injuries"].rows) == 2
    grown = history_section(replace(living_record, insults=[]))
    assert grown is not None
    assert grown["injuries"].rows == ()
    assert history_section(run_record) is None


def test_bundle_and_its_notices() -> None:
    assets = resources.files("pulposus.report") / "assets"
    bundle = (assets / "viewer.js").read_text(encoding="utf-8")
    assert "</script" not in bundle.lower()
    for call in ("XMLHttpRequest", "importScripts", "new WebSocket", "eval("):
        assert call not in bundle, call
    notices = (assets / "viewer.LICENSE.txt").read_text(encoding="utf-8")
    assert "@kitware/vtk.js" in notices
    assert "BSD-3-Clause" in notices


VIEWER = Path(__file__).resolve().parents[2] / "web" / "viewer"


@pytest.mark.skipif(not VIEWER.is_dir(), reason="the sources of the viewer are not part of this archive")
def test_the_bundle_was_built_from_its_sources() -> None:
    digest = hashlib.sha256()
    for source in [*sorted((VIEWER / "src").iterdir()), VIEWER / "package-lock.json"]:
        digest.update(source.read_bytes())
    bundle = (resources.files("pulposus.report") / "assets" / "viewer.js").read_text(encoding="utf-8")
    assert digest.hexdigest() in bundle[:300], "run: npm ci && npm run build (in web/viewer)"
    lock = (VIEWER / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock


CHROMIUM = shutil.which("chromium")


@pytest.mark.peer
@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("sagittal", "oxygen tension, day 365 (12 months), with cells:"),
        (
            "anatomy",
            "nucleus pulposus, annulus fibrosus, cartilage endplates, injected cells; day 365 (12 months), with cells: ",
        ),
    ],
)
def test_the_viewer_starts_in_a_browser(text: str, tmp_path: Path, view: str, words: str) -> None:
    path = tmp_path / "report.html"
    chosen = text.replace('value="sagittal" checked', 'value="sagittal"').replace(
        f'name="viewer-cut" value="{view}"', f'name="viewer-cut" value="{view}" checked'
    )
    path.write_text(chosen, encoding="utf-8")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--ignore-gpu-blocklist",
    ]
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [
        str(CHROMIUM),
        *options,
        *quiet,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=4000",
        "--dump-dom",
        path.as_uri(),
    ]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'class="viewer is-live' in dom
    said = re.search(r'id="viewer-text"[^>]*>([^<]*)<', dom)
    assert said is not None
    assert said.group(1).startswith(words)
    assert (view == "anatomy") == ("live injected cells, one dot for" in said.group(1))
