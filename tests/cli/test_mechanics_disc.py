"""`pulposus mechanics DISC --load LOAD`: the document of a whole disc, its files, and what is refused."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from pulposus.cli._mechanics_disc import Subject, disc_document
from pulposus.cli._mechanics_strength import stability_constants
from pulposus.cli._mechanics_text import print_document
from pulposus.cli._mechanics_treated import Treated, print_treated, treated_document
from pulposus.mechanics import SpineLoad, read
from pulposus.mechanics._disc_places import DEPTHS, SECTORS
from pulposus.mechanics._strength import ActivityStrain, FibreFailure, Strength
from pulposus.parameters import load_parameters

BENCHMARK = str(Path(__file__).parents[2] / "benchmarks" / "swelling_cylinder.yaml")
ELLIPTIC = str(Path(__file__).parents[2] / "benchmarks" / "elliptic_cylinder.yaml")
SMALL = "mechanics-cylinder-coarse"
COARSE = ("--set", "mesh=cylinder-coarse")
KEYS = {
    "height_mm",
    "intradiscal_pressure_MPa",
    "stiffness_N_per_mm",
    "effective_modulus_MPa",
    "bulge_mm",
    "fibre_stretch_p95",
    "water_volume_mm3",
    "status",
}


def test_the_document_has_every_promised_key(run, tmp_path) -> None:
    """V11 at 500 N on the coarse mesh, to its accuracy; the files hold the same numbers."""
    ending = run("mechanics", BENCHMARK, *COARSE, "--load", "500 N", "--out", str(tmp_path / "new"), "--json")
    assert ending.code == 0, ending.err
    document = ending.json
    assert set(document) >= KEYS | {"disc", "load", "warnings"}
    assert set(document["height_mm"]) == {"anterior", "middle", "posterior", "mean"}
    assert document["height_mm"]["mean"] == pytest.approx(7.5364, rel=2e-3)
    assert document["intradiscal_pressure_MPa"] == pytest.approx(0.3231, rel=2e-2)
    assert document["load"] == {
        "name": "500 N",
        "force_N": 500.0,
        "moment_N_m": 0.0,
        "reached_moment_N_m": {"drained": 0.0, "fast": 0.0},
    }
    # E = k H_C / A with the height under the load of the night.
    modulus = document["stiffness_N_per_mm"] * 9.0447 / (3.14159 * 22.0**2)
    assert document["effective_modulus_MPa"] == pytest.approx(modulus, rel=5e-3)
    assert (document["status"], document["simulated"], document["research_use_only"]) == ("converged", True, True)
    assert "under 500 N" in ending.err
    assert (tmp_path / "new" / "mechanics.json").is_file()
    meshio = pytest.importorskip("meshio")
    grid = meshio.read(tmp_path / "new" / "deformed.vtu")
    assert {"volume_ratio", "pressure_MPa", "chemical_potential_MPa", "fibre_stretch"} <= set(grid.point_data)
    # Half of the height is drawn.
    assert grid.points[:, 2].max() == pytest.approx(0.5 * document["height_mm"]["mean"], rel=1e-9)
    again = run("mechanics", BENCHMARK, *COARSE, "--load", "500 N", "--out", str(tmp_path / "new"))
    assert (again.code, "already holds" in again.err) == (3, True)


def test_people_read_the_same(run) -> None:
    ending = run("mechanics", BENCHMARK, *COARSE)
    assert ending.code == 0, ending.err
    for part in ("under 250 N", "under 500 N", "drained", "fast", "N/mm", "Research use only"):
        assert part in ending.out


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--load", "fast"), 3, 'no load "fast"'),
        (("--load", "500"), 3, "no unit"),
        (("--load", "5 mm"), 3, "cannot be converted"),
        (("--load", "standing"), 3, "no meaning for the benchmark"),
        (("--body-mass", "70 kg"), 3, "no meaning"),
        (("--stability",), 3, "cannot be bent"),
        (("--strength",), 3, "no activities"),
        (("--resolution", "mechanics-fine"), 3, "its own mesh"),
        (("--test", "free-swelling", "--day"), 2, "--test has no --day"),
        (("--test", "free-swelling", "--strength"), 2, "--test has no --strength"),
        (("--treatment", "orozco-2011"), 3, "as a whole only"),
        (("--test", "free-swelling"), 3, "as a whole only"),
        (("--treatment", "orozco-2011", "--load", "supine"), 2, "--treatment has no --load"),
        (("--treatment", "orozco-2011", "--test", "free-swelling"), 2, "--test has no --treatment"),
        (("--set", "nucleus.solid_fraction=1.5"), 3, "solid_fraction"),
    ],
)
def test_what_the_benchmark_refuses(run, options, code: int, says: str) -> None:
    ending = run("mechanics", BENCHMARK, *options)
    assert ending.code == code
    assert says in ending.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("rat/tail", "--load", "lifting_close"), "no load is known"),
        (("rat/tail", "--body-mass", "1 kg", "--load", "supine"), "animals"),
        (("human/L4-L5/grade3", "--resolution", "coarse"), "unknown resolution"),
        (("human/L4-L5/grade3", "--body-mass", "-1 kg", "--load", "standing"), "above 0 kg"),
        (("human/L9-L9/grade3", "--load", "standing"), "unknown disc"),
        (("rat/tail", "--treatment", "nobody-2000"), "unknown protocol"),
        (("rat/tail", "--treatment", "crevensten-2004", "--set", "dose.cells=9e12"), "no unit"),
    ],
)
def test_what_a_disc_refuses(run, options, says: str) -> None:
    """Before the long search for its stress-free shape."""
    ending = run("mechanics", *options)
    assert ending.code == 3
    assert says in ending.err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_load_out_of_reach_ends_with_its_own_code(run) -> None:
    """Exit 4 with the load that was reached: 200 kN close every pore."""
    ending = run("mechanics", BENCHMARK, *COARSE, "--load", "200000 N", "--json")
    assert ending.code == 4
    assert "no equilibrium found" in ending.err and " N, " in ending.err


@pytest.fixture(scope="module")
def subject() -> Subject:
    """The elliptic cylinder on its smallest mesh, which the command does not offer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulposus.cli._mechanics_disc._RESOLUTIONS", (SMALL,))
        return Subject(ELLIPTIC, [], load_parameters(), SMALL, None, "supine", stability=False, strength=True)


