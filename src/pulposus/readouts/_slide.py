r"""Virtual histology: fields of a disc as a stained section (cells_matrix 8).

A section of 5 um is sampled for cells: seeds of clusters are a Poisson field, a cluster has 1 + Poisson(4 s/(n+s)) cells, and the
intensity of the seeds is that of all cells, n + s + mA + mD (and free donor cells), over the mean size of a cluster, so that the mean
density on the slide is that of the run. Colours follow from the optical densities of the stains (Beer and Lambert),

.. math:: I = 255 \cdot 10^{-\sum_k a_k \vec v_k},

with amounts :math:`a_k` in proportion to the fields: HE has eosin for :math:`K_1 + K_2/2` and a pale haematoxylin for :math:`A + A_f`;
safranin-O has safranin for :math:`(A + A_f)/70` and fast green for collagen; the collagen II slide has brown for :math:`K_2/35`. Lamellae
of the annulus are waves along its depth: contrast in proportion to the order S, waviness to 1 - S, bowed outward by a turgid nucleus and
inward by one that has lost half of its glycosaminoglycan; gaps open where the fissure fraction w passes 0.3 (so a needle track shows by
itself), and where S is below 0.4 the lamellae are gone (scar). Dead cells are pale ghosts without a nucleus.

All of the look is judgement (prior): stain densities, textures, sizes of cells and the bone above and below. The fields are the result;
they stand beside every slide.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from pulposus.readouts._disc_view import ANNULUS, NUCLEUS
from pulposus.readouts._texture import smooth_field

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.readouts._section import Section, Window

_COLOURS = ("red", "green", "blue")
_PER_MILLION_PER_ML = 1000.0  # cells per mm3
DONOR = ("free", "attached", "differentiated")
_ON_SLIDE = ("native", "senescent", *DONOR, "dead")
# Seeds of the streams of a slide, apart from each other.
_CELLS, _MATRIX, _GAPS, _CRIMP, _BONE, _FIBRILS = range(6)
# Pixels above this size [mm] show no fibrils.
_FIBRIL_PIXEL = 0.006
# Share of the annulus in which its lamellae begin to show.
_BLENDED = 0.12


class Stain(enum.Enum):
    """Stains of a slide."""

    HE = "he"
    SAFRANIN_O = "safranin-o"
    COLLAGEN_II = "collagen-2"


STAIN_NAMES = {
    Stain.HE: "haematoxylin and eosin",
    Stain.SAFRANIN_O: "safranin-O and fast green",
    Stain.COLLAGEN_II: "collagen II (brown)",
}


@dataclass(frozen=True)
class SlideConstants:
    """Constants of the slides; see `data/parameters/imaging.toml`, table `slide`.

    Attributes:
        stains: Optical density of a stain in red, green and blue, by name.
        density: Optical density of what is fully stained, by name.
        glycosaminoglycan_full, collagen_full, collagen_II_full: Contents that stain fully [mg/mL].
        thickness: Of the section [mm].
        cluster_gain: Of senescence on the size of clusters.
        nucleus_diameter, lacuna_diameter, notochordal_diameter: Of cells [mm].
        lamellae: Number of lamellae on the midline.
        bow: How far inner lamellae bow, over the thickness of the annulus.
        gap_fissure, scar_order: Limits of fissure and order.
    """

    stains: dict[str, Float[np.ndarray, "3"]]
    density: dict[str, float]
    glycosaminoglycan_full: float
    collagen_full: float
    collagen_II_full: float
    thickness: float
    cluster_gain: float
    nucleus_diameter: float
    lacuna_diameter: float
    notochordal_diameter: float
    lamellae: float
    bow: float
    gap_fissure: float
    scar_order: float

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> SlideConstants:
        """Read the parameter set."""
        names = list(dict.fromkeys(key.partition(".")[0] for key in parameters.under("imaging.slide.stain")))
        plain = [name for name in cls.__dataclass_fields__ if name not in ("stains", "density")]
        return cls(
            stains={
                name: np.array([parameters.value(f"imaging.slide.stain.{name}.{colour}") for colour in _COLOURS])
                for name in names
            },
            density={name: one.value for name, one in parameters.under("imaging.slide.density").items()},
            **{name: parameters.value(f"imaging.slide.{name}") for name in plain},
        )


@dataclass(frozen=True, eq=False)
class SlideCells:
    """Cells of a section.

    Attributes:
        row, column: Places in pixels of the window, (cells,).
        tissue: Tissue at the place.
        donor, ghost: Whether the cell is a donor cell, and whether it is dead.
        cluster: Number of its cluster.
        angle: Direction of a long cell from the horizontal [radian].
    """

    row: Float[np.ndarray, "cells"]
    column: Float[np.ndarray, "cells"]
    tissue: Int[np.ndarray, "cells"]
    donor: Int[np.ndarray, "cells"]
    ghost: Int[np.ndarray, "cells"]
    cluster: Int[np.ndarray, "cells"]
    angle: Float[np.ndarray, "cells"]


def expected_cells(section: Section, constants: SlideConstants) -> Float[np.ndarray, "rows columns"]:
    """Mean number of cells in every pixel: living native and donor cells, and ghosts."""
    density = np.sum([section.fields[name] for name in _ON_SLIDE], axis=0)
    return _PER_MILLION_PER_ML * np.maximum(density, 0.0) * constants.thickness * section.window.pixel**2


def sample_cells(section: Section, constants: SlideConstants, seed: int) -> SlideCells:
    """Cells of a section: a Poisson field of clusters.

    Args:
        section: The section.
        constants: Constants.
        seed: Of the slide.
    """
    random = np.random.Generator(np.random.Philox(8 * seed + _CELLS))
    fields = {name: np.maximum(section.fields[name], 0.0) for name in _ON_SLIDE}
    living = fields["native"] + fields["senescent"]
    share = fields["senescent"] / np.where(living > 0.0, living, 1.0)
    mean_size = 1.0 + constants.cluster_gain * share
    seeds = random.poisson(expected_cells(section, constants) / mean_size)
    row, column = np.nonzero(seeds)
    count = seeds[row, column]
    row, column = np.repeat(row, count), np.repeat(column, count)
    size = 1 + random.poisson(constants.cluster_gain * share[row, column])
    cluster = np.repeat(np.arange(len(row)), size)
    row, column = np.repeat(row, size), np.repeat(column, size)
    inside = random.random((2, len(size)))[:, cluster]
    member = np.arange(len(cluster)) - np.repeat(np.cumsum(size) - size, size)
    spread = 0.55 * constants.lacuna_diameter / section.window.pixel * np.sqrt(member)
    turn = 2.4 * member + 6.28 * inside[0]
    total = np.sum(list(fields.values()), axis=0)
    kind = random.random(len(row)) * total[row, column]
    donor = np.sum([fields[name][row, column] for name in DONOR], axis=0)
    order = section.fields["annulus_order"][row, column]
    # Cells of the annulus lie along its lamellae, upright on the midline; those of a scar in any direction.
    angle = 0.5 * np.pi + (1.2 - order) * random.standard_normal(len(row)) * 0.6
    return SlideCells(
        row=row + inside[0] + spread * np.sin(turn),
        column=column + inside[1] + spread * np.cos(turn),
        tissue=section.tissue[row, column],
        donor=(kind < donor).astype(int),
        ghost=(kind > total[row, column] - fields["dead"][row, column]).astype(int),
        cluster=cluster,
        angle=angle,
    )


def _wave_points(section: Section, across: np.ndarray) -> Float[np.ndarray, "pixels 3"]:
    """Pixels as points whose first coordinate follows the lamellae."""
    z = np.broadcast_to(section.window.z[:, None], section.tissue.shape)
    y = np.broadcast_to(section.window.y[None], section.tissue.shape)
    return np.stack([across.ravel(), y.ravel(), z.ravel()], axis=-1)


@dataclass(frozen=True, eq=False)
class _Matrix:
    """Look of the matrix: factor on its stains and what is empty, (rows, columns)."""

    factor: Float[np.ndarray, "rows columns"]
    empty: Float[np.ndarray, "rows columns"]


def _annulus_look(section: Section, constants: SlideConstants, seed: int, scale: float, turgor: float) -> _Matrix:
    """Lamellae, crimp, waviness, gaps and scars of the annulus."""
    order, fissure = section.fields["annulus_order"], section.fields["fissure"]
    arch = 4.0 * section.height * (1.0 - section.height)
    thickness = 6.0 * scale
    wild = smooth_field(
        _wave_points(section, section.depth * thickness), 2.0 * scale, 9.0 * scale, 8 * seed + _CRIMP, (1.0, 1.0, 3.0)
    )
    wild = wild.reshape(section.tissue.shape)
    bow = constants.bow * np.clip(2.0 * turgor - 1.0, -1.0, 1.0) * arch * (1.0 - section.depth)
    phase = constants.lamellae * (section.depth - bow) + 1.3 * (1.0 - order) * wild
    band = np.sin(2.0 * np.pi * phase)
    border = np.clip(1.0 - np.abs(((phase + 0.25) % 0.5) - 0.25) / 0.035, 0.0, 1.0)
    fibre = np.sin(
        2.0 * np.pi * (5.0 * phase + 0.25 * np.sin(2.0 * np.pi * section.window.z[:, None] / (0.35 * scale)))
    )
    laminar = np.clip((order - constants.scar_order) / 0.15, 0.0, 1.0) * order
    factor = 1.0 + laminar * (0.24 * band + 0.10 * fibre) + 0.08 * (1.0 - laminar) * wild
    points = _wave_points(section, phase / constants.lamellae * thickness * 2.0)
    torn = smooth_field(points, 0.5 * scale, 4.0 * scale, 8 * seed + _GAPS, (0.5, 1.0, 3.0)).reshape(
        section.tissue.shape
    )
    open_share = np.clip((fissure - constants.gap_fissure) / (1.0 - constants.gap_fissure), 0.0, 1.0)
    # A tenth of the matrix is open at most: clefts are thin.
    limit = 3.2 - 1.9 * open_share
    gaps = np.clip((torn - limit) / 0.25, 0.0, 1.0) * (open_share > 0.0)
    seams = 0.55 * border * laminar * np.clip(section.depth / _BLENDED, 0.0, 1.0)
    return _Matrix(factor, np.maximum(gaps, seams))


def _nucleus_look(section: Section, continuity_lost: np.ndarray, seed: int, scale: float) -> _Matrix:
    """Mucoid mottle of the nucleus, coarser and with clefts where its continuity is lost."""
    points = _wave_points(section, section.depth)
    fine = smooth_field(points, 0.25 * scale, 2.5 * scale, 8 * seed + _MATRIX, (1.0, 2.0, 1.0)).reshape(
        section.tissue.shape
    )
    coarse = smooth_field(points, 0.8 * scale, 6.0 * scale, 8 * seed + _GAPS, (1.0, 3.0, 0.8)).reshape(
        section.tissue.shape
    )
    limit = 3.4 - 2.2 * continuity_lost
    clefts = np.clip((coarse - limit) / 0.2, 0.0, 1.0) * (continuity_lost > 0.05)
    return _Matrix(1.0 + (0.05 + 0.12 * continuity_lost) * fine, clefts)


def _fine_look(section: Section, seed: int) -> Float[np.ndarray, "rows columns"]:
    """Fibrils of a magnified field: along the lamellae in the annulus, without direction elsewhere; nothing from afar."""
    pixel = section.window.pixel
    shape = section.tissue.shape
    if pixel > _FIBRIL_PIXEL:
        return np.ones(shape)
    points = _wave_points(section, section.depth)
    points[:, 0] = 0.0
    even = smooth_field(points, 6.0 * pixel, 30.0 * pixel, 8 * seed + _FIBRILS).reshape(shape)
    along = smooth_field(points, 3.0 * pixel, 16.0 * pixel, 8 * seed + _FIBRILS, (1.0, 1.0, 9.0)).reshape(shape)
    laminar = (section.tissue == ANNULUS) * np.clip(section.depth / _BLENDED, 0.0, 1.0)
    return 1.0 + 0.10 * laminar * along + 0.05 * (1.0 - laminar) * even


def _bone_look(section: Section, seed: int, scale: float) -> Float[np.ndarray, "rows columns"]:
    """Bone above and below: a closed plate, then trabeculae between marrow."""
    points = _wave_points(section, section.depth)
    lattice = smooth_field(points, 0.7 * scale, 2.6 * scale, 8 * seed + _BONE).reshape(section.tissue.shape)
    plate = section.gap < 0.45 * scale
    return np.where(
        (section.gap > 0.0) & np.isfinite(section.gap), np.where(plate | (np.abs(lattice) < 0.42), 1.0, 0.0), 0.0
    )


def stain_amounts(
    section: Section, stain: Stain, constants: SlideConstants
) -> dict[str, Float[np.ndarray, "rows columns"]]:
    """Optical density of every stain that the composition takes up; no texture, no cells.

    Args:
        section: The section.
        stain: Which slide.
        constants: Constants.
    """
    content = section.glycosaminoglycan / constants.glycosaminoglycan_full
    collagen = section.collagen / constants.collagen_full
    density = constants.density
    if stain is Stain.HE:
        return {
            "eosin": density["eosin"] * collagen,
            "haematoxylin": density["background_haematoxylin"] * content,
        }
    if stain is Stain.SAFRANIN_O:
        return {"safranin": density["safranin"] * content, "fast_green": density["fast_green"] * collagen}
    brown = section.fields["collagen_II"] / constants.collagen_II_full
    return {
        "diaminobenzidine": density["diaminobenzidine"] * brown,
        "haematoxylin": density["counterstain"] * content,
    }


def paint(
    section: Section,
    stain: Stain,
    constants: SlideConstants,
    continuity_lost: Float[np.ndarray, "rows columns"],
    turgor: float,
    seed: int,
    *,
    notochordal: bool = False,
    mark_donor: bool = False,
    scale: float = 1.0,
) -> Int[np.ndarray, "rows columns 3"]:
    """A slide in colour.

    Args:
        section: The section.
        stain: Which slide.
        constants: Constants.
        continuity_lost: Lost continuity of the nucleus (w_NP), 0 to 1.
        turgor: Glycosaminoglycan of the nucleus over the healthy one.
        seed: Of cells and textures.
        notochordal: Whether cells of the nucleus are vacuolated.
        mark_donor: Whether donor cells are green.
        scale: Size of the disc over the human one, for textures.
    """
    amounts = stain_amounts(section, stain, constants)
    annulus, nucleus = section.tissue == ANNULUS, section.tissue == NUCLEUS
    ring = _annulus_look(section, constants, seed, scale, turgor)
    core = _nucleus_look(section, continuity_lost, seed, scale)
    # The first lamellae blend into the nucleus.
    laminar = annulus * np.clip(section.depth / _BLENDED, 0.0, 1.0)
    factor = laminar * ring.factor + (1.0 - laminar) * np.where(annulus | nucleus, core.factor, 1.0)
    factor = factor * _fine_look(section, seed)
    empty = np.where(annulus, ring.empty, np.where(nucleus, core.empty, 0.0))
    bone = _bone_look(section, seed, scale)
    density = np.zeros((*section.tissue.shape, 3))
    for name, amount in amounts.items():
        density += (amount * factor)[..., None] * constants.stains[name]
    counter = "fast_green" if stain is Stain.SAFRANIN_O else "eosin" if stain is Stain.HE else "haematoxylin"
    strength = {"fast_green": 0.85, "eosin": 0.9, "haematoxylin": 0.18}[counter]
    density += (strength * constants.density.get(counter, 0.6) * bone)[..., None] * constants.stains[counter]
    density *= (1.0 - empty)[..., None]
    cells = sample_cells(section, constants, seed)
    draw_cells(density, cells, section.window, constants, notochordal=notochordal, mark_donor=mark_donor)
    return np.clip(np.rint(246.0 * 10.0 ** (-density)), 0, 255).astype(np.uint8)


def draw_cells(
    density: Float[np.ndarray, "rows columns 3"],
    cells: SlideCells,
    window: Window,
    constants: SlideConstants,
    *,
    notochordal: bool = False,
    mark_donor: bool = False,
) -> None:
    """Add cells to a picture of optical densities, in place: lacuna, nucleus, ghosts, marked donor cells.

    A nucleus smaller than a pixel darkens it by its share.
    """
    pixel = window.pixel
    nucleus = 0.5 * constants.nucleus_diameter / pixel
    violet, green = constants.density["nucleus"] * constants.stains["haematoxylin"], constants.stains["donor_marker"]
    for k in range(len(cells.row)):
        long_cell = cells.tissue[k] == ANNULUS
        vacuolated = notochordal and cells.tissue[k] == NUCLEUS and not cells.donor[k]
        lacuna = 0.5 * (constants.notochordal_diameter if vacuolated else constants.lacuna_diameter) / pixel
        place = cells.row[k], cells.column[k], cells.angle[k]
        if lacuna > 1.0 and not long_cell:
            _blob(density, place, lacuna, 1.0, clear=0.62 if not cells.ghost[k] else 0.4, add=None)
        if cells.ghost[k]:
            continue
        shape = (1.9 * nucleus, 0.42) if long_cell else (nucleus, 0.8)
        marked = mark_donor and bool(cells.donor[k])
        if marked:
            _blob(density, place, 2.1 * shape[0], shape[1], clear=0.5, add=0.9 * green)
        _blob(density, place, *shape, clear=0.0, add=0.35 * violet if marked else violet)


def _blob(
    density: np.ndarray,
    place: tuple[float, float, float],
    radius: float,
    ratio: float,
    *,
    clear: float,
    add: Float[np.ndarray, "3"] | None,
) -> None:
    """An ellipse with a soft edge of one pixel; radii below half a pixel keep their area."""
    row, column, angle = place
    drawn = max(radius, 0.6)
    weight = min((radius / drawn) ** 2, 1.0)
    reach = int(np.ceil(drawn + 1.0))
    rows = slice(max(int(row) - reach, 0), min(int(row) + reach + 1, density.shape[0]))
    columns = slice(max(int(column) - reach, 0), min(int(column) + reach + 1, density.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    down, right = np.ogrid[rows, columns]
    # Rows run downward, so a positive angle turns against the clock.
    up, along = row - 0.5 - down, right - column + 0.5
    first = along * np.cos(angle) + up * np.sin(angle)
    second = -along * np.sin(angle) + up * np.cos(angle)
    distance = np.hypot(first / drawn, second / (drawn * ratio)) * drawn * np.sqrt(ratio)
    share = weight * np.clip(drawn * np.sqrt(ratio) + 0.5 - distance, 0.0, 1.0)
    part = density[rows, columns]
    part *= (1.0 - clear * share)[..., None]
    if add is not None:
        part += share[..., None] * add
