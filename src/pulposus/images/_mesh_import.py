"""From a finite-element mesh to a disc: upper and lower surface of its columns, then the same fit as for a mask.

The axes of a mesh carry no names: where they point is the user's word. The columns are read from the outer triangles of the solid elements
by vertical rays; the highest and the lowest hit of a column are the two endplates.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from pulposus.disc._map import ring_centroid
from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.images._columns import MARGIN, MOST, Columns
from pulposus.images._finite_elements import SolidMesh, read_mesh
from pulposus.images._fit import Fit, Nucleus, fit_disc
from pulposus.images._frame import Frame, disc_frame
from pulposus.images._gates import Circumstances, judge
from pulposus.images._header import parse_axes, parse_spacing
from pulposus.images._import import settings_of, template_of
from pulposus.images._imported import ImportedDisc
from pulposus.images._nucleus import LARGEST_SQUEEZE
from pulposus.images._quality import measurements
from pulposus.images._readers import digest_of
from pulposus.parameters import ParameterSet, load_parameters


@dataclass(frozen=True, eq=False)
class Shell:
    """The outer surface of a mesh in patient axes.

    Attributes:
        points: Nodes [mm], (nodes, 3).
        triangles: Counter-clockwise from outside, (triangles, 3).
    """

    points: Float[NDArray, "nodes 3"]
    triangles: Int[NDArray, "triangles 3"]

    @property
    def volume(self) -> float:
        """Enclosed volume [mm3], by the divergence theorem."""
        first, second, third = (self.points[self.triangles[:, corner]] for corner in range(3))
        return abs(float(np.einsum("ij,ij->", first, np.cross(second, third))) / 6.0)


def import_mesh(
    mesh: str | Path,
    level: str,
    *,
    axes: str | None = None,
    scale: str | None = None,
    nucleus_set: str | None = None,
    species: str = "human",
    grade: int = 1,
    name: str | None = None,
    note: str = "",
    parameters: ParameterSet | None = None,
) -> ImportedDisc:
    """Fit the closed-form disc to the solid elements of a mesh.

    Args:
        mesh: Abaqus .inp, VTU or FEBio .feb.
        level: Lumbar level, such as L4-L5.
        axes: Where x, y and z of the mesh point, such as "RAS"; a mesh does not say it.
        scale: Millimetres per unit of the mesh along x, y and z, such as "1000,1000,1000" for metres; 1 where left out.
        nucleus_set: Element set that is the nucleus; the default of the level where left out.
        species, grade, name, note, parameters: As for `import_disc`.

    Raises:
        InvalidInput: The mesh cannot be read, or its axes or its set are not named.
    """
    began = time.perf_counter()
    constants = load_parameters() if parameters is None else parameters
    path = Path(mesh)
    template = template_of(species, level, grade, constants, f"level {level}")
    solid = read_mesh(path)
    if axes is None:
        raise InvalidInput(
            "a mesh does not say where right, front and top are",
            where=str(path),
            allowed="--axes with three letters for x, y, z, one of R or L, A or P, S or I",
            remedy="give --axes RAS where x points right, y forward and z up",
        )
    factors = np.ones(3) if scale is None else parse_spacing(scale)
    placed = (solid.points * factors) @ parse_axes(axes).T
    shell = Shell(placed, solid.triangles())
    _check_size(shell, template.species == "human", constants, path)
    frame = disc_frame(_even_points(shell))
    columns = columns_of_shell(shell, frame)
    step = float(columns.x[1] - columns.x[0])
    settings = settings_of(step, None, constants)
    fit = fit_disc(columns, template.form, template.nucleus, settings)
    if nucleus_set is not None:
        nucleus = _nucleus_of(solid, nucleus_set, placed, columns, fit, frame, path)
        fit = fit_disc(columns, template.form, nucleus, settings)
    moved = frame.moved(fit.shift)
    found = measurements(columns, fit, moved)
    about = Circumstances(
        mask_volume=shell.volume,
        pixel=step,
        stack=True,
        human=template.species == "human",
        folded=fit.folded,
        tilt=moved.tilt,
        cut=(),
        touches_below=None,
        touches_above=None,
        stray_share=0.0,
    )
    return ImportedDisc(
        name=name or f"{path.stem} {template.level}",
        species=template.species,
        level=template.level,
        grade=grade,
        fit=fit,
        frame=moved,
        frame_source="axis of least variance; axes as the user named them",
        measurements=found,
        mask_volume=shell.volume,
        refusals=judge(found, about, constants),
        source=path.name,
        digest=digest_of(path),
        header="mesh",
        scheme="element sets",
        label=nucleus_set or "all solid elements",
        spacing=tuple(float(factor) for factor in factors),
        orientation=axes.strip().upper(),
        notes=(f"element sets in the file: {', '.join(sorted(solid.sets)[:20]) or 'none'}",),
        note=note,
        columns=columns,
        seconds=time.perf_counter() - began,
    )


def _check_size(shell: Shell, human: bool, constants: ParameterSet, path: Path) -> None:
    """Refuse a mesh in other units than millimetres.

    Raises:
        InvalidInput: Its size is not that of a human disc.
    """
    used = shell.points[np.unique(shell.triangles)]
    size = np.ptp(used, axis=0)
    low, high = (
        0.6 * constants.value("segmentation.gate.depth_low"),
        1.4 * constants.value("segmentation.gate.width_high"),
    )
    if human and not (low <= size[0] <= high and low <= size[1] <= high and size[2] <= high and size[2] > 0.0):
        raise InvalidInput(
            f"the mesh is {size[0]:.3g} wide, {size[1]:.3g} deep and {size[2]:.3g} high, which is no human disc in mm",
            where=str(path),
            allowed=f"about {low:.0f} to {high:.0f} mm wide and deep",
            remedy="give the millimetres per unit, such as --spacing 1000,1000,1000 for metres, or other --axes",
        )


def _even_points(shell: Shell) -> Float[NDArray, "points 3"]:
    """Points that fill a shell evenly: samples of its upright columns, whatever its axis."""
    upright = Frame(origin=np.zeros(3), axes=np.eye(3))
    columns = columns_of_shell(shell, upright)
    index = np.argwhere(columns.held > 0.5)
    return np.stack([columns.x[index[:, 0]], columns.y[index[:, 1]], columns.z[index[:, 2]]], axis=1)


def columns_of_shell(shell: Shell, frame: Frame) -> Columns:
    """The columns of a closed surface in a frame."""
    local = frame.to_disc(shell.points)
    corners = local[shell.triangles]
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    step = float((high - low).max()) / MOST
    x, y, z = (np.arange(a - MARGIN * step, b + (MARGIN + 1) * step, step) for a, b in zip(low, high, strict=True))
    lower, upper = _hits(corners, x, y, step)
    share = np.minimum(upper[:, :, None] - z, z - lower[:, :, None]) / step + 0.5
    held = np.where(np.isfinite(lower)[:, :, None], np.clip(share, 0.0, 1.0), 0.0)
    return Columns(x, y, z, held, lower, upper, np.where(np.isfinite(lower), upper - lower, 0.0))


def _hits(
    corners: Float[NDArray, "triangles 3 3"], x: Float[NDArray, "nx"], y: Float[NDArray, "ny"], step: float
) -> tuple[Float[NDArray, "nx ny"], Float[NDArray, "nx ny"]]:
    """Lowest and highest crossing of every column with some triangles; NaN where there is none."""
    lower = np.full((len(x), len(y)), np.inf)
    upper = np.full((len(x), len(y)), -np.inf)
    # Barycentric coordinates of a column in a triangle seen from above; a vertical triangle has no area and is passed over.
    edges = corners[:, 1:, :2] - corners[:, :1, :2]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    first = np.ceil((corners[:, :, :2].min(axis=1) - [x[0], y[0]]) / step - 1e-9).astype(int)
    last = np.floor((corners[:, :, :2].max(axis=1) - [x[0], y[0]]) / step + 1e-9).astype(int)
    count = np.maximum(last - first + 1, 0)
    wanted = np.nonzero((np.abs(area) > 1e-9 * step**2) & (count[:, 0] > 0) & (count[:, 1] > 0))[0]
    for i in range(int(count[wanted, 0].max(initial=0))):
        for j in range(int(count[wanted, 1].max(initial=0))):
            chosen = wanted[(count[wanted, 0] > i) & (count[wanted, 1] > j)]
            column, row = first[chosen, 0] + i, first[chosen, 1] + j
            gap_x, gap_y = x[column] - corners[chosen, 0, 0], y[row] - corners[chosen, 0, 1]
            second = (gap_x * edges[chosen, 1, 1] - gap_y * edges[chosen, 1, 0]) / area[chosen]
            third = (gap_y * edges[chosen, 0, 0] - gap_x * edges[chosen, 0, 1]) / area[chosen]
            inside = (second >= -1e-6) & (third >= -1e-6) & (second + third <= 1.0 + 1e-6)
            rise = corners[chosen, 1:, 2] - corners[chosen, :1, 2]
            height = corners[chosen, 0, 2] + second * rise[:, 0] + third * rise[:, 1]
            np.minimum.at(lower, (column[inside], row[inside]), height[inside])
            np.maximum.at(upper, (column[inside], row[inside]), height[inside])
    met = np.isfinite(lower) & (upper > lower)
    return np.where(met, lower, np.nan), np.where(met, upper, np.nan)


def _nucleus_of(
    solid: SolidMesh,
    name: str,
    placed: Float[NDArray, "nodes 3"],
    columns: Columns,
    fit: Fit,
    frame: Frame,
    path: Path,
) -> Nucleus:
    """Area fraction, offset and squeeze of an element set seen from above.

    Raises:
        InvalidInput: There is no such set, or it is not inside the disc.
    """
    if name not in solid.sets:
        raise InvalidInput(
            f'the mesh has no element set "{name}"',
            where=str(path),
            allowed=", ".join(sorted(solid.sets)[:40]) or "no sets",
            remedy=nearest(name, solid.sets),
        )
    corners = frame.to_disc(placed)[solid.triangles(solid.sets[name])]
    step = float(columns.x[1] - columns.x[0])
    lower, upper = _hits(corners, columns.x, columns.y, step)
    # The walls of a nucleus are not exactly parallel to the columns: its border is where a column has half its usual share of nucleus.
    share = np.nan_to_num(upper - lower) / np.maximum(columns.length, step)
    seen: Bool[NDArray, "nx ny"] = (
        (share > 0.5 * np.median(share[share > 0.0])) & fit.inside if share.any() else share > 0.0
    )
    fraction = float(seen.sum() / fit.inside.sum())
    if not 0.0 < fraction < 0.65:
        raise InvalidInput(
            f'the element set "{name}" fills {100.0 * fraction:.0f} % of the section, which is no nucleus',
            where=str(path),
            allowed="a set inside the disc, below 65 %",
        )
    x, y = np.meshgrid(columns.x - fit.shift[0], columns.y - fit.shift[1], indexing="ij")
    offset = float(ring_centroid(fit.form) - y[seen].mean()) / (2.0 * float(fit.form.half_depth))
    ratio = (x[seen].std() / y[seen].std()) / (x[fit.inside].std() / y[fit.inside].std())
    squeeze = float(np.clip((ratio - 1.0) / (ratio + 1.0) / (1.0 - fraction), 0.0, LARGEST_SQUEEZE))
    return Nucleus(fraction, offset, squeeze, f"element set {name}")
