"""Uncertainty: an ensemble of runs over the priors, on the axial slab, and the priors that drive the spread.

Every member draws its own constants (`ParameterSet.sample`, one stream per constant), its own dose and volume where the protocol gives a
range, and its own disc. All members run at once as one batch. The slab knows the axis of the nucleus only: no shape of the bolus, no
needle track, no annulus; the result is labelled so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc import load_disc
from pulposus.errors import InvalidInput, PartialFailure
from pulposus.nutrition import SolverOptions
from pulposus.parameters import GRADES, Parameter, ParameterSet, load_parameters
from pulposus.simulation._model import DiscModel
from pulposus.simulation._simulate import Progress, build_model, stored_times
from pulposus.simulation._state import SimulationState, start_state
from pulposus.simulation._step import StepControl, advance_adaptively
from pulposus.simulation._trajectory import CELLS_PER_MILLION, snapshot
from pulposus.therapy import Protocol, Treatment, resolve_treatment

LEVEL = "axial slab (level 1)"

# The ten uncertainties of cells_matrix 2.9 (w0, k_leak, k_an, r0, tau_m, Kg, y_mD, Kp, kT, aE) ...
_TEN = (
    "cells.leak.weight_intact",
    "cells.carrier.{carrier}.leak_rate",
    "cells.carrier.{carrier}.anoikis_rate",
    "cells.donor.growth_rate",
    "cells.donor.mitogen_window",
    "cells.native.glucose_half",
    "matrix.differentiated_synthesis_weight",
    "matrix.paracrine_inhibition",
    "matrix.aggrecan_turnover.human_nucleus",
    "matrix.enzyme_gain",
)
# ... and what else this version's result depends on most.
_MORE = (
    "cells.carrier.{carrier}.attachment_rate",
    "cells.injection.track_conductance_ratio",
    "cells.release.viability",
    "cells.donor.basal_death",
    "cells.donor.differentiation_rate",
    "cells.donor.glucose_half",
    "cells.donor.acid_width",
    "cells.native.acid_width",
    "nutrition.donor_weight.undifferentiated.oxygen",
    "nutrition.donor_weight.undifferentiated.lactate",
    "nutrition.glucose_limiter",
    "grades.endplate_supply.{preset}.{grade}",
    "grades.metabolic_multiplier.{preset}.{grade}",
    "grades.metabolically_active_fraction.{grade}",
    "grades.cell_density.nucleus.{grade}",
)
# Quantities of the ensemble: cells, then summaries of the solutes.
_CELLS = ("alive", "free", "attached", "differentiated", "leaked", "dead", "born")


@dataclass(frozen=True)
class Driver:
    """One uncertain number of the ensemble.

    Attributes:
        key: Constant, or the field of the protocol.
        value, low, high: Central value and range.
        unit, status: Of the number.
        draws: Its value in every member.
    """

    key: str
    value: float
    low: float
    high: float
    unit: str
    status: str
    draws: np.ndarray


def _constant_keys(protocol: Protocol, parameters: ParameterSet, grade: int, preset: str) -> list[str]:
    names = {"carrier": protocol.dose.carrier, "grade": GRADES[grade - 1], "preset": preset}
    keys = [template.format(**names) for template in (*_TEN, *_MORE)]
    return [key for key in keys if key in parameters and _has_range(parameters[key])]


def _has_range(record: Parameter) -> bool:
    return record.low is not None and record.high is not None and record.low < record.high


def _protocol_ranges(protocol: Protocol) -> dict[str, tuple[float, tuple[float, float], str]]:
    """Dose and volume with the range that the study leaves open: field -> value, range, unit."""
    dose, ranges = protocol.dose, {}
    if dose.cells_range is not None and dose.cells > 0.0:
        ranges["dose.cells"] = (dose.cells, dose.cells_range, "million cell")
    if dose.volume_range is not None and dose.volume > 0.0:
        ranges["dose.volume"] = (dose.volume, dose.volume_range, "mL")
    return ranges


def draw(protocol: Protocol, parameters: ParameterSet, grade: int, preset: str, members: int) -> list[Driver]:
    """The uncertain numbers of a study and their draws.

    Args:
        protocol: The study; its seed and the names of the numbers decide the draws.
        parameters: Central constants.
        grade, preset: Of the disc.
        members: Number of draws.
    """
    keys = _constant_keys(protocol, parameters, grade, preset)
    samples = parameters.sample(keys, protocol.seed, members)
    drivers = []
    for key in keys:
        record = parameters[key]
        assert record.low is not None and record.high is not None
        drivers.append(Driver(key, record.value, record.low, record.high, record.unit, record.status, samples[key]))
    for name, (value, (low, high), unit) in _protocol_ranges(protocol).items():
        prior = Parameter(name, 0.5, 0.0, 1.0, "1", "triangular", "protocol", "prior", "")
        uniform = _even(prior, protocol.seed, members)
        # A dose is known to an order of magnitude at best, so it is drawn evenly in its logarithm; a range from zero has none.
        draws = low * (high / low) ** uniform if low > 0.0 else high * uniform
        drivers.append(Driver(f"protocol.{name}", value, low, high, unit, "prior", draws))
    return drivers


def _even(prior: Parameter, seed: int, members: int) -> np.ndarray:
    """Even draws on (0, 1) from the stream that belongs to the name of the number."""
    triangular = ParameterSet([prior]).sample([prior.key], seed, members)[prior.key]
    # The distribution function of the triangle makes its draws even.
    return np.where(triangular < 0.5, 2.0 * triangular**2, 1.0 - 2.0 * (1.0 - triangular) ** 2)


def _member(
    protocol: Protocol, disc_name: str, parameters: ParameterSet, drivers: list[Driver], number: int
) -> tuple[DiscModel, Treatment]:
    """Model of one member.

    Raises:
        InvalidInput: This draw cannot be injected (too much pressure or volume).
    """
    constants = parameters.replace(
        {one.key: float(one.draws[number]) for one in drivers if not one.key.startswith("protocol.")}
    )
    given = {
        one.key.removeprefix("protocol.dose."): float(one.draws[number])
        for one in drivers
        if one.key.startswith("protocol.")
    }
    varied = protocol.model_copy(update={"dose": protocol.dose.model_copy(update=given)})
    disc = load_disc(disc_name, "coarse", constants)
    treatment = resolve_treatment(varied, disc, constants)
    model, _ = build_model(disc, treatment, constants, "slab", treatment)
    return model, treatment


def _stack(models: list[DiscModel]) -> DiscModel:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)


@eqx.filter_jit
def _start_all(models: DiscModel, control: StepControl, options: SolverOptions) -> SimulationState:
    return jax.vmap(lambda model: start_state(model, control.first, options))(models)


@eqx.filter_jit
def _advance_all(
    models: DiscModel, states: SimulationState, end: jax.Array, control: StepControl, options: SolverOptions
) -> SimulationState:
    return jax.vmap(lambda model, state: advance_adaptively(model, state, end, control, options))(models, states)


def _quantities(model: DiscModel, state: SimulationState) -> dict[str, Float[Array, ""]]:
    """The numbers of one member whose spread is shown."""
    one = snapshot(model, state)
    cells = {name: CELLS_PER_MILLION * getattr(one.totals, name) for name in _CELLS}
    return cells | {
        "native_alive_fraction": one.totals.native_alive_fraction,
        "oxygen_nucleus_mean": one.oxygen.nucleus_mean,
        "glucose_nucleus_mean": one.glucose.nucleus_mean,
        "pH_nucleus_mean": one.pH.nucleus_mean,
    }


_quantities_all = eqx.filter_jit(jax.vmap(_quantities))


def _row(models: DiscModel, states: SimulationState) -> dict[str, np.ndarray]:
    """The quantities of all members, `(members,)` each."""
    return {name: np.asarray(values) for name, values in _quantities_all(models, states).items()}


def _rank_correlation(draws: np.ndarray, results: np.ndarray) -> float:
    """Spearman's correlation; 0 where the result or the draw does not vary."""
    import scipy.stats

    if np.ptp(results) == 0.0 or np.ptp(draws) == 0.0:
        return 0.0
    ranks = (scipy.stats.rankdata(values) for values in (draws, results))
    return float(np.corrcoef(*ranks)[0, 1])


