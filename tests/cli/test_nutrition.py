"""`pulposus nutrition`: the JSON document of the reference problem, what the options change, and the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulposus.cli._nutrition import undershoot_warnings

ROOT = Path(__file__).parents[2]
CYLINDER = str(ROOT / "benchmarks" / "elliptic_cylinder.yaml")
COARSE = ("--resolution", "coarse")
FIELDS = ("oxygen_kPa", "glucose_mM", "lactate_mM", "pH")
SUMMARY = ["min", "max", "mean", "nucleus_mean", "centre"]
SURFACES = ["endplate_inferior", "endplate_superior", "outer_annulus", "rim"]


@pytest.fixture
def solve(run):
    """`solve("shape.height=20 mm")` is the document of the reference problem with that change."""

    def document(*changes: str) -> dict[str, Any]:
        settings = [word for change in changes for word in ("--set", change)]
        ending = run("nutrition", CYLINDER, *COARSE, *settings, "--json")
        assert ending.code == 0, ending.err
        return ending.json

    return document


def test_the_document_has_every_promised_key(solve) -> None:
    document = solve()
    for key in FIELDS:
        assert list(document[key]) == SUMMARY
        assert document[key]["min"] <= document[key]["centre"] <= document[key]["max"]
        assert document[key]["min"] < document[key]["nucleus_mean"] < document[key]["max"]
    assert list(document["fluxes"]) == SURFACES
    assert all(
        list(flux) == [f"{s}_mol_per_s" for s in ("oxygen", "lactate", "glucose")]
        for flux in document["fluxes"].values()
    )
    assert document["nodes"] == 5213
    assert isinstance(document["iterations"], int)
    assert document["iterations"] > 0
    assert document["status"] == "converged"
    assert document["seconds"] > 0.0
    assert document["disc"] == "elliptic cylinder"
    assert document["warnings"] == []
    assert (document["simulated"], document["research_use_only"]) == (True, True)


def test_the_document_is_alone_on_stdout(run) -> None:
    ending = run("nutrition", CYLINDER, *COARSE, "--json")
    document, end = json.JSONDecoder().raw_decode(ending.out)
    assert ending.out[end:] == "\n"
    assert document["nodes"] == 5213


def test_the_reference_values(solve) -> None:
    """Independent codes give 2.120 kPa, 2.843 mM and 2.624 mM at 151,000 nodes; the coarse mesh is within 2 %."""
    document = solve()
    assert document["oxygen_kPa"]["min"] == pytest.approx(2.120, rel=2e-2)
    assert document["glucose_mM"]["min"] == pytest.approx(2.843, rel=2e-2)
    assert document["lactate_mM"]["max"] == pytest.approx(2.624, rel=2e-2)
    assert document["pH"]["min"] == pytest.approx(7.4 - 0.09 * document["lactate_mM"]["max"], rel=1e-12)


def test_the_fluxes_balance(solve) -> None:
    """Two lactate leave for one glucose that enters, over all surfaces; the solver's tolerance is 1e-8."""
    document = solve()
    total = {
        s: sum(flux[f"{s}_mol_per_s"] for flux in document["fluxes"].values()) for s in ("oxygen", "lactate", "glucose")
    }
    assert total["oxygen"] > 0.0
    assert total["glucose"] > 0.0
    assert total["lactate"] == pytest.approx(-2.0 * total["glucose"], rel=1e-6)
    assert document["balance"]["lactate_per_glucose"] == pytest.approx(total["lactate"] / total["glucose"], rel=1e-12)
    for solute in ("oxygen", "lactate", "glucose"):
        assert document["balance"][f"{solute}_relative_error"] < 1e-6
    upper, lower = (document["fluxes"][f"endplate_{side}"] for side in ("superior", "inferior"))
    assert upper == pytest.approx(lower, rel=1e-6)


def test_every_number_of_the_file_is_an_edit(solve) -> None:
    reference = solve()
    taller = solve("shape.height=20 mm")
    assert taller["oxygen_kPa"]["min"] < reference["oxygen_kPa"]["min"]
    denser = solve("tissues.nucleus.cell_density=6.4 million cell/mL")
    assert denser["lactate_mM"]["max"] > reference["lactate_mM"]["max"]
    assert denser["glucose_mM"]["nucleus_mean"] < reference["glucose_mM"]["nucleus_mean"]
    richer = solve("supply.endplate.glucose=5 mM", "supply.annulus.glucose=6 mM")
    assert richer["glucose_mM"]["max"] == 6.0
    other = solve("metabolism.preset=mixture")
    assert other["oxygen_kPa"]["min"] != pytest.approx(reference["oxygen_kPa"]["min"], rel=1e-3)


