"""`pulposus mechanics DISC --load LOAD`: the document of a whole disc, its files, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARK = str(Path(__file__).parents[2] / "benchmarks" / "swelling_cylinder.yaml")
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
    assert document["load"] == {"name": "500 N", "force_N": 500.0, "moment_N_m": 0.0}
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
        (("--resolution", "mechanics-fine"), 3, "its own mesh"),
        (("--test", "free-swelling", "--day"), 2, "no load"),
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
