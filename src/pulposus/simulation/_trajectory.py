"""A disc through time: the stored states of a run, as numbers of cells, nutrition summaries and an xarray dataset with units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.nutrition import acidity
from pulposus.nutrition._problem import GLUCOSE, LACTATE, OXYGEN
from pulposus.nutrition._summary import FieldSummary, field_document, summarise_field
from pulposus.simulation._ledger import CellTotals
from pulposus.simulation._matrix_summary import FIELDS, MatrixSummary, fields_of, matrix_row, summarise_matrix
from pulposus.simulation._model import DiscModel
from pulposus.simulation._state import SimulationState

if TYPE_CHECKING:
    import xarray

    from pulposus.simulation._mechanics_reading import MechanicsReading

CELLS_PER_MILLION = 1e6
_UNITS = {
    "oxygen": ("kPa", "oxygen tension"),
    "glucose": ("mmol L-1", "glucose"),
    "lactate": ("mmol L-1", "lactate"),
    "pH": ("1", "pH"),
}
_POPULATIONS = {
    "native": "native cells, not senescent",
    "senescent": "senescent native cells",
    "free": "free donor cells",
    "attached": "attached donor cells",
    "differentiated": "differentiated donor cells",
    "dead": "dead cells of every origin, not yet cleared",
}
DISPLACEMENT = ("displacement_right", "displacement_anterior", "displacement_cranial")
# Fields of a run with mechanics: unit, in the notation of UDUNITS, and label.
SHAPE_FIELDS = {
    "displacement_right": ("mm", "displacement since the image, to the right, lying at rest"),
    "displacement_anterior": ("mm", "displacement since the image, anterior, lying at rest"),
    "displacement_cranial": ("mm", "displacement since the image, cranial, lying at rest"),
    "fibre_stretch": ("1", "stretch along the fibres of the annulus, lying at rest; 1 outside it"),
    "volume_ratio": ("1", "volume that cells and matrix live in, over that of the image"),
}


class Snapshot(eqx.Module):
    """Numbers that describe one stored state."""

    totals: CellTotals
    oxygen: FieldSummary
    glucose: FieldSummary
    lactate: FieldSummary
    pH: FieldSummary
    matrix: MatrixSummary | None
    matrix_imbalance: Float[Array, ""] | None


@eqx.filter_jit
def snapshot(model: DiscModel, state: SimulationState) -> Snapshot:
    """Numbers of cells, summaries of solutes and matrix, and the balance of the matrix, of a state."""
    pH = acidity(model.problem.kinetics, state.solutes[LACTATE])
    return Snapshot(
        totals=state.totals(model),
        oxygen=summarise_field(model.mesh, model.where, state.solutes[OXYGEN]),
        glucose=summarise_field(model.mesh, model.where, state.solutes[GLUCOSE]),
        lactate=summarise_field(model.mesh, model.where, state.solutes[LACTATE]),
        pH=summarise_field(model.mesh, model.where, pH),
        matrix=None
        if state.signals is None or state.matrix is None
        else summarise_matrix(model, state.signals, state.matrix),
        matrix_imbalance=None
        if state.matrix_ledger is None or state.matrix is None
        else state.matrix_ledger.imbalance(model.volume, state.matrix),
    )


@dataclass(frozen=True, eq=False)
class Trajectory:
    """The stored states of one run of one disc.

    Attributes:
        model: The disc, the product and the constants.
        states: States at the stored times, the first right after the injection.
        coordinates: Nodes [mm], (columns, levels, 3).
        readings: Mechanics at every stored state; empty where none was computed.
    """

    model: DiscModel
    states: Sequence[SimulationState]
    coordinates: Float[np.ndarray, "columns levels 3"]
    readings: Sequence[MechanicsReading] = ()

    @property
    def models(self) -> Sequence[DiscModel]:
        """Constants at every stored state."""
        return [self.model] * len(self.states)

    @cached_property
    def times(self) -> Float[np.ndarray, "time"]:
        """Stored times [day]."""
        return np.array([float(state.time) for state in self.states])

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """Numbers that describe each stored state."""
        return [snapshot(model, state) for model, state in zip(self.models, self.states, strict=True)]

    @property
    def ledger_error(self) -> float:
        """Largest violation of injected + born = alive + leaked + dead, over the injected number (over a million without cells)."""
        injected = float(self.states[-1].ledger.injected)
        return max(abs(float(one.totals.imbalance)) for one in self.snapshots) / (injected if injected > 0.0 else 1.0)

    @property
    def matrix_ledger_error(self) -> float | None:
        """Largest violation of the account of the matrix over what the disc held; None without a matrix."""
        errors = [float(one.matrix_imbalance) for one in self.snapshots if one.matrix_imbalance is not None]
        return max(errors) if errors else None

    def matrix_rows(self) -> list[dict[str, Any]]:
        """Regional means of signals and matrix at the stored times; none of a run without them."""
        biology = self.model.biology
        has_annulus = biology is not None and float(biology.annulus_on_mesh) > 0.0
        return [
            matrix_row(float(time), one.matrix, has_annulus)
            for time, one in zip(self.times, self.snapshots, strict=True)
            if one.matrix is not None
        ]

    def cell_rows(self) -> list[dict[str, float]]:
        """Numbers of cells at the stored times; donor cells except for the native fraction."""
        rows = []
        for time, one in zip(self.times, self.snapshots, strict=True):
            totals = one.totals
            counted = {
                name: CELLS_PER_MILLION * float(getattr(totals, name))
                for name in ("injected", "born", "leaked", "dead", "free", "attached", "differentiated", "alive")
            }
            native = float(totals.native_alive_fraction)
            rows.append({"time_day": float(time), **counted, "native_alive_fraction": native})
        return rows

    def nutrition_rows(self) -> list[dict[str, Any]]:
        """Summaries of the solutes at the stored times."""
        return [
            {
                "time_day": float(time),
                "oxygen_kPa": field_document(one.oxygen),
                "glucose_mM": field_document(one.glucose),
                "lactate_mM": field_document(one.lactate),
                "pH": field_document(one.pH),
            }
            for time, one in zip(self.times, self.snapshots, strict=True)
        ]

    @cached_property
    def dataset(self) -> xarray.Dataset:
        """All stored fields with units; dimensions time, column, level."""
        import xarray

        def stacked(pick: Any) -> np.ndarray:
            return np.stack([np.asarray(pick(state)) for state in self.states])

        lactate = stacked(lambda state: state.solutes[LACTATE])
        fields = {
            "oxygen": stacked(lambda state: state.solutes[OXYGEN]),
            "glucose": stacked(lambda state: state.solutes[GLUCOSE]),
            "lactate": lactate,
            "pH": np.asarray(acidity(self.model.problem.kinetics, jnp.asarray(lactate))),
        }
        dimensions = ("time", "column", "level")
        variables: dict[str, Any] = {
            name: (dimensions, values, {"units": _UNITS[name][0], "long_name": _UNITS[name][1]})
            for name, values in fields.items()
        }
        for name, label in _POPULATIONS.items():
            values = stacked(lambda state, name=name: getattr(state.cells, name))
            variables[name] = (dimensions, values, {"units": "1e6 mL-1", "long_name": label})
        for name, values in (self._matrix_fields() | self._shape_fields()).items():
            unit, label = FIELDS[name] if name in FIELDS else SHAPE_FIELDS[name]
            variables[name] = (dimensions, values, {"units": unit, "long_name": label})
        if self.model.mesh.columns == 1:
            node = ("column", "level")
            variables["z"] = (node, self.coordinates[..., 2], {"units": "mm", "long_name": "height"})
            for name, volume in (("volume", self.model.volume), ("nucleus_volume", self.model.where.nucleus)):
                variables[name] = (node, np.asarray(volume), {"units": "mm3", "long_name": name.replace("_", " ")})
        return xarray.Dataset(
            variables, coords={"time": ("time", self.times, {"units": "day", "long_name": "time since the treatment"})}
        )

    def _matrix_fields(self) -> dict[str, np.ndarray]:
        """Fields of signals and matrix over time by name; none of a run without them."""
        found = []
        for model, state in zip(self.models, self.states, strict=True):
            if model.biology is not None and state.signals is not None and state.matrix is not None:
                # A stored state lies in the memory of the host.
                found.append(fields_of(model.biology, *jax.tree.map(jnp.asarray, (state.signals, state.matrix))))
        return {name: np.stack([np.asarray(fields[name]) for fields in found]) for name in FIELDS if found}

    def _shape_fields(self) -> dict[str, np.ndarray]:
        """Displacement since the image and stretch of the fibres over time by name; none without mechanics."""
        if not self.readings:
            return {}
        moved = np.stack([one.displacement for one in self.readings])
        fields = {name: moved[..., axis] for axis, name in enumerate(DISPLACEMENT)}
        return fields | {"fibre_stretch": np.stack([one.fibre_stretch for one in self.readings])}
