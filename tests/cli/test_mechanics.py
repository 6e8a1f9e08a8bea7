"""`pulposus mechanics DISC --test NAME`: the document, the answer for people, and what is refused."""

from __future__ import annotations

import pytest

DISC = "human/L4-L5/grade4"


@pytest.fixture
def tested(run):
    """`tested("free-swelling")` is the document of that test."""

    def document(test: str, disc: str = DISC, *options: str):
        ending = run("mechanics", disc, "--test", test, *options, "--json")
        assert ending.code == 0, ending.err
        return ending.json

    return document


def test_the_document_has_every_promised_key(tested) -> None:
    document = tested("confined-compression")
    assert (document["disc"], document["grade"], document["test"]) == (DISC, 4, "confined-compression")
    assert (document["simulated"], document["research_use_only"]) == (True, True)
    assert [specimen["tissue"] for specimen in document["specimens"]] == ["nucleus", "annulus"]
    for specimen in document["specimens"]:
        lengths = {len(curve) for curve in specimen["curves"].values()}
        assert lengths == {5}
        assert all(record["source"] and record["status"] and record["unit"] for record in specimen["constants"])
    nucleus = document["specimens"][0]
    # Printed for grade IV: P_sw 0.049 MPa, which does not depend on the solid fraction (mechanics_imaging 2.2).
    assert nucleus["results"]["swelling_pressure_MPa"] == pytest.approx(0.049, abs=5.1e-4)
    assert [r["key"].rpartition(".")[2] for r in nucleus["measured_in_human_tissue"]] == ["degenerate"] * 2


def test_a_healthy_disc_is_set_beside_healthy_tissue(tested) -> None:
    document = tested("confined-compression", "human/L4-L5/grade2")
    keys = [r["key"] for s in document["specimens"] for r in s["measured_in_human_tissue"]]
    assert all(key.endswith(".nondegenerate") for key in keys)


def test_free_swelling(tested) -> None:
    document = tested("free-swelling")
    for specimen in document["specimens"]:
        results = specimen["results"]
        lengths = [results[f"stretch_{axis}"] for axis in ("circumferential", "radial", "axial")]
        assert lengths[0] * lengths[1] * lengths[2] == pytest.approx(results["volume_ratio"], rel=1e-12)


def test_unconfined_compression(tested) -> None:
    (specimen,) = tested("unconfined-compression")["specimens"]
    assert 0.0 < specimen["results"]["modulus_MPa"] < specimen["results"]["undrained_modulus_MPa"]
    assert 0.0 < specimen["results"]["poisson_ratio"] < 0.5


def test_annulus_tension_and_a_changed_constant(tested) -> None:
    first = tested("annulus-tension")
    places = [specimen["place"] for specimen in first["specimens"]]
    assert len(places) == 6
    assert places[0] == "outer anterior, circumferential"
    stiffer = tested("annulus-tension", DISC, "--set", "parameters.mechanics.fibre.stiffness.outer=3 MPa")
    before, after = (d["specimens"][0]["results"]["modulus_at_10_percent_MPa"] for d in (first, stiffer))
    assert after > before


def test_the_answer_for_people(run) -> None:
    ending = run("mechanics", DISC, "--test", "confined-compression")
    assert ending.code == 0
    for text in (
        "simulated confined-compression",
        "Pfirrmann grade 4",
        "swelling_pressure_MPa",
        "measured (",
        "grades.bulk_modulus.nucleus.IV",
        "prior",
        "Research use only",
    ):
        assert text in ending.out
    assert "mechanics.fibre.exponent" in ending.out


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_a_test_the_whole_disc_is_computed(run) -> None:
    """Supine and standing; the supine disc has the heights of its document, to the distance at which the search stops."""
    ending = run("mechanics", "human/L4-L5/grade2", "--json")
    assert ending.code == 0, ending.err
    supine, standing = ending.json["loads"]
    for name, height in (("anterior", 13.0), ("middle", 12.0), ("posterior", 7.8)):
        assert supine["height_mm"][name] == pytest.approx(height, abs=0.02)
        assert standing["height_mm"][name] < supine["height_mm"][name]
    assert standing["intradiscal_pressure_MPa"] > supine["intradiscal_pressure_MPa"]


def test_a_test_that_does_not_exist(run) -> None:
    ending = run("mechanics", DISC, "--test", "bending")
    assert ending.code == 2
    assert 'there is no material test "bending"' in ending.err


def test_a_test_that_finds_no_equilibrium(run, monkeypatch) -> None:
    """Stretches below the solid have no state: a failed solver, exit code 4."""
    monkeypatch.setattr("pulposus.cli._mechanics_specimens._STRETCHES", (0.1,))
    ending = run("mechanics", DISC, "--test", "confined-compression")
    assert (ending.code, ending.out) == (4, "")
    assert "nucleus in confined compression: no equilibrium found" in ending.err
