"""`pulposus evidence`: as a stranger would call it, with right and wrong input."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from pulposus.evidence import TABLES, load_evidence

RESULT = {
    "k", "estimate", "se", "ci_low", "ci_high", "p", "tau2", "tau2_ci", "i2", "q", "q_p",
    "prediction_low", "prediction_high", "method", "test",
}  # fmt: skip
FOLDER = Path(__file__).parents[1] / "evidence" / "registry"


def _bcg() -> str:
    """Log risk ratios of the thirteen BCG trials (Colditz 1994), as metafor's `escalc(measure="RR")` makes them of the counts."""
    source = Path(__file__).parents[1] / "evidence" / "data" / "colditz1994.csv"
    lines = ["trial,yi,vi,ablat,alloc"]
    with source.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            a, b, c, d = (int(row[name]) for name in ("tpos", "tneg", "cpos", "cneg"))
            yi = math.log(a / (a + b)) - math.log(c / (c + d))
            vi = 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)
            lines.append(f"{row['author']},{yi!r},{vi!r},{row['ablat']},{row['alloc']}")
    return "\n".join(lines) + "\n"


BCG = _bcg()


@pytest.fixture
def bcg(tmp_path: Path) -> Path:
    path = tmp_path / "bcg.csv"
    path.write_text(BCG, encoding="utf-8")
    return path


def test_meta_prints_the_published_numbers_of_the_bcg_trials(run, bcg: Path) -> None:
    ending = run(
        "evidence", "meta", "--data", str(bcg), "--yi", "yi", "--vi", "vi", "--method", "REML", "--test", "z", "--json"
    )
    found = ending.json
    assert ending.code == 0
    assert set(found) >= RESULT
    # As metafor prints it (Viechtbauer 2010, doi:10.18637/jss.v036.i03), to half a unit of the last digit.
    for name, value in (
        ("estimate", -0.7145),
        ("se", 0.1798),
        ("ci_low", -1.0669),
        ("ci_high", -0.3622),
        ("tau2", 0.3132),
    ):
        assert found[name] == pytest.approx(value, abs=5.1e-5), name
    assert found["i2"] == pytest.approx(92.22, abs=5.1e-3)
    assert found["q"] == pytest.approx(152.2330, abs=5.1e-5)
    assert (found["k"], found["method"], found["test"]) == (13, "REML", "z")
    assert found["research_use_only"]


def test_meta_takes_moderators_of_numbers_and_words(run, bcg: Path) -> None:
    found = run(
        "evidence", "meta", "--data", str(bcg), "--yi", "yi", "--vi", "vi", "--mods", "ablat", "--test", "z", "--json"
    ).json
    slope = {one["name"]: one for one in found["coefficients"]}["ablat"]
    # metafor, mixed-effects model with absolute latitude: 0.2515 and -0.0291 (se 0.0072), tau2 0.0764, R2 75.62 %.
    assert slope["estimate"] == pytest.approx(-0.0291, abs=5.1e-5)
    assert slope["se"] == pytest.approx(0.0072, abs=5.1e-5)
    assert set(slope) >= {"name", "estimate", "se", "ci_low", "ci_high", "p"}
    # metafor stops its iteration when tau2 moves by less than 1e-5, which is 0.003 of this percentage in each of the two models.
    assert found["r2"] == pytest.approx(75.62, abs=5e-3 + 2 * 3.2e-3)
    text = run(
        "evidence", "meta", "--data", str(bcg), "--yi", "yi", "--vi", "vi", "--mods", "ablat", "--mods", "alloc"
    ).out
    assert "alloc: random" in text
    assert "R2" in text
    assert "Research use only" in text


def test_standard_errors_may_stand_for_variances(run, tmp_path: Path) -> None:
    path = tmp_path / "se.csv"
    path.write_text("yi,sei\n-1,0.5\n-2,0.4\n0.5,0.3\n", encoding="utf-8")
    found = run("evidence", "meta", "--data", str(path), "--yi", "yi", "--sei", "sei", "--method", "DL", "--json").json
    weights = [1 / (0.25 + found["tau2"]), 1 / (0.16 + found["tau2"]), 1 / (0.09 + found["tau2"])]
    assert found["estimate"] == pytest.approx(
        (-weights[0] - 2 * weights[1] + 0.5 * weights[2]) / sum(weights), rel=1e-9
    )


