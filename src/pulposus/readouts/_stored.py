"""A moment of a finished run, read from its folder: the disc, its fields at the nearest stored time, and what the run was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.errors import InvalidInput
from pulposus.readouts._disc_view import CELLS, COMPOSITION, DISPLACEMENT, DiscView, disc_view

if TYPE_CHECKING:
    import xarray

    from pulposus.parameters import ParameterSet

ARMS = ("with_cells", "without_cells", "native_course")
_FIELDS, _OPTIONS = "fields.nc", "options.json"
# The times of a run are days; asking for its end in months or years must not miss it by rounding.
_LATE = 1e-6


@dataclass(frozen=True, eq=False)
class StoredMoment:
    """One moment of one arm of a run.

    Attributes:
        disc: The disc as it is then.
        parameters: The constants of the run.
        time: Stored time [day].
        asked: Time that was asked for [day].
        arm: `with_cells`, `without_cells` or `native_course`.
        title: What the run is.
    """

    disc: DiscView
    parameters: ParameterSet
    time: float
    asked: float
    arm: str
    title: str


def stored_moment(folder: Path, time: float, arm: str = "with_cells") -> StoredMoment:
    """The nearest stored moment of a run.

    Args:
        folder: Run directory.
        time: Time since the treatment [day].
        arm: Arm of the run.

    Raises:
        InvalidInput: The folder holds no finished run, the run has no such arm or time, or it has no disc in space or no matrix.
    """
    import xarray

    options = _json(folder, _OPTIONS)
    path = folder / _FIELDS
    if not path.is_file():
        raise InvalidInput(
            f"{folder.name} holds no {_FIELDS}",
            where=str(folder),
            allowed="a finished run directory",
            remedy=f"finish it with: pulposus resume {folder}",
        )
    try:
        data = xarray.open_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{_FIELDS} cannot be read", where=str(path), remedy="run again") from error
    with data:
        if "x" not in data:
            raise InvalidInput(
                "the run has a single column or point, so there is nothing to picture",
                where=str(folder),
                allowed="a run in three dimensions (numerics.level: disc)",
            )
        named = [str(one) for one in data["run"].to_numpy()]
        if arm not in named:
            raise InvalidInput(f'the run has no arm "{arm}"', where="option --arm", allowed=", ".join(named))
        index = nearest_time(data["time"].to_numpy(), time)
        disc, parameters = _disc_of(folder, options, data)
        here = data.isel(run=named.index(arm), time=index)
        fields = {name: here[name].to_numpy() for name in (*COMPOSITION, *CELLS) if name in data}
        moved = None
        if all(name in data for name in DISPLACEMENT):
            moved = np.stack([here[name].to_numpy() for name in DISPLACEMENT], axis=-1).astype(np.float64)
        moment = float(data["time"].to_numpy()[index])
        title = str(data.attrs.get("title", folder.name))
    return StoredMoment(disc_view(disc, fields, parameters, moved), parameters, moment, time, arm, title)


def nearest_time(stored: np.ndarray, time: float) -> int:
    """Number of the stored time nearest to a time.

    Args:
        stored: Stored times, ascending [day].
        time: Time asked for [day].

    Raises:
        InvalidInput: The time lies outside the run; names the stored times.
    """
    if not stored[0] - _LATE <= time <= stored[-1] * (1.0 + _LATE) + _LATE:
        raise InvalidInput(
            f"the run has nothing at day {time:g}",
            where="option --time",
            allowed=f"day {stored[0]:g} to {stored[-1]:g}; stored: {', '.join(f'{one:g}' for one in stored)} day",
        )
    return int(np.argmin(np.abs(stored - time)))


def _json(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of a run directory.

    Raises:
        InvalidInput: It is not there, or damaged.
    """
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InvalidInput(
            f"{folder.name or folder} is not a run directory: {name} is missing or damaged",
            where=str(folder),
            allowed="a folder that `pulposus run` has written",
            remedy="check the path",
        ) from error


def _disc_of(folder: Path, options: dict[str, Any], data: xarray.Dataset) -> tuple[Any, ParameterSet]:
    """The disc of a run on its mesh, and the constants of the run.

    Raises:
        InvalidInput: The folder's options are damaged.
    """
    from pulposus.disc import load_disc
    from pulposus.parameters import load_parameters

    try:
        name, changed = str(options["disc"]), {str(key): str(value) for key, value in options["parameters"].items()}
    except (KeyError, AttributeError, TypeError) as error:
        raise InvalidInput(f"{_OPTIONS} of the run is damaged", where=str(folder), remedy="run again") from error
    parameters = load_parameters().replace(changed)
    copied = folder / name
    return load_disc(str(copied) if copied.is_file() else name, str(data.attrs["resolution"]), parameters), parameters
