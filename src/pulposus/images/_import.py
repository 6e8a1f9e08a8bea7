"""From a segmentation mask to a disc: the whole way in one function (mechanics_imaging 1.6)."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.disc._document import AnatomicalShape
from pulposus.disc._library import canonical_place
from pulposus.disc._map import DiscMap, ring_area, ring_centroid
from pulposus.disc._shape import anatomical_map
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput
from pulposus.images._columns import columns_of
from pulposus.images._distance import solid_of
from pulposus.images._fit import Nucleus, Settings, fit_disc
from pulposus.images._frame import disc_frame, held_points
from pulposus.images._gates import Circumstances, judge
from pulposus.images._header import parse_axes, parse_spacing, plausible_spacing
from pulposus.images._imported import ImportedDisc
from pulposus.images._nucleus import nucleus_on
from pulposus.images._quality import measurements
from pulposus.images._readers import read_volume
from pulposus.images._schemes import BY_HAND, choose
from pulposus.images._select import cut_sides, select
from pulposus.images._surroundings import surroundings_of
from pulposus.images._volume import Volume, orientation
from pulposus.parameters import ParameterSet, load_parameters

FEWEST_SLICES = 4


@dataclass(frozen=True, eq=False)
class _Template:
    """What a level gives to a fit: cartilage endplates, nucleus, and the settings."""

    form: DiscMap
    nucleus: Nucleus
    species: str
    level: str


def template_of(species: str, level: str, grade: int, parameters: ParameterSet, where: str) -> _Template:
    """The library's disc of a level.

    Raises:
        InvalidInput: There is no such level.
    """
    animal, place = canonical_place(species, level, parameters, where)
    form = anatomical_map(
        AnatomicalShape(kind="anatomical", species=animal, level=place), animal, place, Sheet(parameters, grade), where
    )
    depth = 2.0 * float(form.half_depth)
    nucleus = Nucleus(
        area_fraction=float(ring_area(form, form.nucleus_radius) / ring_area(form)),
        offset=float((ring_centroid(form) - ring_centroid(form, form.nucleus_radius)) / depth),
        squeeze=float(form.squeeze),
        origin="default of the level",
    )
    thin = replace(form, endplate_share=parameters.value("segmentation.fit.endplate_share"))
    return _Template(thin, nucleus, animal, place)


def settings_of(pixel: float, slices: Float[NDArray, "2"] | None, parameters: ParameterSet) -> Settings:
    """The settings of a fit.

    Args:
        pixel: Spacing within the slices [mm].
        slices: Step from one thick slice to the next, along x and y of the disc [mm]; None where the voxels are near cubes.
        parameters: Model constants.
    """
    kind = "" if slices is None else "_stack"
    return Settings(
        edge_share=parameters.value(f"segmentation.fit.edge_share{kind}"),
        pixel=pixel,
        slices=np.zeros(2) if slices is None else slices,
        edge_error=parameters.value("segmentation.fit.edge_error"),
        inset=parameters.value(f"segmentation.fit.inset{kind}") * pixel,
        huber_limit=parameters.value(f"segmentation.fit.huber_limit{kind}") * pixel,
        rim_floor=parameters.value("segmentation.fit.rim_floor"),
        harmonic_ridge=parameters.value("segmentation.fit.harmonic_ridge"),
        determinant_floor=parameters.value("geometry.minimum_determinant_ratio"),
    )


def import_disc(
    mask: str | Path,
    level: str,
    label: int | None = None,
    scheme: str | None = None,
    *,
    component: int | None = None,
    spacing: str | None = None,
    axes: str | None = None,
    t2: str | Path | None = None,
    species: str = "human",
    grade: int = 1,
    name: str | None = None,
    note: str = "",
    parameters: ParameterSet | None = None,
) -> ImportedDisc:
    """Fit the closed-form disc to one disc of a segmentation.

    Args:
        mask: Label image: NIfTI, .mha, .mhd, .nrrd or DICOM-SEG.
        level: Lumbar level, such as L4-L5.
        label: Label of the disc.
        scheme: Label scheme (`SCHEMES`), or "by-hand".
        component: Which piece of a label that holds all discs, counted from the lowest.
        spacing: Voxel size in place of the header's, such as "0.43,0.43,4.4".
        axes: Directions of the array axes in place of the header's, such as "PIR".
        t2: T2-weighted image in the same patient space, for the nucleus.
        species: Of the library.
        grade: Pfirrmann grade of the disc, whose tissue constants it takes.
        name: Name of the disc; made from the file's name where left out.
        note: Free text for the document.
        parameters: Model constants.

    Returns:
        The disc with its verdict: a refused disc is returned as well, with the reasons.

    Raises:
        InvalidInput: There is nothing to fit: no such file, level or label, or a header that cannot be.
        MissingPart: The reader of the format is not installed.
    """
    began = time.perf_counter()
    constants = load_parameters() if parameters is None else parameters
    path = Path(mask)
    template = template_of(species, level, grade, constants, f"level {level}")
    lengths = None if spacing is None else parse_spacing(spacing)
    directions = None if axes is None else parse_axes(axes)
    volume = read_volume(path, lengths, directions)
    voxels = np.asarray(volume.voxels, dtype=np.int64)
    choice = choose(voxels, template.level, label, scheme, component, str(path))
    selection = select(voxels, volume.affine, choice, str(path))
    _check_size(selection.mask, volume, template.species == "human", constants, path)
    beside = surroundings_of(
        voxels,
        selection.mask,
        volume.affine,
        choice.scheme,
        template.level,
        constants.value("segmentation.gate.neighbour_gap"),
    )
    solid = solid_of(selection.mask, volume.affine)
    frame = disc_frame(held_points(solid), beside.normal, beside.canal)
    columns = columns_of(solid, frame)
    slices = None if solid.slice_step is None else (frame.axes @ solid.slice_step)[:2]
    settings = settings_of(solid.pixel, slices, constants)
    fit = fit_disc(columns, template.form, template.nucleus, settings)
    if t2 is not None:
        image = read_volume(Path(t2), lengths, directions, labels=False)
        nucleus = nucleus_on(image, columns, fit, frame, template.nucleus, constants)
        fit = fit_disc(columns, template.form, nucleus, settings)
    placed = frame.moved(fit.shift)
    found = measurements(columns, fit, placed)
    mask_volume = float(selection.mask.sum()) * float(np.prod(volume.spacing))
    about = Circumstances(
        mask_volume=mask_volume,
        pixel=solid.pixel,
        stack=solid.slice_axis is not None,
        human=template.species == "human",
        folded=fit.folded,
        tilt=placed.tilt,
        cut=cut_sides(
            selection.mask,
            voxels,
            volume.affine,
            constants.value("segmentation.gate.end_slice_share"),
        ),
        touches_below=beside.touches_below,
        touches_above=beside.touches_above,
        stray_share=selection.removed / float(selection.mask.sum() + selection.removed),
    )
    return ImportedDisc(
        name=name or f"{path.name.split('.')[0]} {template.level}",
        species=template.species,
        level=template.level,
        grade=grade,
        fit=fit,
        frame=placed,
        frame_source=beside.text,
        measurements=found,
        mask_volume=mask_volume,
        refusals=judge(found, about, constants),
        source=volume.name,
        digest=volume.digest,
        header=volume.header,
        scheme=choice.scheme.name if choice.scheme else BY_HAND,
        label=volume.names.get(choice.label, str(choice.label)),
        spacing=tuple(float(length) for length in volume.spacing),
        orientation=orientation(volume.affine),
        notes=(*choice.notes, *selection.notes, *_gates_off(beside.touches_below, beside.touches_above)),
        note=note,
        columns=columns,
        seconds=time.perf_counter() - began,
    )


def _gates_off(below: bool | None, above: bool | None) -> tuple[str, ...]:
    missing = [side for side, touches in (("above", above), ("below", below)) if touches is None]
    return (f"no vertebra {' or '.join(missing)} in the mask: the gates that need it are off",) if missing else ()


def _check_size(mask: NDArray[np.bool_], volume: Volume, human: bool, constants: ParameterSet, path: Path) -> None:
    """Refuse what cannot be a disc before anything is fitted to it.

    Raises:
        InvalidInput: Too few voxels or slices, or extents that no disc has; names the options that repair an exchanged spacing.
    """
    fewest = int(constants.value("segmentation.gate.smallest_mask"))
    extents = np.array([indices.max() - indices.min() + 1 for indices in np.nonzero(mask)])
    if mask.sum() < fewest or extents.min() < FEWEST_SLICES:
        raise InvalidInput(
            f"the disc has {int(mask.sum())} voxels in {' x '.join(str(extent) for extent in extents)}: too few for a fit",
            where=str(path),
            allowed=f"at least {fewest} voxels, and {FEWEST_SLICES} along every axis",
            remedy="check the label",
        )
    if not human:
        return
    size = extents * volume.spacing
    directions = volume.affine[:3, :3] / volume.spacing
    patient = np.abs(directions) @ size

    def limit(key: str) -> float:
        return constants.value(f"segmentation.gate.{key}")

    # A tilted disc fills a larger box, and the slices at its sides may be partly filled.
    largest, smallest, tallest = 1.4 * limit("width_high"), 0.6 * limit("depth_low"), 2.0 * limit("height_high")
    horizontal, vertical = patient[:2], patient[2]
    if np.all(horizontal <= largest) and np.all(horizontal >= smallest) and limit("height_low") <= vertical <= tallest:
        return
    options = plausible_spacing(extents, volume.spacing, (smallest, largest, limit("height_low"), tallest))
    hint = (
        f"with another order of the voxel sizes it would be a disc: try {options} "
        "(whether the axes point to P or A, I or S, R or L cannot be told from a mask: look at the scan)"
        if options
        else "say what the voxels are: --spacing 0.43,0.43,4.4 (mm along the array axes) and --axes PIR (where they point)"
    )
    raise InvalidInput(
        f"the header makes this disc {patient[0]:.0f} mm wide, {patient[1]:.0f} mm deep and {patient[2]:.1f} mm high, which is impossible",
        where=str(path),
        allowed=f"about {limit('width_low'):g}-{limit('width_high'):g} x {limit('depth_low'):g}-{limit('depth_high'):g} "
        f"x {limit('height_low'):g}-{limit('height_high'):g} mm",
        remedy=hint,
    )
