"""`pulposus mechanics DISC --test TEST`: standard material tests on the tissues of a disc, as a document and for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pulposus.cli._output import aligned, print_text
from pulposus.errors import SolverFailed

if TYPE_CHECKING:
    from jax import Array

    from pulposus.disc import Disc
    from pulposus.mechanics import Material
    from pulposus.parameters import ParameterSet

_GRADE_OF_DEGENERATION = 4
_STRETCHES = (1.0, 0.95, 0.9, 0.85, 0.8)
_STRAINS = (0.0, 0.05, 0.1)
_PLACES = {"outer anterior": (1.0, 1.0), "inner anterior": (0.0, 1.0), "outer posterior": (1.0, -1.0)}
_CONDITION = "intact specimen with the water and fixed charge of its grade at its reference volume, in 0.15 mol/L salt at body temperature"


def mechanics_document(disc: Disc, test: str, constants: ParameterSet) -> dict[str, Any]:
    """A material test of a disc as plain data; stress is total, compression negative."""
    described = disc.description
    return {
        "disc": described.name,
        "grade": described.grade,
        "test": test,
        "simulated": True,
        "research_use_only": True,
        "condition": _CONDITION,
        "specimens": TESTS[test](disc, constants),
        "warnings": list(described.warnings),
    }


def _free_swelling(disc: Disc, constants: ParameterSet) -> list[dict[str, Any]]:
    from pulposus.mechanics import free_swelling

    specimens = []
    for tissue in ("nucleus", "annulus"):
        result = free_swelling(_material(disc, tissue, constants))
        _require(result.status, f"{tissue} in free swelling")
        rows = {
            "stretch_circumferential": result.stretch[0],
            "stretch_radial": result.stretch[1],
            "stretch_axial": result.stretch[2],
            "volume_ratio": result.volume_ratio,
            "water_fraction": result.water_fraction,
            "fixed_charge_mEq_per_mL": result.fixed_charge,
            "osmotic_pressure_MPa": result.osmotic_pressure,
        }
        specimens.append(_specimen(disc, tissue, "", rows, {}, [], constants))
    return specimens


def _confined_compression(disc: Disc, constants: ParameterSet) -> list[dict[str, Any]]:
    from pulposus.mechanics import confined_compression

    specimens = []
    for tissue in ("nucleus", "annulus"):
        result = confined_compression(_material(disc, tissue, constants), _STRETCHES)
        _require(result.status, f"{tissue} in confined compression")
        rows = {
            "swelling_pressure_MPa": result.swelling_pressure,
            "aggregate_modulus_MPa": result.reference_modulus,
            "permeability_mm2_per_MPa_day": result.reference_permeability,
        }
        curves = {
            "stretch": result.stretch,
            "axial_stress_MPa": result.axial_stress,
            "lateral_stress_MPa": result.lateral_stress,
            "aggregate_modulus_MPa": result.aggregate_modulus,
            "permeability_mm2_per_MPa_day": result.permeability,
        }
        state = "degenerate" if disc.description.grade >= _GRADE_OF_DEGENERATION else "nondegenerate"
        measured = [f"{tissue}_{name}.{state}" for name in ("swelling_pressure", "aggregate_modulus")]
        specimens.append(_specimen(disc, tissue, "", rows, curves, measured, constants))
    return specimens


def _unconfined_compression(disc: Disc, constants: ParameterSet) -> list[dict[str, Any]]:
    from pulposus.mechanics import unconfined_compression

    result = unconfined_compression(_material(disc, "nucleus", constants), _STRAINS)
    _require(result.status, "nucleus in unconfined compression")
    rows = {
        "modulus_MPa": result.modulus[0],
        "undrained_modulus_MPa": result.undrained_modulus[0],
        "poisson_ratio": result.poisson_ratio[0, 0],
    }
    measured = ["nucleus_unconfined_modulus"]
    return [_specimen(disc, "nucleus", "", rows, _curves(result), measured, constants)]


def _annulus_tension(disc: Disc, constants: ParameterSet) -> list[dict[str, Any]]:
    from pulposus.mechanics import annulus_tension

    specimens = []
    for direction in ("circumferential", "axial"):
        for place, (depth, forward) in _PLACES.items():
            material = _material(disc, "annulus", constants, depth=depth, forward=forward)
            result = annulus_tension(material, _STRAINS, direction)
            _require(result.status, f"{place} annulus in {direction} tension")
            rows = {
                "modulus_at_10_percent_MPa": result.modulus[-1],
                "undrained_modulus_at_10_percent_MPa": result.undrained_modulus[-1],
            }
            name = direction if direction == "axial" else f"{direction}_{place.split()[0]}"
            measured = [f"annulus_tensile_modulus.{name}"]
            specimens.append(
                _specimen(disc, "annulus", f"{place}, {direction}", rows, _curves(result), measured, constants)
            )
    return specimens


TESTS: dict[str, Callable[[Disc, ParameterSet], list[dict[str, Any]]]] = {
    "confined-compression": _confined_compression,
    "unconfined-compression": _unconfined_compression,
    "annulus-tension": _annulus_tension,
    "free-swelling": _free_swelling,
}


def _curves(result: Any) -> dict[str, Any]:
    return {
        "strain": result.strain,
        "stress_MPa": result.stress,
        "modulus_MPa": result.modulus,
        "undrained_stress_MPa": result.undrained_stress,
        "undrained_modulus_MPa": result.undrained_modulus,
    }


def _material(disc: Disc, tissue: str, constants: ParameterSet, **place: float) -> Material:
    """The tissue at the grade of the disc; a specimen is cut where there is no fissure."""
    from pulposus.mechanics import tissue_material

    return tissue_material(constants, tissue, disc.description.grade, **place)


def _require(status: Array, what: str) -> None:
    from pulposus.mechanics import CONVERGED

    if (status != CONVERGED).any():
        raise SolverFailed(f"{what}: no equilibrium found", remedy="bring changed constants back into their range")


def _specimen(
    disc: Disc,
    tissue: str,
    place: str,
    rows: dict[str, Any],
    curves: dict[str, Any],
    measured: list[str],
    constants: ParameterSet,
) -> dict[str, Any]:
    """Results, curves, the measurements beside them, and the constants behind them with source and status."""
    from pulposus.mechanics import material_keys

    keys = list(material_keys(tissue, disc.description.grade).values())
    if tissue == "annulus":
        keys += [key for key in constants if key.startswith("mechanics.fibre.")]
    return {
        "tissue": tissue,
        "place": place,
        "results": {name: float(value) for name, value in rows.items()},
        "curves": {name: [float(one) for one in values] for name, values in curves.items()},
        "measured_in_human_tissue": [constants[f"mechanics.measured.{name}"].as_dict() for name in measured],
        "constants": [constants[key].as_dict() for key in keys],
    }


def print_specimens(document: dict[str, Any]) -> None:
    lines = [
        f"{document['disc']}: simulated {document['test']} of its tissues, Pfirrmann grade {document['grade']}",
        document["condition"],
        "stress is total, compression negative",
    ]
    for specimen in document["specimens"]:
        lines += ["", f"{specimen['tissue']} {specimen['place']}".strip()]
        lines += aligned((f"  {name}", f"{value:.4g}") for name, value in specimen["results"].items())
        for record in specimen["measured_in_human_tissue"]:
            spread = f"{record['low']:g} to {record['high']:g}"
            lines.append(
                f"  measured ({record['note']}): {record['value']:g} ({spread}) {record['unit']}, {record['source']}"
            )
        if specimen["curves"]:
            lines += aligned([tuple(f"  {name}" for name in specimen["curves"]), *_points(specimen["curves"])])
    used = {record["key"]: record for specimen in document["specimens"] for record in specimen["constants"]}
    table = [("constant", "value", "unit", "status", "source")]
    table += [(key, f"{r['value']:.4g}", r["unit"], r["status"], r["source"]) for key, r in used.items()]
    lines += ["", *aligned(table), "", "Research use only, not medical advice."]
    print_text(*lines)


def _points(curves: dict[str, list[float]]) -> list[tuple[str, ...]]:
    return [tuple(f"  {value:.4g}" for value in point) for point in zip(*curves.values(), strict=True)]