@pytest.mark.parametrize(
    ("change", "arguments", "code", "message"),
    [
        ((",44,random", ",44,random,1"), (), 3, "row 2"),
        (("Ferguson & Simes,-1", "Ferguson & Simes,x"), (), 3, "row 3, field yi"),
        (("", ""), ("--yi", "y"), 3, 'no column "y"'),
        (("", ""), ("--method", "XX"), 3, "XX"),
        (("", ""), ("--test", "tt"), 3, "tt"),
        (("", ""), ("--level", "95"), 3, "0.95"),
        (("", ""), ("--sei", "vi"), 3, "one column of spreads"),
    ],
)
def test_bad_data_is_refused_with_its_place(run, tmp_path: Path, change, arguments, code: int, message: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(BCG.replace(*change, 1), encoding="utf-8")
    ending = run("evidence", "meta", "--data", str(path), "--yi", "yi", "--vi", "vi", *arguments)
    assert ending.code == code
    assert message in ending.err
    assert "Traceback" not in ending.err


def test_columns_without_a_file_are_a_mistake(run) -> None:
    ending = run("evidence", "meta", "--yi", "yi")
    assert (ending.code, "add --data FILE" in ending.err) == (2, True)


def test_data_without_an_outcome_column_is_a_mistake(run, bcg: Path) -> None:
    assert run("evidence", "meta", "--data", str(bcg), "--vi", "vi").code == 2


def test_one_study_cannot_be_pooled(run, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("yi,vi\n1,1\n", encoding="utf-8")
    ending = run("evidence", "meta", "--data", str(path), "--yi", "yi", "--vi", "vi")
    assert (ending.code, "one study" in ending.err) == (3, True)


def test_the_shipped_evidence_is_pooled_by_class_and_kind_of_evidence(run) -> None:
    found = run("evidence", "meta", "--json").json
    assert {one["contrast"] for one in found["pools"]} == {"between-arms", "before-after"}
    for one in found["pools"]:
        assert len({row["cell_class"] for row in one["studies"]}) <= 1
        assert {row["contrast"] for row in one["studies"]} <= {one["contrast"]}
    (cells,) = [one for one in found["pools"] if one["contrast"] == "before-after" and one["result"]]
    assert set(cells["result"]) >= RESULT
    assert found["evidence"]["sha256"] == load_evidence().digest
    together = run("evidence", "meta", "--contrast", "before-after", "--across-classes", "--json").json["pools"]
    assert together[-1]["result"]["k"] == 7


def test_the_pool_for_people_warns_that_before_after_is_no_effect(run) -> None:
    ending = run("evidence", "meta", "--across-classes", "--outcome", "ODI")
    assert ending.code == 0
    assert "not the effect of cells" in ending.out
    assert "Research use only, not medical advice." in ending.out
    assert "left out:" in ending.out


def test_a_selection_without_any_study_says_so(run) -> None:
    ending = run("evidence", "meta", "--month", "90", "--contrast", "between-arms")
    assert (ending.code, "nothing to pool" in ending.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--outcome", "VSA"), "VAS"),
        (("--contrast", "before"), "before-after"),
        (("--class", "expanded"), "expanded-msc"),
        (("--correlation", "2"), "correlation"),
    ],
)
def test_wrong_selections_are_usage_errors(run, arguments, message: str) -> None:
    ending = run("evidence", "meta", *arguments)
    assert (ending.code, message in ending.err) == (2, True)


def test_an_unknown_study_to_leave_out_is_refused(run) -> None:
    assert run("evidence", "meta", "--exclude", "LEWA2032").code == 3


def test_tables_are_listed(run) -> None:
    assert {one["table"] for one in run("evidence", "list", "tables", "--json").json["tables"]} == set(TABLES)
    assert "version" in run("evidence", "list", "tables").out


@pytest.mark.parametrize("table", TABLES)
def test_every_table_can_be_listed(run, table: str) -> None:
    ending = run("evidence", "list", table)
    assert ending.code == 0
    assert (
        len(ending.out.splitlines()) == len(getattr(load_evidence(), table)) + 3
    )  # head, a blank line, the note on use
    assert len(run("evidence", "list", table, "--json").json[table]) == len(getattr(load_evidence(), table))


def test_rows_can_be_searched_and_an_unknown_table_is_refused(run) -> None:
    found = run("evidence", "list", "--search", "adipose korea", "--json").json["studies"]
    assert {one["study_id"] for one in found} == {"KUMA2017", "LEEASC2023"}
    assert run("evidence", "list", "study").code == 2


def test_a_study_is_shown_with_its_conflicts(run) -> None:
    text = run("evidence", "show", "oroz2011").out
    assert "23+-5e6" in text
    assert "SE 3.3" in text
    assert "protocol items stated" in text
    found = run("evidence", "show", "PETT2015", "--json").json
    assert any("80.1" in value["value"] for one in found["conflicts"] for value in one["values"])
    assert any("survivor bias" in one["what"] for one in found["warnings"])
    assert run("evidence", "show", "KALL2019", "--json").json["completeness"] is None
    assert run("evidence", "show", "OROZ2001").code == 3


def test_an_animal_study_is_shown(run) -> None:
    assert "cell_density" in run("evidence", "show", "TAO2016").out
    assert len(run("evidence", "show", "TAO2016", "--json").json["animal_outcomes"]) == 5


def test_claims_have_verdict_and_source(run) -> None:
    text = run("evidence", "claims").out
    assert "verdict: NOT ESTABLISHED" in text
    assert "verdict: DIFFERS" in text
    animal = run("evidence", "claims", "--group", "animal", "--json").json["claims"]
    assert len(animal) == 8
    assert all(one["source"] and one["verdict"] for one in animal)
    assert run("evidence", "claims", "--group", "human").code == 2


def test_studies_and_protocols_are_scored(run) -> None:
    scores = run("evidence", "score", "--json").json["scores"]
    assert scores == sorted(scores, key=lambda one: (-one["score"], one["name"]))
    assert "PETT2015" in run("evidence", "score").out
    text = run("evidence", "score", "orozco-2011").out
    assert "never stated, as its readers say" in text
    assert run("evidence", "score", "NORI2017", "--json").json["not_found"]
    assert run("evidence", "score", "nobody").code == 3


def test_a_protocol_file_is_scored(run, tmp_path: Path) -> None:
    from pulposus.therapy import protocol_text

    path = tmp_path / "mine.yaml"
    path.write_text(protocol_text("orozco-2011"), encoding="utf-8")
    assert run("evidence", "score", str(path), "--json").json["name"] == "orozco-2011"


def test_the_evidence_is_checked(run) -> None:
    found = run("evidence", "check", "--json").json
    assert {one["severity"] for one in found["findings"]} == {"warning"}
    assert found["conflicts"]
    assert "no error" in run("evidence", "check").out


def test_pools_are_compared_side_by_side(run) -> None:
    found = run("evidence", "compare", "--json").json
    assert len(found["expected"]) == 4
    assert all(one["reason"] for one in found["published"])
    text = run("evidence", "compare").out
    assert "why they differ" in text
    assert "Xie 2021" in text


def test_registry_records_are_imported_and_used(run, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    found = run("evidence", "import", str(FOLDER), "--out", str(out), "--json").json
    assert found["counts"]["studies"] == 3
    assert len(found["written"]) == 4
    again = run("evidence", "list", "--add", str(out), "--search", "NCT90000001", "--json").json
    assert [one["study_id"] for one in again["studies"]] == ["NCT90000001"]
    pools = run("evidence", "meta", "--add", str(out), "--contrast", "between-arms", "--json").json["pools"]
    assert "NCT90000001" in [row["study_id"] for one in pools for row in one["studies"]]


def test_an_import_for_people_says_what_to_look_at(run, tmp_path: Path) -> None:
    ending = run("evidence", "import", str(FOLDER))
    assert ending.code == 0
    assert "the record does not state the scale" in ending.out
    assert "--out FOLDER" in ending.out
    assert run("evidence", "import", str(tmp_path / "no.csv")).code == 3


def test_the_evidence_is_exported_and_read_again(run, tmp_path: Path) -> None:
    ending = run("evidence", "export", "--out", str(tmp_path / "all"), "--json")
    assert ending.json["sha256"] == load_evidence().digest
    assert "studies.csv" in run("evidence", "export", "--out", str(tmp_path / "all")).out
    assert run("evidence", "export").code == 2
    whole = run("evidence", "export", "--to", "json").json
    assert len(whole["outcomes"]) == len(load_evidence().outcomes)
    assert set(run("evidence", "export", "--to", "schema").json) == {"protocol", "studies"}


def test_studies_and_protocols_are_exported_as_records(run, tmp_path: Path) -> None:
    out = tmp_path / "record.json"
    ending = run("evidence", "export", "NORI2017", "--to", "registry", "--out", str(out), "--json")
    assert ending.json == {"written": [str(out)]}
    assert (
        json.loads(out.read_text(encoding="utf-8"))["protocolSection"]["identificationModule"]["nctId"] == "NCT01860417"
    )
    assert "protocolSection" in run("evidence", "export", "orozco-2011", "--to", "registry").json
    assert len(run("evidence", "export", "--to", "registry").json["studies"]) > 30
    assert run("evidence", "export", "--to", "xml").code == 2
    assert run("evidence", "export", "NOBODY", "--to", "registry").code == 3


def test_outputs_that_cannot_be_written_are_refused(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    inside = str(tmp_path / "file" / "x")
    assert run("evidence", "export", "--out", inside).code == 3
    assert run("evidence", "export", "--to", "schema", "--out", inside).code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("forest", "--contrast", "before-after", "--across-classes", "--exclude", "BEAL2021"),
        ("forest", "--contrast", "before-after", "--class", "expanded-msc", "--cumulative"),
        ("forest", "--nearest", "--derived-baselines", "--across-classes"),
        ("funnel", "--contrast", "before-after", "--across-classes", "--trim-and-fill"),
        ("timeline", "--outcome", "ODI"),
    ],
)
def test_pictures_of_the_evidence(run, tmp_path: Path, arguments) -> None:
    out = tmp_path / "picture.svg"
    ending = run("evidence", *arguments, "--out", str(out), "--json")
    assert ending.code == 0
    assert ending.json["picture"] == str(out)
    assert out.read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_pictures_of_ones_own_data(run, bcg: Path, tmp_path: Path) -> None:
    columns = ("--data", str(bcg), "--yi", "yi", "--vi", "vi", "--label", "trial")
    for name, arguments in (("a.png", ("forest",)), ("b.png", ("forest", "--cumulative")), ("c.png", ("funnel",))):
        ending = run("evidence", *arguments, *columns, "--out", str(tmp_path / name))
        assert ending.code == 0
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert "Research use only" in ending.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("forest",), 2, "--out NAME.svg"),
        (("forest", "--out", "a.jpg"), 3, ".svg or .png"),
        (("forest", "--contrast", "before-after", "--out", "a.svg"), 3, "several classes"),
        (("funnel", "--class", "marrow-concentrate", "--contrast", "before-after", "--out", "a.svg"), 3, "two or more"),
    ],
)
def test_pictures_that_cannot_be_drawn_are_refused(run, arguments, code: int, message: str) -> None:
    ending = run("evidence", *arguments)
    assert (ending.code, message in ending.err) == (code, True)