FAILS_AT = 2400.0
ACTIVITIES = {"standing": 0.03, "standing_flexed": 0.06, "lifting_close": 0.09}


@pytest.fixture(scope="module")
def strong(subject: Subject) -> dict[str, Any]:
    """Its document with the surrogates of failure, as `--json` prints it; what was searched for is given here."""

    def strength(disc: object, law: object, bone_density: float | None) -> Strength:
        return Strength(FibreFailure(FAILS_AT, 0.12, reached=True), None if bone_density is None else 5000.0)

    def strained(disc: object, load: SpineLoad) -> ActivityStrain:
        (name,) = (name for name, one in loads.items() if one is load)
        strain = jnp.full((8, 3), 0.5 * ACTIVITIES[name]).at[2, 1].set(ACTIVITIES[name])
        return ActivityStrain(float(load.force), float(load.moment), strain, 10.0 * ACTIVITIES[name], reached=True)

    loads = {name: subject.load(name) for name in ACTIVITIES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulposus.mechanics._strength.compressive_strength", strength)
        patch.setattr("pulposus.mechanics._strength.activity_strain", strained)
        patch.setattr(subject, "load", loads.__getitem__)
        document, _ = disc_document(subject, "supine", day=False, stability=False)
    return json.loads(json.dumps(document, allow_nan=False))


def test_the_strength_is_the_smaller_of_two_surrogates(strong) -> None:
    strength, area = strong["strength"], strong["details"]["section_area_mm2"]
    assert (strength["annulus_force_N"], strength["endplate_force_N"]) == (FAILS_AT, 5000.0)
    assert (strength["compressive_strength_N"], strength["limited_by"]) == (FAILS_AT, "annulus")
    assert strength["compressive_strength_MPa"] == pytest.approx(FAILS_AT / area)
    assert not strength["lower_bound"]
    assert strength["status"] == "prediction; no published check found"


def test_the_hazard_is_that_of_its_activities(strong) -> None:
    """r0 sum n (eps / eps_u)^8 with the shipped constants, at the place that is strained most."""
    hazard = strong["fissure_hazard"]
    expected = 1e-4 * sum(
        n * (strain / 0.12) ** 8 for n, strain in zip((1000.0, 100.0, 10.0), ACTIVITIES.values(), strict=True)
    )
    assert hazard["largest_per_day"] == pytest.approx(expected, rel=1e-12)
    assert (SECTORS.index(hazard["place"]["sector"]), DEPTHS.index(hazard["place"]["depth"])) == (2, 1)
    assert largest_of(hazard["per_day_by_sector"]) == hazard["largest_per_day"]
    assert list(hazard["activities"]) == list(ACTIVITIES)
    assert hazard["activities"]["lifting_close"]["moment_N_m"] == pytest.approx(7.5)


def largest_of(by_sector: dict[str, dict[str, float]]) -> float:
    return max(max(row.values()) for row in by_sector.values())


def test_a_whole_annulus_does_not_herniate(strong) -> None:
    herniation = strong["herniation"]
    assert (herniation["sectors_torn_through"], herniation["would_herniate"]) == (0, False)
    assert (herniation["largest_pressure_MPa"], herniation["in_activity"]) == (pytest.approx(0.9), "lifting_close")


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("strength", "mechanics.failure.fibre_strain"),
        ("strength", "mechanics.strength.bone_density"),
        ("fissure_hazard", "mechanics.failure.hazard_per_cycle"),
        ("fissure_hazard", "mechanics.failure.cycles.standing"),
        ("herniation", "mechanics.failure.herniation_pressure"),
    ],
)
def test_every_surrogate_names_what_drives_it(strong, part: str, key: str) -> None:
    (record,) = (record for record in strong[part]["constants"] if record["key"] == key)
    assert record["low"] < record["value"] < record["high"]
    assert record["status"] in ("prior", "recalled")


