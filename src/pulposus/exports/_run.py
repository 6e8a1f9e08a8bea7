"""One export of a run: what is asked for, checked against the run, written by the writer of the format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.exports._abaqus import write_abaqus
from pulposus.exports._febio import TissueConstants, constants_of_grade, write_febio
from pulposus.exports._stored import StoredRun
from pulposus.exports._tables import copy_netcdf, write_csv, write_netcdf
from pulposus.exports._vtu import write_moment, write_series
from pulposus.exports._xdmf import write_xdmf
from pulposus.report._atomic import refuse
from pulposus.report._fields import FieldInfo, suffixed

if TYPE_CHECKING:
    from pulposus.exports._nifti import ImageTarget


@dataclass(frozen=True)
class Format:
    """A format of an export.

    Attributes:
        summary: What it is for.
        ending: Ending of the file, "" where the export is a folder.
        single: Whether it holds one moment only.
        takes_fields: Whether fields can be chosen.
    """

    summary: str
    ending: str
    single: bool = False
    takes_fields: bool = True


RUN_FORMATS = {
    "vtu": Format("ParaView: .pvd and one .vtu per time, in a folder", ""),
    "xdmf": Format("ParaView, VisIt: .xdmf and .h5", ".xdmf"),
    "nifti": Format("3D Slicer, FSL: one image per field and one of the tissues, in a folder", "", single=True),
    "febio": Format("FEBio Studio: mesh, parts, surfaces, materials, fields by element", ".feb", single=True),
    "abaqus": Format("Abaqus: mesh, element sets, surfaces", ".inp", single=True, takes_fields=False),
    "csv": Format("one row per time and node", ".csv"),
    "netcdf": Format("all fields and courses, or those chosen", ".nc"),
}
# What an image of a patient's disc is asked for.
_IMAGED = ("oxygen", "glucose", "lactate", "pH", "native", "donor", "glycosaminoglycan", "T2")
_FOR_FEBIO = ("fixed_charge_density", "water_fraction")


@dataclass(frozen=True)
class RunExport:
    """What was written.

    Attributes:
        files: The file or files to open first, then the others.
        fields: Fields in the files.
        times: Times in the files [day].
        facts: Further facts for people and programs.
    """

    files: list[Path]
    fields: list[FieldInfo]
    times: list[float]
    facts: dict[str, Any] = field(default_factory=dict)


def check_format(to: str) -> Format:
    """The format of a name.

    Raises:
        InvalidInput: There is no such format.
    """
    if to not in RUN_FORMATS:
        raise InvalidInput(
            f'unknown format "{to}"',
            where="option --to",
            allowed=", ".join(RUN_FORMATS),
            remedy=nearest(to, RUN_FORMATS),
        )
    return RUN_FORMATS[to]


def default_path(run: StoredRun, to: str) -> Path:
    """Where an export goes when no place is given: beside the fields of the run, under `exports`."""
    return run.path / "exports" / f"{to}{RUN_FORMATS[to].ending}"


def export_run(
    run: StoredRun,
    to: str,
    path: Path,
    *,
    day: float | None = None,
    names: Sequence[str] = (),
    target: ImageTarget | None = None,
) -> RunExport:
    """Write a run in the format of another program.

    Args:
        run: The run and its course.
        to: One of `RUN_FORMATS`.
        path: File or folder to write.
        day: The stored time nearest to this is written; left out, all times, or the last one in a format that holds one.
        names: Fields; left out, all of them (in NIfTI: solutes, cells, glycosaminoglycan and T2).
        target: Space and voxels of a NIfTI image; the disc's own frame where left out.

    Returns:
        What was written.

    Raises:
        InvalidInput: The format, field, time or place cannot be used.
        MissingPart: A package that the format needs is not installed.
    """
    form = check_format(to)
    if names and not form.takes_fields:
        raise InvalidInput(f"{to} holds the mesh only, no fields", where="option --field", remedy="leave --field out")
    if to == "nifti" and not names:
        names = [name for name in _IMAGED if name in run.fields]
    fields = run.chosen(names)
    indices = [len(run.times) - 1] if form.single else list(range(len(run.times)))
    if day is not None:
        indices = [run.nearest_time(day)]
    chosen_times = [float(run.times[index]) for index in indices]
    try:
        files, fields, facts = _write(run, to, path, fields, indices, bool(names), day, target)
    except OSError as error:
        raise refuse(path, error) from error
    return RunExport(files, fields, chosen_times, facts)


def _write(
    run: StoredRun,
    to: str,
    path: Path,
    fields: list[FieldInfo],
    indices: list[int],
    asked: bool,
    day: float | None,
    target: ImageTarget | None,
) -> tuple[list[Path], list[FieldInfo], dict[str, Any]]:
    """Write one format; returns files, the fields in them and further facts."""
    last = indices[-1]
    match to:
        case "vtu":
            if path.suffix == ".vtu":
                if len(indices) > 1:
                    raise InvalidInput(
                        "one .vtu file holds one time",
                        where="option --out",
                        remedy="choose a time with --time, or a folder",
                    )
                return [write_moment(path, run, fields, last)], fields, {}
            return write_series(path, run, fields, indices), fields, {}
        case "xdmf":
            return write_xdmf(path, run, fields, indices), fields, {}
        case "nifti":
            return _write_images(path, run, fields, last, target)
        case "febio":
            shown = fields if asked else [run.fields[name] for name in _FOR_FEBIO if name in run.fields]
            return [_write_febio(path, run, shown, last)], shown, {}
        case "abaqus":
            return [write_abaqus(path, run.mesh, _title(run))], [], {}
        case "csv":
            return [write_csv(path, run, fields, indices)], fields, {}
        case _:
            if asked or day is not None:
                return [write_netcdf(path, run, fields, indices)], fields, {}
            return [copy_netcdf(path, run)], fields, {"copy": True}


def _title(run: StoredRun) -> str:
    return f"{run.disc}, {run.data.attrs.get('title', run.path.name)}"


def _write_images(
    folder: Path,
    run: StoredRun,
    fields: list[FieldInfo],
    index: int,
    target: ImageTarget | None,
) -> tuple[list[Path], list[FieldInfo], dict[str, Any]]:
    from pulposus.exports._nifti import ImageTarget, load_nibabel, located, write_nifti, write_tissues

    load_nibabel()
    place = ImageTarget() if target is None else target
    mesh, in_patient = run.mesh, place.frame is not None
    found = located(mesh, place)
    common = {
        "run": run.path.name,
        "course": run.course,
        "disc": run.disc,
        "time_day": float(run.times[index]),
        "source": str(run.data.attrs.get("source", "pulposus")),
    }
    written = write_tissues(folder / "tissue.nii.gz", found, mesh, common, in_patient=in_patient)
    for info in fields:
        volume = found.resample(mesh.at_nodes(run.values(info.key, index)))
        facts = {**common, "content": info.label, "field": info.key, "unit": info.unit}
        written += write_nifti(folder / f"{suffixed(info)}.nii.gz", volume, found.grid, facts, in_patient=in_patient)
    grid = {
        "space": "patient" if in_patient else "disc",
        "voxels": list(found.grid.shape),
        "voxel_mm": np.linalg.norm(found.grid.affine[:3, :3], axis=0).round(6).tolist(),
        "voxels_inside": len(found.voxels),
    }
    return written, fields, grid


def _write_febio(path: Path, run: StoredRun, fields: Sequence[FieldInfo], index: int) -> Path:
    from pulposus.parameters import load_parameters

    parameters = load_parameters()
    mesh = run.mesh
    data = {suffixed(info): mesh.at_nodes(run.values(info.key, index))[mesh.hexahedra].mean(axis=1) for info in fields}
    constants = constants_of_grade(parameters, _grade(run))
    if all(name in run.fields for name in _FOR_FEBIO):
        constants = [_as_run(one, run, code, index) for code, one in enumerate(constants)]
    title = f"{_title(run)}, day {float(run.times[index]):g}, {run.course}"
    return write_febio(path, mesh, constants, parameters, title, data)


def _grade(run: StoredRun) -> int:
    """Pfirrmann grade of the disc, whose moduli the materials take."""
    summary = json.loads((run.path / "summary.json").read_text(encoding="utf-8"))
    return int(summary["disc"]["grade"])


def _as_run(tissue: TissueConstants, run: StoredRun, code: int, index: int) -> TissueConstants:
    """A tissue with the mean charge and water that the run has at a time (mean of its elements by volume)."""
    mesh = run.mesh
    inside = mesh.tissue == code
    if not inside.any():
        return tissue
    corners = mesh.points[mesh.hexahedra[inside]]
    # Volume of a hexahedron that is close to a parallelepiped; it only weighs a mean here.
    edges = [corners[:, near] - corners[:, 0] for near in (1, 3, 4)]
    volumes = np.abs(np.einsum("ni,ni->n", np.cross(edges[0], edges[1]), edges[2]))

    def mean(name: str) -> float:
        by_element = mesh.at_nodes(run.values(name, index))[mesh.hexahedra[inside]].mean(axis=1)
        return float((by_element * volumes).sum() / volumes.sum())

    return TissueConstants(
        tissue.shear_modulus,
        tissue.bulk_modulus,
        mean("water_fraction"),
        mean("fixed_charge_density"),
        tissue.osmotic_coefficient,
    )
