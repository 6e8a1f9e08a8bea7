"""Figures: words, tables, data, and the rules of the house."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report import RunRecord
from pulposus.report._ensemble import final_interval, is_outside, quantity_label, run_series
from pulposus.report._fate import account, fate_figures, waterfall
from pulposus.report._figure import MOST_ROWS, Figure, canvas, csv_link, time_axis
from pulposus.report._maps import map_figures
from pulposus.report._picture import camera, disc_picture
from pulposus.report._profile import axial_profiles
from pulposus.report._runs import native_share
from pulposus.report._timelines import nutrition_timeline
from pulposus.report._uncertainty import uncertainty_figures


def decoded(link: str) -> bytes:
    head, _, body = link.partition(",")
    assert head.startswith("data:")
    assert head.endswith(";base64")
    return base64.b64decode(body)


def columns(figure: Figure) -> dict[str, list[str]]:
    rows = list(csv.reader(io.StringIO(decoded(figure.data).decode("utf-8"))))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


@pytest.fixture(scope="module")
def figures(run_record: RunRecord) -> Sequence[Figure]:
    return [
        disc_picture(run_record),
        *map_figures(run_record),
        nutrition_timeline(run_record),
        *fate_figures(run_record),
        *uncertainty_figures(run_record),
    ]


def test_every_figure_says_what_it_is(figures: Sequence[Figure]) -> None:
    assert len({figure.key for figure in figures}) == len(figures) == 9
    for figure in figures:
        assert figure.caption.startswith("Simulated. ")
        assert "n = 1" in figure.caption or "64 members" in figure.caption, figure.key
        assert len(figure.alt) > 40
        assert figure.table.rows
        assert all(len(row) == len(figure.table.head) for row in figure.table.rows)
        data = columns(figure)
        assert len(next(iter(data.values()))) >= 1
        content = decoded(figure.image)
        assert content.startswith((b"<?xml", b"RIFF"))
        if content.startswith(b"<?xml"):
            assert b"http://www.w3.org/2000/svg" in content
            assert b"<image" not in content


def test_drawings_are_identical_when_drawn_again(run_record: RunRecord) -> None:
    assert waterfall(run_record) == waterfall(run_record)


def test_waterfall_adds_up(run_record: RunRecord) -> None:
    bars = {name.replace("\n", " "): (start, stop) for name, start, stop, _ in account(run_record)}
    end = run_record.cells[-1]
    assert bars["nominal dose"] == (0.0, 1e7)
    assert bars["died in the needle"][1] == bars["injected, viable"][1] == end["injected"]
    # The last step of the account lands on the living cells, to the rounding of a sum of 1e7.
    assert bars["born"][1] == pytest.approx(end["alive"], abs=1e-6)
    assert bars["alive"][1] == pytest.approx(
        sum(bars[key][1] for key in ("free", "attached", "differentiated")), abs=1e-6
    )


def test_waterfall_without_known_steps_starts_at_the_injected_cells(run_record: RunRecord) -> None:
    assert account(replace(run_record, dose_steps={}))[0][0] == "injected,\nviable"


def test_native_share_compares_both_runs(run_record: RunRecord) -> None:
    shares = native_share(run_record)
    assert shares["with cells"][0] == shares["without cells"][0] == 1.0
    # The fixture lowers the native density faster where the donor cells eat.
    assert shares["with cells"][-1] < shares["without cells"][-1] < 1.0


def test_maps_carry_the_data_of_the_section(run_record: RunRecord) -> None:
    sagittal, transverse = map_figures(run_record)
    data = columns(sagittal)
    assert {"y_mm", "z_mm"} < set(data)
    assert len(data) == 2 + 4 * 4
    columns_of_line = 9 + 2 * 10
    assert len(data["y_mm"]) == columns_of_line * run_record.disc.topology.levels
    values = np.array(data["oxygen_kPa, day 365 (12 months), with cells"], dtype=float)
    # Six printed digits.
    assert values.min() == pytest.approx(float(run_record.trajectory["oxygen"][-1].min()), rel=1e-5)
    assert len(columns(transverse)["x_mm"]) == run_record.disc.topology.columns


def test_maps_of_a_disc_with_void_leave_it_out(synthetic: SimpleNamespace) -> None:
    disc = synthetic.cylinder("coarse", void_beside_endplate=True)
    sagittal, transverse = map_figures(synthetic.record(disc=disc))
    assert len(columns(sagittal)["y_mm"]) < 29 * 13
    assert len(columns(transverse)["x_mm"]) == 401


def test_picture_looks_from_the_right_in_front_and_above() -> None:
    right, up, towards = camera(np.array([0.72, 0.55, 0.5]))
    np.testing.assert_allclose(np.stack([right, up, towards]) @ np.stack([right, up, towards]).T, np.eye(3), atol=1e-15)
    assert up[2] > 0.0
    assert np.cross(right, up) @ towards == pytest.approx(1.0)


def test_intervals_are_those_of_the_ensemble(run_record: RunRecord) -> None:
    assert run_record.ensemble is not None
    low, middle, high = final_interval(run_record, "alive") or (0.0, 0.0, 0.0)
    assert low < middle < high == run_record.ensemble["quantiles"]["alive"]["p95"][-1]
    assert final_interval(run_record, "born") is None
    assert final_interval(replace(run_record, ensemble=None), "alive") is None
    assert uncertainty_figures(replace(run_record, ensemble=None)) == []
    assert len(uncertainty_figures(replace(run_record, ensemble={**run_record.ensemble, "drivers": []}))) == 1


def test_drivers_are_ranked_by_their_strength(run_record: RunRecord) -> None:
    drivers = uncertainty_figures(run_record)[-1]
    strengths = [abs(float(value)) for value in columns(drivers)["rank_correlation"]]
    assert strengths == sorted(strengths, reverse=True)
    assert "prior" in columns(drivers)["status"]
    # 64 members: 1.96 / sqrt(63).
    assert "±0.25" in drivers.caption


def test_a_driver_without_a_correlation_comes_last_and_has_no_bar(run_record: RunRecord) -> None:
    assert run_record.ensemble is not None
    first, *rest = run_record.ensemble["drivers"]
    constant = [
        {**first, "rank_correlation": None},
        *rest,
        {**first, "key": "another", "rank_correlation": float("nan")},
    ]
    drivers = uncertainty_figures(replace(run_record, ensemble={**run_record.ensemble, "drivers": constant}))[-1]
    assert [row[-1] for row in drivers.table.rows] == ["+0.48", "+0.33", "−0.22", "–", "–"]
    assert "the 3 strongest of 5" in drivers.caption


def test_the_run_stands_beside_the_band(run_record: RunRecord) -> None:
    moments, values = run_series(run_record, "glucose_nucleus_mean") or (np.zeros(0), np.zeros(0))
    _, nucleus = run_record.regions
    np.testing.assert_array_equal(values, nucleus.mean(run_record.trajectory["glucose"].to_numpy()))
    np.testing.assert_array_equal(moments, run_record.trajectory["time"])
    assert run_series(run_record, "height_mean") is None
    assert not is_outside(run_record, "alive")
    rows = [{**row, "alive": 2.0 * row["alive"]} for row in run_record.cells]
    assert is_outside(replace(run_record, cells=rows), "alive")
    assert not is_outside(replace(run_record, ensemble=None), "alive")


@pytest.mark.parametrize(
    ("key", "label", "factor"),
    [
        ("alive", "alive cells [million]", 1e-6), ("native_alive_fraction", "native alive fraction [-]", 1.0),
        ("glucose_nucleus_mean", "glucose nucleus mean [mM]", 1.0), ("oxygen_min_kPa", "oxygen min [kPa]", 1.0), ("pH_min", "pH min", 1.0),
    ],
)  # fmt: skip
def test_labels_of_ensemble_quantities(key: str, label: str, factor: float) -> None:
    assert quantity_label(key) == (label, factor)


def test_profiles_of_a_reduced_run(synthetic: SimpleNamespace) -> None:
    run = synthetic.reduced()
    data = columns(axial_profiles(run))
    np.testing.assert_allclose(np.array(data["z_mm"], dtype=float), run.trajectory["z"].to_numpy()[0], rtol=1e-5)
    assert "donor_million_per_mL, day 0, with cells" in data
    assert not [name for name in data if name.startswith("donor") and "without" in name]


def test_too_many_rows_stay_in_the_netcdf_file() -> None:
    assert csv_link(("a",), [(1.0,)] * MOST_ROWS).startswith("data:text/csv")
    assert csv_link(("a",), [(1.0,)] * (MOST_ROWS + 1)) == ""


def test_a_run_with_one_stored_time_is_drawn(synthetic: SimpleNamespace) -> None:
    run = synthetic.record(times=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0))
    start = replace(run, trajectory=run.trajectory.isel(time=[0]), sham=run.sham.isel(time=[0]), cells=run.cells[:1])
    assert len(fate_figures(start)) == 3
    assert run.ensemble is not None
    few = {**run.ensemble, "quantiles": {"alive": run.ensemble["quantiles"]["alive"]}}
    assert len(columns(uncertainty_figures(replace(run, ensemble=few))[0])) == 4


@pytest.mark.parametrize(
    ("last", "narrow", "names"),
    [
        (365.25, False, ["0", "1 d", "7 d", "28 d", "3 mo", "6 mo", "12 mo"]),
        (365.25, True, ["0", "1 d", "7 d", "28 d", "12 mo"]),
        (3.0, False, ["0", "1 d", "3 d"]),
        (0.5, True, ["0", "0.5 d"]),
        (30.0, False, ["0", "1 d", "7 d", "28 d"]),
    ],
)
def test_the_time_axis_names_its_end(last: float, narrow: bool, names: list[str]) -> None:
    with canvas(3.0, 2.0) as drawn:
        axes = drawn.subplots()
        axes.plot([0.0, last], [0.0, 1.0])
        time_axis(axes, [0.0, last], narrow=narrow)
        assert [tick.get_text() for tick in axes.get_xticklabels()] == names