def test_people_read_the_surrogates_as_such(strong, capsys) -> None:
    print_document(strong)
    out = capsys.readouterr().out
    for part in ("compressive strength", "fissure hazard", "herniation", "surrogate", "no published check found"):
        assert part in out
    for part in ("annulus strain along the fibres", "rad", "mechanics.failure.fibre_strain", "0.08 to 0.2"):
        assert part in out
    weak = copy.deepcopy(strong)
    weak["strength"] |= {"lower_bound": True, "note": "of sheep"}
    weak["fissure_hazard"]["activities"]["standing"]["status"] = "not reached"
    weak["checks"] = {"effective_modulus_MPa": "nobody checked"}
    print_document(weak)
    out = capsys.readouterr().out
    assert "at least" in out and "of sheep" in out and "not reached" in out
    assert "MPa (nobody checked)" in out


def test_a_neutral_zone_names_what_drives_it(subject: Subject) -> None:
    """Fibres and matrix of the annulus, and the moments."""
    assert subject.disc is not None
    found = {record["key"] for record in stability_constants(subject.constants, subject.disc)}
    assert {"mechanics.fibre.stiffness.outer", "mechanics.stability.neutral_moment"} <= found
    assert any("annulus" in key and "shear_modulus" in key for key in found)


def test_people_read_where_a_range_was_cut(strong, capsys) -> None:
    plane = {
        "moment_N_m": [-2.0, -0.5, 0.5, 7.5],
        "neutral_zone_degree": 5.07,
        "range_of_motion_degree": 38.31,
        "laxity": 0.13,
        "translation_mm_per_degree": 0.159,
    }
    bent = {
        "flexion-extension": plane | {"status": "no equilibrium"},
        "lateral bending": plane | {"status": "converged"},
    }
    print_document(strong | {"stability": bent})
    lines = capsys.readouterr().out.splitlines()
    (cut,) = (line for line in lines if "no equilibrium beyond" in line)
    assert cut.strip().startswith("flexion-extension")
    assert any("5.07 degree" in line and "-2.00 and 7.50 N m" in line for line in lines)