def test_a_constant_can_be_changed(run) -> None:
    """The built-in disc takes the glucose limiter from the constants; a tenth is the default."""
    documents = [
        run("nutrition", "human/L4-L5/grade4", *COARSE, *setting, "--json").json
        for setting in ((), ("--set", "parameters.nutrition.glucose_limiter=0.2 mM"))
    ]
    first, second = (document["glucose_mM"]["min"] for document in documents)
    assert 0.0 < first < second
    assert documents[0]["disc"] == "human/L4-L5/grade4"


def test_the_answer_for_people(run) -> None:
    ending = run("nutrition", CYLINDER, *COARSE)
    assert ending.code == 0
    for text in (
        "elliptic cylinder: simulated",
        "oxygen [kPa]",
        "outer_annulus",
        "lactate per glucose -2.000000",
        "converged",
    ):
        assert text in ending.out
    assert "Research use only" in ending.out
    assert "None" not in ending.out


def test_a_sealed_disc_exchanges_nothing(run) -> None:
    """No supply at all: the cells use everything up, and nothing passes the surface."""
    sealed = ("--set", "supply.endplate_supply=0", "--set", "supply.annulus_sealed=true")
    ending = run("nutrition", CYLINDER, *COARSE, *sealed)
    assert ending.code == 0
    assert "nothing passes the surface" in ending.out
    document = run("nutrition", CYLINDER, *COARSE, *sealed, "--json").json
    assert document["balance"]["lactate_per_glucose"] is None
    assert document["glucose_mM"]["max"] < 1e-6
    assert document["warnings"] == []


def test_a_solute_below_zero_is_reported() -> None:
    above = {"oxygen_kPa": {"min": 0.2}, "glucose_mM": {"min": -1e-9}}
    assert undershoot_warnings(above) == []
    below = {"oxygen_kPa": {"min": -0.01}, "glucose_mM": {"min": -3.0}}
    assert [text.split()[0] for text in undershoot_warnings(below)] == ["oxygen", "glucose"]
    assert "-0.01" in undershoot_warnings(below)[0]


def test_warnings_are_shown_to_people_as_well(run) -> None:
    """Without a limiter glucose may fall below zero; it is reported, never clipped (rulings 29)."""
    crowded = ("--set", "metabolism.glucose_limiter=0 mM", "--set", "tissues.nucleus.cell_density=1000 million cell/mL")
    ending = run("nutrition", CYLINDER, *COARSE, *crowded)
    assert ending.code == 0
    assert "warning: glucose falls to" in ending.err
    assert "warning" not in ending.out


def test_the_files(run, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    ending = run("nutrition", CYLINDER, *COARSE, "--out", str(folder), "--json")
    assert ending.code == 0
    assert {file.name for file in folder.iterdir()} == {"nutrition.json", "fields.vtu"}
    assert json.loads((folder / "nutrition.json").read_text(encoding="utf-8")) == ending.json
    assert f"written {folder / 'fields.vtu'}" in ending.err
    again = run("nutrition", CYLINDER, *COARSE, "--out", str(folder))
    assert (again.code, "already holds nutrition.json" in again.err) == (3, True)


def test_vtk_opens_the_fields(run, tmp_path: Path) -> None:
    vtk = pytest.importorskip("vtk", reason="the optional extra viz is not installed")
    ending = run("nutrition", CYLINDER, *COARSE, "--out", str(tmp_path), "--json")
    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(tmp_path / "fields.vtu"))
    reader.Update()
    assert reader.GetErrorCode() == 0
    grid = reader.GetOutput()
    assert grid.GetNumberOfPoints() == ending.json["nodes"]
    low, high = grid.GetPointData().GetArray("oxygen_kPa").GetRange()
    # Stored in single precision.
    assert low == pytest.approx(ending.json["oxygen_kPa"]["min"], rel=1e-6)
    assert high == pytest.approx(ending.json["oxygen_kPa"]["max"], rel=1e-6)


def test_a_solver_that_fails(run) -> None:
    """A multiplier that no number can hold is refused by the solver, not by the document: exit code 4."""
    ending = run("nutrition", CYLINDER, *COARSE, "--set", "metabolism.multiplier=1e200", "--json")
    assert ending.code == 4
    assert ending.json["error"]["kind"] == "solver-failed"
    assert "elliptic cylinder" in ending.json["error"]["what"]
    assert ending.json["error"]["remedy"]
    assert "Traceback" not in ending.err


def test_an_overshoot_of_slivers_is_reported(solve) -> None:
    """A nucleus that nearly touches the rim leaves elements so flat that oxygen passes the value of the vessels."""
    texts = solve("shape.nucleus_area_fraction=0.999")["warnings"]
    assert any(text.startswith("oxygen reaches") for text in texts)
    assert not any("reaches" in text for text in solve("shape.height=10 mm")["warnings"])
