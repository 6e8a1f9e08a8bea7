"""The document of `pulposus mechanics DISC` for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulposus.cli._output import aligned, print_text

_ROWS = (
    ("intradiscal_pressure_MPa", "intradiscal pressure", "MPa"),
    ("stiffness_N_per_mm", "stiffness, fast", "N/mm"),
    ("effective_modulus_MPa", "effective elastic modulus", "MPa"),
    ("bulge_mm", "bulge from the stress-free side", "mm"),
    ("water_volume_mm3", "water", "mm3"),
)
_SURROGATES = ("strength", "fissure_hazard", "herniation")
_DAY_ROWS = (
    ("morning", "just after rising"),
    ("evening", "at the end of the day"),
    ("lying_down", "just after lying down"),
    ("night_end", "at the end of the night"),
)


def _readouts(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value with its unit; predictions that nothing was found to check with say so."""
    rows = [
        (f"  {label}", f"{part[key]:.4g} {unit}", part.get("checks", {}).get(key, "")) for key, label, unit in _ROWS
    ]
    fast = ("  intradiscal pressure, fast", f"{part['fast']['intradiscal_pressure_MPa']:.4g} MPa", "")
    return [(label, f"{value} ({check})" if check else value) for label, value, check in (*rows, fast)]


def _annulus(part: dict[str, Any]) -> list[tuple[str, str]]:
    """Strain of the annulus, drained and fast; 95th percentiles over its volume."""
    details = part["details"]
    slow, fast = (100.0 * (one["fibre_stretch_p95"] - 1.0) for one in (part, part["fast"]))
    return [
        ("  annulus strain along the fibres", f"{slow:.2f} %, fast {fast:.2f} % (95th percentile, as below)"),
        ("  annulus strain, radial", f"{100.0 * details['radial_strain_p95']:.2f} %"),
        ("  annulus shear in the plane", f"{details['in_plane_shear_p95_rad']:.3g} rad"),
        ("  annulus stress, axial", f"{details['annulus_axial_stress_p95_MPa']:.3g} MPa"),
    ]


def constant_lines(title: str, records: list[dict[str, Any]]) -> list[str]:
    """Constants behind a number, each once, with range, status and source."""
    table = []
    for record in {record["key"]: record for record in records}.values():
        unit = "" if record["unit"] == "1" else record["unit"]
        spread = "no range" if record["low"] is None else f"{record['low']:g} to {record['high']:g}"
        table.append(
            (f"  {record['key']}", f"{record['value']:g} {unit}".strip(), spread, record["status"], record["source"])
        )
    return [title, *aligned(table)]


def print_document(document: dict[str, Any]) -> None:
    """The document for people."""
    parts = document.get("loads", [document])
    lines = [f"{document['disc']}: simulated mechanics of the whole disc"]
    for part in parts:
        load = part["load"]
        bent = f" and {load['moment_N_m']:g} N m in flexion" if load["moment_N_m"] else ""
        lines += ["", f"under {load['name']} ({load['force_N']:.4g} N{bent}): {part['status']}"]
        lines += [
            f"  {label}: no equilibrium of the disc alone, without ligaments, beyond {reached:.2g} N m; its values are of that moment"
            for label, reached in load["reached_moment_N_m"].items()
            if reached != load["moment_N_m"]
        ]
        rows: list[Sequence[str]] = [("  height [mm]", "anterior", "middle", "posterior", "mean")]
        for label, heights in (("drained", part["height_mm"]), ("fast", part["fast"]["height_mm"])):
            rows.append((f"  {label}", *(f"{value:.2f}" for value in heights.values())))
        lines += aligned(rows)
        lines += aligned([*_readouts(part), *_annulus(part)])
    if "day" in document:
        day = document["day"]
        lines += [
            "",
            f"day: {day['load_N']['day']:.4g} N for {day['day_length_h']:g} h, then {day['load_N']['night']:.4g} N",
        ]
        table = [("  ", "height [mm]", "pressure [MPa]")]
        table += [
            (f"  {label}", f"{day[key]['height_mm']:.2f}", f"{day[key]['intradiscal_pressure_MPa']:.3f}")
            for key, label in _DAY_ROWS
        ]
        lines += aligned(table)
        lines.append(
            f"  overnight volume {day['overnight_volume_percent']:+.1f} %, height {day['overnight_height_mm']:+.2f} mm,"
            f" half of it after {day['half_recovery_h']:.1f} h"
        )
    if "stability" in document:
        table = [("  plane", "neutral zone", "range", "between", "laxity", "translation")]
        for plane, found in document["stability"].items():
            table.append(
                (
                    f"  {plane}",
                    f"{found['neutral_zone_degree']:.2f} degree",
                    f"{found['range_of_motion_degree']:.2f} degree",
                    f"{found['moment_N_m'][0]:.2f} and {found['moment_N_m'][-1]:.2f} N m",
                    f"{found['laxity']:.2f}",
                    f"{found['translation_mm_per_degree']:.3f} mm per degree",
                )
            )
        lines += ["", "stability under fast moments, supine", *aligned(table)]
        lines += [
            f"  {plane}: no equilibrium beyond these moments, so its range is that of the moments that were reached"
            for plane, found in document["stability"].items()
            if found["status"] != "converged"
        ]
    if "strength" in document:
        lines += ["", *_strength_lines(document)]
    records = [
        *document.get("stability_constants", []),
        *(record for key in _SURROGATES if key in document for record in document[key]["constants"]),
    ]
    if records:
        lines += ["", *constant_lines("constants that drive stability and surrogates, with their range", records)]
    lines += ["", *(f"warning: {text}" for text in document["warnings"]), "Research use only, not medical advice."]
    print_text(*lines)


def _strength_lines(document: dict[str, Any]) -> list[str]:
    strength, hazard, herniation = (document[key] for key in ("strength", "fissure_hazard", "herniation"))
    bound = "at least " if strength["lower_bound"] else ""
    forces = [
        f"annulus {strength['annulus_force_N']:.4g} N at a fibre strain of {strength['annulus_fibre_strain']:.3f}"
    ]
    if strength["endplate_force_N"] is not None:
        density = f"{strength['bone_density_mg_per_mL']:g} mg/mL of bone mineral, a prior"
        forces.append(f"endplate {strength['endplate_force_N']:.4g} N at {density}")
    place = hazard["place"]
    rows = [
        (
            "  compressive strength",
            f"{bound}{strength['compressive_strength_N']:.4g} N ({strength['compressive_strength_MPa']:.3g} MPa), limited by the"
            f" {strength['limited_by']}",
        ),
        ("", "; ".join(forces)),
        ("", strength["status"]),
        ("  fissure hazard", f"{hazard['largest_per_day']:.2g} per day, {place['depth']} {place['sector']} annulus"),
        ("", hazard["status"]),
        (
            "  herniation",
            f"{herniation['sectors_torn_through']} of {herniation['of_sectors']} sectors torn through;"
            f" {herniation['largest_pressure_MPa']:.2f} MPa in {herniation['in_activity'].replace('_', ' ')},"
            f" limit {herniation['pressure_limit_MPa']:g} MPa: would {'' if herniation['would_herniate'] else 'not '}herniate",
        ),
        ("", herniation["status"]),
    ]
    if strength["note"]:
        rows.insert(3, ("", strength["note"]))
    for name, one in hazard["activities"].items():
        if one["status"] != "converged":
            rows.append((f"  {name.replace('_', ' ')}", one["status"]))
    return ["surrogates of failure; nothing tears in the model", *aligned(rows)]
