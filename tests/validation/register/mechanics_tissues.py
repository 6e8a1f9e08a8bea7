"""Rows 1 to 4 of mechanics_imaging 3.2: specimens of tissue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pulposus.mechanics import annulus_tension, confined_compression, tissue_material, unconfined_compression

from .mechanics_shared import PARAMETERS
from .studies import Entry, judged

V0_SOLID = {"nucleus": 0.19, "annulus": 0.25}
# 1e-15 m4/(N s) in 1 mm2/(MPa day).
_SI = 1e3 / 86400.0


def _tissue(name: str, grade: int, **place: float) -> Any:
    return tissue_material(PARAMETERS, name, grade, solid_fraction=V0_SOLID[name], **place)


def _within(names: Sequence[str], found: Sequence[float]) -> bool:
    """Whether every number lies within one standard deviation of its measurement."""
    records = [PARAMETERS[f"mechanics.measured.{name}"] for name in names]
    return all(
        record.low <= value <= record.high
        for record, value in zip(records, found, strict=True)
        if record.low is not None and record.high is not None
    )


def _confined(row: int, tissue: str, grades: tuple[int, int], observed: str) -> list[Entry]:
    entries = []
    for letter, grade, state in zip("ab", grades, ("nondegenerate", "degenerate"), strict=True):
        test = confined_compression(_tissue(tissue, grade), (1.0,))
        found = (float(test.swelling_pressure), float(test.reference_modulus))
        names = [f"{tissue}_{name}.{state}" for name in ("swelling_pressure", "aggregate_modulus")]
        entries.append(
            Entry(
                f"{row}{letter}", f"{tissue} in confined compression, {state} (grade {grade})", "T", observed,
                "both within one standard deviation",
                f"{found[0]:.3f} and {found[1]:.2f} MPa, permeability {_SI * float(test.reference_permeability):.2f}e-15 m4/(N s)",
                judged(_within(names, found)), "permeability is an input",
            )
        )  # fmt: skip
    return entries


def nucleus_confined() -> list[Entry]:
    """Row 1."""
    return _confined(
        1, "nucleus", (2, 4),
        "swelling pressure 0.138 +- 0.029 and 0.037 +- 0.038 MPa, modulus 1.01 +- 0.43 and 0.44 +- 0.19 MPa,"
        " permeability 0.9 and 1.4e-15 m4/(N s) [V]",
    )  # fmt: skip


def annulus_confined() -> list[Entry]:
    """Row 2."""
    return _confined(
        2, "annulus", (1, 4),
        "offset 0.13 +- 0.06 and 0.05 +- 0.05 MPa, modulus 0.56 +- 0.21 and 1.10 +- 0.53 MPa, permeability 0.20e-15 m4/(N s) [V]",
    )  # fmt: skip


def annulus_in_tension() -> list[Entry]:
    """Row 3: drained, nominal, tangent at 10 % (rulings 45)."""
    found = []
    for depth, direction in ((1.0, "circumferential"), (0.0, "circumferential"), (0.5, "axial")):
        specimen = _tissue("annulus", 1, depth=depth, forward=1.0)
        found.append(float(annulus_tension(specimen, (0.1,), direction).modulus[0]))
    names = [
        f"annulus_tensile_modulus.{place}" for place in ("circumferential_outer", "circumferential_inner", "axial")
    ]
    return [
        Entry(
            "3", "annulus in tension: outer, inner, axial", "T", "17.4 +- 14.3, 5.6 +- 4.7, 0.8 +- 0.9 MPa [V]",
            "each within one standard deviation", ", ".join(f"{value:.2f}" for value in found) + " MPa",
            judged(_within(names, found)), "tangent at 10 % from the swollen length; the inner modulus is on the low side",
        )
    ]  # fmt: skip


def nucleus_unconfined() -> list[Entry]:
    """Row 4."""
    modulus = 1e3 * float(unconfined_compression(_tissue("nucleus", 1), (0.0,)).modulus[0])
    return [
        Entry(
            "4", "nucleus in unconfined compression, linear region", "T", "5.39 +- 2.56 kPa [V]", "within a factor of 2",
            f"{modulus:.1f} kPa", judged(5.39 / 2.0 <= modulus <= 2.0 * 5.39),
            "drained; a shear modulus that meets it is ten times lower than that of the shipped tissue, which was not tuned to it",
        )
    ]  # fmt: skip


TISSUE_STUDIES = (nucleus_confined, annulus_confined, annulus_in_tension, nucleus_unconfined)
