"""Signals and matrix of a stored state as numbers of regions and as fields, under the names and units that people see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells._arrays import Scalar
from pulposus.matrix import MatrixState, SignalState, matrix_outcomes
from pulposus.matrix._composition import t2_relaxation
from pulposus.simulation._biology import Biology
from pulposus.simulation._model import DiscModel

# Fields by name: unit, in the notation of UDUNITS, and label.
FIELDS: Mapping[str, tuple[str, str]] = {
    "cytokine": ("1", "catabolic cytokine; 1 is typical of grade IV"),
    "paracrine": ("1", "paracrine factor of donor cells; 1 is that of a million attached cells per mL"),
    "growth_factor": ("ng mL-1", "exogenous growth factor"),
    "enzyme": ("1", "activity of matrix-degrading enzymes; 1 is typical of grade IV"),
    "aggrecan": ("mg mL-1", "glycosaminoglycan on large aggrecan"),
    "fragments": ("mg mL-1", "glycosaminoglycan on retained fragments"),
    "collagen_II": ("mg mL-1", "collagen II"),
    "collagen_I": ("mg mL-1", "collagen I"),
    "annulus_order": ("1", "structural order of the annulus; 1 is intact"),
    "fissure": ("1", "fissure fraction"),
    "water_fraction": ("1", "water fraction of composition"),
    # One milliequivalent of a single charge is one millimole; UDUNITS knows no equivalents and no osmoles.
    "fixed_charge_density": ("mmol mL-1", "fixed charge density per water"),
    "osmolarity": ("mmol L-1", "osmolarity"),
}
# Column names of the regional means.
_COLUMNS = {
    "glycosaminoglycan": "glycosaminoglycan_mg_per_mL",
    "aggrecan": "aggrecan_mg_per_mL",
    "fragments": "fragments_mg_per_mL",
    "collagen_II": "collagen_II_mg_per_mL",
    "collagen_I": "collagen_I_mg_per_mL",
    "water_fraction": "water_fraction",
    "fixed_charge_density": "fixed_charge_density_mEq_per_mL",
    "osmolarity": "osmolarity_mOsm",
    "cytokine": "cytokine",
    "enzyme": "enzyme",
    "paracrine": "paracrine",
    "growth_factor": "growth_factor_ng_per_mL",
    "annulus_order": "annulus_order",
    "fissure": "fissure",
}
# What has a meaning in the annulus only.
_OF_ANNULUS = ("annulus_order", "fissure")

Nodal = Float[Array, "columns levels"]


class MatrixSummary(eqx.Module):
    """Numbers of one state.

    Attributes:
        nucleus, annulus, disc: Volume-weighted means of every field.
        relative_stiffness, relative_strength: Over those of the healthy disc (fallback laws).
        T2: Mean transverse relaxation time of the nucleus [ms].
    """

    nucleus: dict[str, Scalar]
    annulus: dict[str, Scalar]
    disc: dict[str, Scalar]
    relative_stiffness: Scalar
    relative_strength: Scalar
    T2: Scalar


@eqx.filter_jit
def fields_of(biology: Biology, signals: SignalState, matrix: MatrixState) -> dict[str, Nodal]:
    """All fields of a state by name; osmolarity by the law that the cells feel."""
    water = biology.composition_water(matrix)
    nothing = jnp.zeros_like(water)
    felt = biology.environment(nothing, nothing, nothing, jnp.ones(()), signals, matrix)
    return {
        "cytokine": signals.cytokine,
        "paracrine": signals.paracrine,
        "growth_factor": signals.growth_factor,
        "enzyme": signals.enzyme,
        "aggrecan": matrix.aggrecan,
        "fragments": matrix.fragments,
        "collagen_II": matrix.collagen_II,
        "collagen_I": matrix.collagen_I,
        "annulus_order": matrix.annulus_order,
        "fissure": matrix.fissure,
        "water_fraction": water,
        "fixed_charge_density": biology.charge(matrix),
        "osmolarity": felt.osmolarity,
    }


@eqx.filter_jit
def summarise_matrix(model: DiscModel, signals: SignalState, matrix: MatrixState) -> MatrixSummary | None:
    """Numbers of a state; None without a biology."""
    biology = model.biology
    if biology is None:
        return None
    outcomes = matrix_outcomes(matrix, biology.setting, biology.laws)
    fields = fields_of(biology, signals, matrix)
    T2 = t2_relaxation(fields["water_fraction"], biology.setting.shares.annulus, biology.laws.t2)
    fields["glycosaminoglycan"] = matrix.glycosaminoglycan
    whole = model.volume / jnp.sum(model.volume)
    setting = biology.setting
    return MatrixSummary(
        nucleus={name: setting.nucleus_mean(field) for name, field in fields.items()},
        annulus={name: setting.annulus_mean(field) for name, field in fields.items()},
        disc={name: jnp.sum(whole * field) for name, field in fields.items()},
        relative_stiffness=outcomes.relative_modulus,
        relative_strength=outcomes.relative_strength,
        T2=setting.nucleus_mean(T2),
    )


def matrix_row(time: float, summary: MatrixSummary, has_annulus: bool) -> dict[str, Any]:
    """A summary as plain data.

    Args:
        time: Time [day].
        summary: The numbers.
        has_annulus: Whether the mesh has an annulus; without one its means are left out.
    """
    means = {"nucleus": summary.nucleus, "disc": summary.disc} | ({"annulus": summary.annulus} if has_annulus else {})
    row: dict[str, Any] = {"time_day": time}
    for region, values in means.items():
        row[region] = {
            column: float(np.asarray(values[name]))
            for name, column in _COLUMNS.items()
            if region == "annulus" or name not in _OF_ANNULUS
        }
    row["disc"] |= {
        "relative_stiffness": float(np.asarray(summary.relative_stiffness)),
        "relative_strength": float(np.asarray(summary.relative_strength)),
        "T2_ms": float(np.asarray(summary.T2)),
    }
    return row