def test_the_help_of_the_program_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pulposus.cli import main\n"
        "try: main(['evidence', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'pandas', 'statsmodels', 'numpyro', 'jax', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_kind_of_number_is_shown_as_printed(run) -> None:
    text = run("evidence", "show", "NCT90000003", "--add", str(FOLDER)).out
    assert "SD 24" in run("evidence", "show", "NCT90000001", "--add", str(FOLDER)).out
    assert "median 4" in text
    assert "1.9 to 4.3" in text
    text = run("evidence", "show", "DREAM2025").out
    assert "VAS_difference" in text
    assert "24 of 26" in run("evidence", "show", "PETT2015").out


def test_shares_of_events_are_pooled(run) -> None:
    found = run("evidence", "meta", "--outcome", "surgery", "--exclude", "HAUF2006", "--json").json
    assert found["k"] == 3
    assert 0.0 < found["ci_low"] < found["share"] < found["ci_high"] < 1.0
    text = run("evidence", "meta", "--outcome", "any-serious").out
    assert "shows little" in text
    assert "left out: DREAM2025" in text


def test_the_bias_adjusted_model_knows_back_pain_only(run) -> None:
    assert run("evidence", "meta", "--bias-adjusted", "--outcome", "ODI").code == 2


@pytest.mark.slow
def test_the_bias_adjusted_model_tells_the_effect_from_the_change_that_comes_anyway(run) -> None:
    pytest.importorskip("numpyro")
    found = run("evidence", "meta", "--bias-adjusted", "--nearest", "--derived-baselines", "--json").json
    effect = found["quantities"]["effect of the cells"]
    assert effect["low"] < 0.0 < effect["high"]  # as in the trials: zero is not excluded
    assert effect["mean"] > found["quantities"]["change without cells"]["mean"]  # most of the change comes anyway
    assert {one["kind"] for one in found["arms"]} == {"cells", "control"}
    text = run("evidence", "meta", "--bias-adjusted").out
    assert "change without cells" in text
    assert "Research use only" in text
