"""A finished run as it lies on disk: mesh, stored times and fields of `fields.nc`, read when they are asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.exports._mesh import ANNULUS, ENDPLATE, VolumeMesh, volume_mesh
from pulposus.report._fields import DONOR, GLYCOSAMINOGLYCAN, WATER, FieldInfo, all_fields, carries, field_values, times
from pulposus.report.run_directory import RunDirectory
from pulposus.units import parse_quantity

if TYPE_CHECKING:
    import xarray

    from pulposus.matrix._matrix_parameters import T2Law

T2 = FieldInfo("T2", "transverse relaxation time", "ms", "ms", "ms")
# What people write for a length of time on the command line, beside the units that the program reads everywhere.
_SHORT_UNITS = {"mo": "month", "y": "year", "yr": "year", "w": "week", "wk": "week", "d": "day"}
_SHORT_TIME = re.compile(r"\s*([0-9.eE+-]+)\s*([A-Za-z]+)\s*")


def parse_moment(text: str, where: str) -> float:
    """Days of a time such as "12mo", "12 month", "6wk" or "1y".

    Raises:
        InvalidInput: Not a time.
    """
    match = _SHORT_TIME.fullmatch(text)
    if match and match[2] in _SHORT_UNITS:
        text = f"{match[1]} {_SHORT_UNITS[match[2]]}"
    return parse_quantity(text, "day", where)


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run of a run directory.

    Attributes:
        path: The run directory.
        course: Which of its courses: "with_cells", "without_cells" or "native_course".
        data: Fields of that course with the dimensions time, column, level.
    """

    path: Path
    course: str
    data: xarray.Dataset

    @property
    def is_spatial(self) -> bool:
        """Whether the run has a mesh in three dimensions."""
        return "quads" in self.data

    @property
    def disc(self) -> str:
        """Name of the disc."""
        return str(self.data.attrs["disc"])

    @cached_property
    def times(self) -> Float[NDArray, "time"]:
        """Stored times [day]."""
        return times(self.data)

    @cached_property
    def mesh(self) -> VolumeMesh:
        """The mesh.

        Raises:
            InvalidInput: The run was solved on one column or one point.
        """
        if not self.is_spatial:
            raise InvalidInput(
                f"{self.path.name} was solved on one column: it has no mesh",
                where=str(self.path),
                allowed="csv, netcdf",
                remedy="run the protocol with numerics.level: disc for the other formats",
            )
        coordinates = np.stack([self.data[axis].to_numpy() for axis in "xyz"], axis=-1)
        return volume_mesh(coordinates, self.data["quads"].to_numpy().astype(np.int64), self.data["tissue"].to_numpy())

    @cached_property
    def fields(self) -> dict[str, FieldInfo]:
        """Fields by name: those stored, the sums, and T2 where the run has a matrix."""
        found = {info.key: info for info in all_fields(self.data)}
        found |= {info.key: info for info in (DONOR, GLYCOSAMINOGLYCAN) if carries(self.data, info.key)}
        if self.is_spatial and carries(self.data, WATER.key):
            found[T2.key] = T2
        return found

    def chosen(self, names: Sequence[str]) -> list[FieldInfo]:
        """Fields by name; all of them where no name is given.

        Raises:
            InvalidInput: The run has no such field.
        """
        for name in names:
            if name not in self.fields:
                raise InvalidInput(
                    f'the run has no field "{name}"',
                    where="option --field",
                    allowed=", ".join(self.fields),
                    remedy=nearest(name, self.fields),
                )
        return [self.fields[name] for name in dict.fromkeys(names)] or list(self.fields.values())

    def values(self, key: str, index: int) -> Float[NDArray, "columns levels"]:
        """Nodal values of a field at a stored time; T2 is not a number where there is no tissue."""
        moment = self.data.isel(time=[index])
        if key == T2.key:
            return self._relaxation(field_values(moment, WATER.key)[0])
        return field_values(moment, key)[0].astype(np.float64)

    def _relaxation(self, water: Float[NDArray, "columns levels"]) -> Float[NDArray, "columns levels"]:
        """T2 of the matrix room from the water of composition; the cartilage endplate has one value (mechanics_imaging 4.1)."""
        import jax.numpy as jnp

        from pulposus.matrix._composition import t2_relaxation

        annulus, endplate, held = self._tissue_shares
        soft = held & (endplate < 1.0)
        known = jnp.asarray(np.where(soft, water, 0.5), float)
        relaxation = np.asarray(t2_relaxation(known, jnp.asarray(annulus), self._t2_law))
        return np.where(soft, relaxation, np.where(held, self._endplate_t2, np.nan))

    @cached_property
    def _t2_law(self) -> T2Law:
        """The constants of T2."""
        from pulposus import _backend  # noqa: F401
        from pulposus.matrix._matrix_parameters import T2Law
        from pulposus.parameters import load_parameters

        return T2Law.from_parameters(load_parameters())

    @cached_property
    def _endplate_t2(self) -> float:
        """T2 of the cartilage endplate [ms]."""
        from pulposus.parameters import load_parameters

        return load_parameters().value("imaging.t2.endplate")

    @cached_property
    def _tissue_shares(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """At the nodes: share of the annulus in nucleus and annulus, of the cartilage endplate in all, and whether there is tissue."""
        from pulposus.mesh import node_volumes, topology

        coordinates = np.stack([self.data[axis].to_numpy() for axis in "xyz"], axis=-1)
        grid = topology(str(self.data.attrs["resolution"]))
        tissue = self.data["tissue"].to_numpy()
        shares = [np.asarray(node_volumes(grid, coordinates, (tissue == code).astype(np.float64))) for code in range(3)]
        total = np.sum(shares, axis=0)
        soft = total - shares[ENDPLATE]
        return (
            shares[ANNULUS] / np.where(soft > 0.0, soft, 1.0),
            shares[ENDPLATE] / np.where(total > 0.0, total, 1.0),
            total > 0.0,
        )

    def nearest_time(self, day: float) -> int:
        """Index of the stored time that is nearest to a time.

        Raises:
            InvalidInput: The time is not within the run.
        """
        first, last = float(self.times[0]), float(self.times[-1])
        # A month more or less of rounding in "12mo" against 365 days is no reason to refuse; a year after the end is.
        slack = 1e-9 * max(1.0, abs(last))
        if not first - slack <= day <= last + slack:
            raise InvalidInput(
                f"the run holds no time {day:g} day",
                where="option --time",
                allowed=f"{first:g} to {last:g} day",
                remedy=f"the last stored time is {last:g} day",
            )
        return int(np.argmin(np.abs(self.times - day)))


def open_run(path: Path, course: str = "with_cells") -> StoredRun:
    """A finished run.

    Args:
        path: The run directory.
        course: "with_cells", "without_cells" or "native_course".

    Raises:
        InvalidInput: The folder holds no finished run, its fields cannot be read, or it has no such course.
    """
    import xarray

    folder = RunDirectory.open(path)
    file = path / "fields.nc"
    if not folder.finished or not file.is_file():
        raise InvalidInput(
            f"the run in {path.name} is not finished",
            where=str(path),
            remedy=f"continue it with: pulposus resume {path}",
        )
    try:
        data = xarray.open_dataset(file, engine="h5netcdf", decode_times=False)
        courses = [str(one) for one in data["run"].to_numpy()]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(
            f"cannot read the fields of {path.name}: {' '.join(str(error).split())}",
            where=str(file),
            allowed="fields.nc as `pulposus run` writes it",
            remedy="run the protocol again",
        ) from error
    if course not in courses:
        raise InvalidInput(
            f'the run has no course "{course}"',
            where="option --run",
            allowed=", ".join(courses),
            remedy=nearest(course, courses),
        )
    return StoredRun(path, course, data.isel(run=courses.index(course)))