def run_ensemble(
    protocol: Protocol,
    members: int,
    *,
    disc: str | None = None,
    parameters: ParameterSet | None = None,
    until: float | None = None,
    control: StepControl | None = None,
    options: SolverOptions | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Run an ensemble of a protocol on the axial slab.

    Args:
        protocol: The study.
        members: Number of members.
        disc: Built-in name or file; the protocol's disc if None.
        parameters: Central constants.
        until: Length of the follow-up [day]; that of the protocol if None.
        control, options: Steps and accuracy.
        progress: Called after every stored time.

    Returns:
        `time_day`, `quantiles` (quantity -> p05, p50, p95 over time), the numbers `members` that finished and `failed` that did not, the
        reasons of the `refused` ones, `level`, and `drivers`, each with its rank correlation with the living donor cells at the end.

    Raises:
        InvalidInput: Protocol or disc cannot be used, or there is no member.
        PartialFailure: No member could be run.
    """
    if members < 1:
        raise InvalidInput(f"an ensemble of {members} members cannot be run", where="members", allowed="1 or more")
    times = stored_times(protocol.follow_up.duration if until is None else until, protocol.follow_up.visits)
    constants = load_parameters() if parameters is None else parameters
    control = control or StepControl()
    options = options or SolverOptions(tolerance=1e-6)
    name = disc or protocol.disc.name
    described = load_disc(name, "coarse", constants).description
    drivers = draw(protocol, constants, described.grade, described.grade_preset, members)
    models, kept, refused = [], [], []
    for number in range(members):
        try:
            models.append(_member(protocol, name, constants, drivers, number)[0])
            kept.append(number)
        except InvalidInput as error:
            refused.append(error.what)
    if not models:
        raise PartialFailure(
            f"none of the {members} members can be injected: {refused[0]}",
            where=f"ensemble of {protocol.name}",
            remedy="lower dose or volume",
        )
    stacked = _stack(models)
    states = _start_all(stacked, control, options)
    rows = [_row(stacked, states)]
    for time in times[1:]:
        states = _advance_all(stacked, states, jnp.asarray(time), control, options)
        rows.append(_row(stacked, states))
        if progress:
            progress(Progress("ensemble", time, times[-1], int(np.max(np.asarray(states.steps)))))
    good = (np.asarray(states.status) == 0) & (np.asarray(states.time) >= times[-1])
    if not good.any():
        raise PartialFailure(
            "no member of the ensemble reached the end",
            where=f"ensemble of {protocol.name}",
            remedy="report the protocol",
        )
    chosen = np.asarray(kept)[good]
    quantiles = {
        quantity: {
            label: [float(np.quantile(row[quantity][good], share)) for row in rows]
            for label, share in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95))
        }
        for quantity in rows[0]
    }
    final = rows[-1]["alive"][good]
    return {
        "time_day": times,
        "quantiles": quantiles,
        "members": int(good.sum()),
        "refused": refused,
        "failed": int((~good).sum()),
        "level": LEVEL,
        "drivers": _driver_rows(drivers, chosen, final),
    }


def _driver_rows(drivers: list[Driver], chosen: np.ndarray, final: np.ndarray) -> list[Mapping[str, Any]]:
    rows = [
        {
            "key": one.key,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "unit": one.unit,
            "status": one.status,
            "rank_correlation": _rank_correlation(one.draws[chosen], final),
        }
        for one in drivers
    ]
    return sorted(rows, key=lambda row: -abs(row["rank_correlation"]))
