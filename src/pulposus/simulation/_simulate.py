"""One disc, one protocol, through time: the main entry of the program."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from pulposus import _backend  # noqa: F401
from pulposus.cells import CellParameters
from pulposus.disc import Disc, central_column, load_disc
from pulposus.errors import InvalidInput, SolverFailed
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.nutrition._newton import STATUS_TEXT
from pulposus.parameters import Parameter, ParameterSet, load_parameters
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._choices import disc_of, level_of
from pulposus.simulation._model import DiscModel, axial_geometry, axial_model, spatial_model
from pulposus.simulation._state import SimulationState, start_state
from pulposus.simulation._step import StepControl, advance_adaptively
from pulposus.simulation._trajectory import Trajectory, on_host
from pulposus.therapy import Protocol, Treatment, load_protocol, place, place_on_axis, resolve_treatment

# Days at which a run stores its state, besides the end and the visits of the protocol.
STORED_DAYS = (
    0.25,
    0.5,
    1.0,
    2.0,
    3.0,
    5.0,
    7.0,
    10.0,
    14.0,
    21.0,
    28.0,
    42.0,
    60.0,
    90.0,
    120.0,
    150.0,
    182.625,
    243.5,
    304.375,
    365.25,
)
_YEAR = 365.25


class Progress(NamedTuple):
    """How far a run is.

    Attributes:
        run: "with_cells", "without_cells" or "ensemble".
        time: Time reached [day].
        end: Time to reach [day].
        steps: Steps taken so far.
    """

    run: str
    time: float
    end: float
    steps: int


class RecordingParameters(ParameterSet):
    """A parameter set that remembers which constants were asked for, for the report."""

    def __init__(self, parameters: ParameterSet) -> None:
        super().__init__(parameters[key] for key in parameters)
        self._asked: set[str] = set()

    def __getitem__(self, key: str) -> Parameter:
        record = super().__getitem__(key)
        self._asked.add(record.key)
        return record

    def under(self, prefix: str) -> dict[str, Parameter]:
        """Records below a table, all of them asked for; the tables of the geometry are only searched for the names of discs."""
        records = super().under(prefix)
        if not prefix.startswith("geometry."):
            self._asked.update(record.key for record in records.values())
        return records

    def used(self) -> list[Parameter]:
        """The constants that were asked for, by key."""
        return [super(RecordingParameters, self).__getitem__(key) for key in sorted(self._asked)]


@dataclass(frozen=True, eq=False)
class SimulationResult:
    """What `simulate` returns.

    Attributes:
        protocol: The protocol.
        disc: The disc.
        treatment: Its numbers in this disc.
        with_cells: The treated disc.
        without_cells: The same disc without cells and needle.
        parameters: The constants that were used.
    """

    protocol: Protocol
    disc: Disc
    treatment: Treatment
    with_cells: Trajectory
    without_cells: Trajectory
    parameters: list[Parameter]


def stored_times(end: float, visits: Iterable[float] = ()) -> list[float]:
    """Times at which a run stores its state [day]: dense at first, then every half year; 0, 1 and 28 days and the end are always in.

    Raises:
        InvalidInput: The end is not after the start.
    """
    if not 0.0 < end < math.inf:
        raise InvalidInput(f"a follow-up of {end:g} days cannot be run", where="until", allowed="days, more than 0")
    later = [_YEAR * half / 2.0 for half in range(3, 2 + int(2.0 * end / _YEAR) + 1)]
    wanted = {0.0, end, *STORED_DAYS, *later, *visits}
    times = sorted(time for time in wanted if time <= end)
    always = {0.0, 1.0, 28.0, end}
    # Two times closer than a minute are one.
    return [time for number, time in enumerate(times) if time in always or time - times[number - 1] > 1.0 / 1440.0]


def build_model(
    disc: Disc, treatment: Treatment | None, parameters: ParameterSet, level: str, like: Treatment
) -> tuple[DiscModel, np.ndarray]:
    """The model of a disc and the coordinates of its nodes.

    Args:
        disc: The disc.
        treatment: The treatment; None for the untreated disc.
        parameters: Constants.
        level: "disc" (3D) or "slab".
        like: A treatment whose product stands in where none is given, so that both discs share compiled code.
    """
    constants = Kinetics.from_parameters(parameters)
    cell_parameters = CellParameters.from_parameters(
        parameters, notochordal=disc.description.notochordal, switches=like.switches
    )
    # A disc may set its own threshold; it holds for the native cells of that disc.
    cell_parameters = eqx.tree_at(
        lambda one: one.native.glucose.threshold, cell_parameters, disc.condition.glucose_threshold
    )
    injected, at_once = (treatment.injected_cells, treatment.leaked_cells) if treatment else (0.0, 0.0)
    amounts = (jnp.asarray(injected), jnp.asarray(at_once), jnp.asarray(like.load_index))
    if level == "disc":
        shape = (disc.topology.columns, disc.topology.levels)
        free, weight = np.zeros(shape), np.zeros(shape)
        if treatment is not None:
            placement = place(treatment, disc)
            free, weight = placement.free, placement.leak_weight
        model = spatial_model(
            disc, constants, like.product, cell_parameters, jnp.asarray(free), jnp.asarray(weight), *amounts
        )
        return model, np.asarray(disc.coordinates)
    bar = axial_geometry(disc)
    free = np.zeros((1, len(bar.heights)))
    if treatment is not None:
        free = place_on_axis(treatment, central_column(disc), np.asarray(bar.volumes().total[0])).free
    model = axial_model(disc, constants, like.product, cell_parameters, jnp.asarray(free), *amounts)
    heights = np.asarray(bar.heights)
    return model, np.stack([np.zeros_like(heights), np.zeros_like(heights), heights], axis=-1)[None]


_start = eqx.filter_jit(start_state)
_advance = eqx.filter_jit(advance_adaptively)


def run_model(
    model: DiscModel,
    coordinates: np.ndarray,
    times: list[float],
    *,
    name: str,
    control: StepControl,
    options: SolverOptions,
    checkpoints: Checkpoints | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Trajectory:
    """Run one model through the stored times.

    Args:
        model: The disc.
        coordinates: Its nodes [mm].
        times: Stored times, the first 0 [day].
        name: Name of the run, for messages and checkpoints.
        control, options: Steps and accuracy.
        checkpoints: Where states are kept; a run goes on from the last one it finds there.
        progress: Called after every stored time.

    Raises:
        SolverFailed: The solutes could not be solved; states up to the last stored time are in the checkpoints.
    """
    start = on_host(_checked(_start(model, control.first, options), name))
    states = checkpoints.load(start, times) if checkpoints else []
    if not states:
        states = [start]
        if checkpoints:
            checkpoints.save(0, start)
    for number in range(len(states), len(times)):
        state = on_host(
            _checked(_advance(model, states[-1], jnp.asarray(times[number]), control, options), name, times[number])
        )
        states.append(state)
        if checkpoints:
            checkpoints.save(number, state)
        if progress:
            progress(Progress(name, float(state.time), times[-1], int(state.steps)))
    return Trajectory(model, states, coordinates)


def _checked(state: SimulationState, name: str, wanted: float = 0.0) -> SimulationState:
    status, time = int(state.status), float(state.time)
    if status != 0 or time < wanted:
        reason = STATUS_TEXT[status] if status else "too many steps"
        raise SolverFailed(
            f"the run {name} stopped at day {time:.4g} of {wanted:.4g}: {reason}",
            where=f"step {int(state.steps)}",
            remedy="the stored states are kept; lower the dose, use a finer mesh (numerics.resolution), or report the protocol",
        )
    return state


def simulate(
    protocol: Protocol | str | Path,
    disc: Disc | str | Path | None = None,
    parameters: ParameterSet | None = None,
    *,
    until: float | None = None,
    control: StepControl | None = None,
    options: SolverOptions | None = None,
    checkpoints: Path | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> SimulationResult:
    """Simulate a protocol in a disc, and the same disc without cells.

    Args:
        protocol: A protocol, the name of a built-in one, or a file.
        disc: A disc, a built-in name or a file; that of the protocol if None (a file is looked for beside that of the protocol).
        parameters: Model constants; the shipped ones if None.
        until: Length of the follow-up [day]; that of the protocol if None.
        control: How steps are chosen.
        options: Accuracy of the nutrition solve.
        checkpoints: Folder for states; a run that finds some there goes on from them.
        progress: Called after every stored time.

    Returns:
        Both trajectories with everything that led to them.

    Raises:
        InvalidInput: Protocol or disc cannot be used, or do not fit each other.
        SolverFailed: The solutes could not be solved.

    Example:
        >>> result = simulate("orozco-2011", until=28.0)  # doctest: +SKIP
        >>> result.with_cells.cell_rows()[-1]["alive"]  # doctest: +SKIP
    """
    chosen = load_protocol(protocol) if isinstance(protocol, str | Path) else protocol
    if disc is None:
        disc = disc_of(chosen, protocol) if isinstance(protocol, str | Path) else chosen.disc.name
    constants = RecordingParameters(load_parameters() if parameters is None else parameters)
    level = level_of(chosen)
    times = stored_times(chosen.follow_up.duration if until is None else until, chosen.follow_up.visits)
    chosen_disc = disc if isinstance(disc, Disc) else load_disc(disc, chosen.numerics.resolution, constants)
    treatment = resolve_treatment(chosen, chosen_disc, constants)
    run = partial(
        run_model,
        times=times,
        control=control or StepControl(),
        options=options or SolverOptions(tolerance=1e-6),
        progress=progress,
    )
    trajectories = {}
    for name, given in (("with_cells", treatment), ("without_cells", None)):
        model, coordinates = build_model(chosen_disc, given, constants, level, treatment)
        kept = Checkpoints(checkpoints, name) if checkpoints else None
        trajectories[name] = run(model, coordinates, name=name, checkpoints=kept)
    return SimulationResult(
        protocol=chosen, disc=chosen_disc, treatment=treatment, parameters=constants.used(), **trajectories
    )
