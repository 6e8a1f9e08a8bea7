"""The record of a finished run: everything that the run directory and the report are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pulposus.report._geometry import Region, Surface, disc_regions, disc_surfaces, reduced_regions

if TYPE_CHECKING:
    import xarray

    from pulposus.disc import Disc


@dataclass(frozen=True, eq=False)
class RunRecord:
    """One simulated disc with its protocol, beside the same disc with the same procedure without cells, and beside the disc left alone.

    Attributes:
        protocol: The resolved protocol as plain data (`therapy.Protocol.resolved()`).
        disc: The disc.
        trajectory: Fields with the dimensions time, column, level: `oxygen` [kPa], `glucose`, `lactate` [mM], `pH`, `native`,
            `senescent`, `free`, `attached`, `differentiated`, `dead` [10^6/mL]; coordinate `time` [day]. A run at level 1 (slab) or 0
            (well mixed) has one column and carries, with the dimensions column and level, `z` [mm], `volume` and `nucleus_volume` [mm3].
            A run with a matrix also has `cytokine`, `paracrine`, `enzyme` [1], `growth_factor` [ng/mL], `aggrecan`, `fragments`,
            `collagen_II`, `collagen_I` [mg/mL], `annulus_order`, `fissure`, `water_fraction` [1], `fixed_charge_density` [mEq/mL of
            water] and `osmolarity` [mOsm].
        sham: The same fields and times after the same procedure without donor cells ("without cells").
        cells: Rows `time_day, injected, born, leaked, dead, free, attached, differentiated, alive, native_alive_fraction` [cells].
        ensemble: `time_day`, `quantiles` (quantity -> `p05`, `p50`, `p95`), `members`, `level`, `drivers` (rows `key, value, low, high,
            unit, status, rank_correlation`); None when no ensemble was run.
        nutrition: Rows `time_day` and `oxygen_kPa`, `glucose_mM`, `lactate_mM`, `pH`, each with `min, max, mean, nucleus_mean, centre`.
        ledger_error: Largest violation of the cell ledger over the injected number [-].
        warnings: Sentences for people.
        parameters: Rows `key, value, low, high, unit, source, status` of the parameters that the run used.
        manifest: `version`, `commit`, `seed`, `machine`, `seconds`, `command`, and what else identifies the run.
        dose_steps: Cells left after each step before the disc: `nominal`, `released_viable`, `injected`; empty when not known.
        numerics: Further numbers about the solution (tolerances, iterations, balances): label -> value.
        native_course: The same fields and times of the disc left alone, without a needle; None when it was not run.
        matrix: Rows over time `time_day`, `run` (`with_cells`, `sham` or `native_course`) and, for `nucleus`, `annulus` and `disc`, the
            means of the region under names that end with their unit (`_matrix_rows`); a part that is not known is absent or None.
        safety: Rows `signal, value, unit, threshold, flagged, status, source, note`.
        history: Rows like `matrix` of the time before the treatment, which have negative days.
        insults: Rows `time_day, kind, what`, `left` (`glycosaminoglycan_mg, collagen_mg, native_cells, volume_mm3`) and `where`.
        native_start: Native cells before anything was done to the disc [cells]; those at the first stored time if None.
        matrix_ledger_error: Largest violation of the matrix ledger over what the disc held [-]; None without a matrix.
    """

    protocol: Mapping[str, Any]
    disc: Disc
    trajectory: xarray.Dataset
    sham: xarray.Dataset
    cells: Sequence[Mapping[str, float]]
    ensemble: Mapping[str, Any] | None
    nutrition: Sequence[Mapping[str, Any]]
    ledger_error: float
    warnings: Sequence[str]
    parameters: Sequence[Mapping[str, Any]]
    manifest: Mapping[str, Any]
    dose_steps: Mapping[str, float] = field(default_factory=dict)
    numerics: Mapping[str, Any] = field(default_factory=dict)
    native_course: xarray.Dataset | None = None
    matrix: Sequence[Mapping[str, Any]] = ()
    safety: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    insults: Sequence[Mapping[str, Any]] = ()
    native_start: float | None = None
    matrix_ledger_error: float | None = None

    @property
    def is_spatial(self) -> bool:
        """Whether the run solved the disc in three dimensions (level 2)."""
        return "volume" not in self.trajectory

    @cached_property
    def regions(self) -> tuple[Region, Region]:
        """The whole disc and the nucleus."""
        return disc_regions(self.disc) if self.is_spatial else reduced_regions(self.trajectory)

    @cached_property
    def surfaces(self) -> tuple[Surface, ...]:
        """Views of the disc; only of a run in three dimensions."""
        return disc_surfaces(self.disc)