def test_people_read_how_far_the_disc_was_bent(strong, capsys) -> None:
    load = strong["load"] | {"moment_N_m": 7.5, "reached_moment_N_m": {"drained": 2.13, "fast": 7.5}}
    print_document(strong | {"load": load})
    lines = [line for line in capsys.readouterr().out.splitlines() if "no equilibrium" in line]
    assert len(lines) == 1 and lines[0].startswith("  drained: no equilibrium") and "beyond 2.1 N m" in lines[0]
    print_document(strong)
    assert "no equilibrium" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def moments(subject: Subject) -> dict[str, Any]:
    """The same disc as if it were an animal's before and after a treatment, which weakens its fibres by a tenth."""
    after = replace(subject.rested, passes=subject.rested.passes + 1)
    case = Treated(
        "some/disc",
        "some-protocol",
        28.0,
        {"imaged": subject.rested, "with_cells": after},
        force=500.0,
        bone_density=None,
    )

    def strength(disc: object, law: object, bone_density: float | None) -> Strength:
        assert bone_density is None
        weaker = disc is after
        return Strength(FibreFailure(0.9 * FAILS_AT if weaker else FAILS_AT, 0.12, reached=not weaker), None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulposus.mechanics._strength.compressive_strength", strength)
        document = treated_document(case, subject.constants)
    return json.loads(json.dumps(document, allow_nan=False))


def test_strength_and_modulus_before_and_after_a_treatment(moments, subject: Subject) -> None:
    before, after = moments["moments"]
    assert (before["moment"], after["moment"]) == ("intact", "treated, day 28")
    assert (before["compressive_strength_over_intact"], after["compressive_strength_over_intact"]) == (1.0, 0.9)
    assert (before["lower_bound"], after["lower_bound"]) == (False, True)
    assert before["effective_modulus_MPa"] == after["effective_modulus_MPa"] > 0.0
    reading = read(subject.rested.places, subject.rested.problem, subject.rested.rested)
    expected = before["stiffness_N_per_mm"] * float(reading.heights.middle / reading.section_area)
    assert before["effective_modulus_MPa"] == pytest.approx(expected, rel=1e-12)
    assert moments["status"] == "prediction; no published check found"
    assert not any("endplate" in record["key"] for record in moments["constants"])


def test_people_read_them_as_predictions(moments, capsys) -> None:
    print_treated(moments)
    out = capsys.readouterr().out
    for part in (
        "intact",
        "treated, day 28",
        "at least 2160",
        "no published check found",
        "0.08 to 0.2",
        "Research use only",
    ):
        assert part in out


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_surrogates_of_a_disc(subject: Subject) -> None:
    """The search meets the strain to 0.2 %; the endplate is 0.32 kN + 0.00308 BMD A in the units of its source."""
    document, _ = disc_document(subject, "supine", day=False, stability=False)
    strength, area = document["strength"], document["details"]["section_area_mm2"]
    assert strength["endplate_force_N"] == pytest.approx(320.0 + 0.0308 * 130.0 * area, rel=1e-6)
    assert strength["compressive_strength_N"] == min(strength["annulus_force_N"], strength["endplate_force_N"])
    assert strength["annulus_fibre_strain"] == pytest.approx(0.12, rel=2e-3)
    activities = document["fissure_hazard"]["activities"]
    standing, flexed, _ = activities.values()
    assert standing["largest_fibre_strain_p95"] < flexed["largest_fibre_strain_p95"]
    assert {one["status"] for one in activities.values()} == {"converged"}
    pressures = [one["intradiscal_pressure_MPa"] for one in activities.values()]
    assert document["herniation"]["largest_pressure_MPa"] == max(pressures)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_animal_before_and_after_a_treatment(run) -> None:
    """A rat's disc that takes cells; nothing was found to check its numbers with."""
    ending = run("mechanics", "rat/tail", "--treatment", "crevensten-2004", "--json")
    assert ending.code == 0, ending.err
    document = ending.json
    assert (document["disc"], document["protocol"]) == ("rat/tail", "crevensten-2004")
    first, *later = document["moments"]
    assert first["moment"] == "intact" and len(later) == 2
    for row in document["moments"]:
        assert row["compressive_strength_N"] > 0.0 and row["effective_modulus_MPa"] > 0.0
    assert document["status"] == "prediction; no published check found"
