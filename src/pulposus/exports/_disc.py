"""One export of a disc without a run: its mesh with tissues and surfaces, as a picture program, a solver or an image program reads it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.documents import nearest
from pulposus.errors import InvalidInput
from pulposus.exports._abaqus import write_abaqus
from pulposus.exports._febio import constants_of_grade, write_febio
from pulposus.exports._mesh import mesh_of_disc
from pulposus.exports._vtu import write_mesh

if TYPE_CHECKING:
    from pulposus.disc import Disc
    from pulposus.exports._nifti import ImageTarget

# Format -> what it is for, and the ending of its file.
DISC_FORMATS = {
    "vtu": ("ParaView: mesh and tissues", ".vtu"),
    "febio": ("FEBio Studio: mesh, parts, surfaces, materials of the grade", ".feb"),
    "abaqus": ("Abaqus: mesh, element sets, surfaces", ".inp"),
    "nifti-mask": ("3D Slicer: labels 1 nucleus, 2 annulus, 3 cartilage endplate", ".nii.gz"),
}


def check_disc_format(to: str, path: Path) -> None:
    """Refuse an unknown format, and a file whose name does not say what it is.

    Raises:
        InvalidInput: The format or the ending is wrong.
    """
    if to not in DISC_FORMATS:
        raise InvalidInput(
            f'unknown format "{to}"',
            where="option --to",
            allowed=", ".join(DISC_FORMATS),
            remedy=nearest(to, DISC_FORMATS),
        )
    ending = DISC_FORMATS[to][1]
    if not path.name.endswith(ending):
        raise InvalidInput(
            f'"{path.name}" is not the name of a {to} file', where="option --out", allowed=f"a name ending in {ending}"
        )


def export_disc(
    disc: Disc, to: str, path: Path, target: ImageTarget | None = None
) -> tuple[list[Path], dict[str, Any]]:
    """Write a disc in the format of another program.

    Args:
        disc: One disc, not a batch.
        to: One of `DISC_FORMATS`.
        path: File to write; its ending has to be that of the format.
        target: Space and voxels of the mask; the disc's own frame where left out.

    Returns:
        The files, the one to open first, and facts for people and programs.

    Raises:
        InvalidInput: The format or the place cannot be used.
        MissingPart: A package that the format needs is not installed.
    """
    check_disc_format(to, path)
    mesh = mesh_of_disc(disc)
    facts: dict[str, Any] = {"nodes": len(mesh.points), "elements": len(mesh.hexahedra)}
    title = f"{disc.description.name}: {disc.description.text}"
    if to == "vtu":
        return [write_mesh(path, mesh, {})], facts
    if to == "abaqus":
        return [write_abaqus(path, mesh, title)], facts
    if to == "febio":
        from pulposus.parameters import load_parameters

        parameters = load_parameters()
        constants = constants_of_grade(parameters, disc.description.grade)
        return [write_febio(path, mesh, constants, parameters, title)], facts
    from pulposus.exports._nifti import ImageTarget, load_nibabel, located, write_tissues

    load_nibabel()
    place = ImageTarget() if target is None else target
    found = located(mesh, place)
    volume = len(found.voxels) * found.grid.voxel_volume
    facts |= {
        "space": "disc" if place.frame is None else "patient",
        "voxels": list(found.grid.shape),
        "voxels_inside": len(found.voxels),
        "mask_volume_mm3": volume,
    }
    files = write_tissues(path, found, mesh, {"disc": disc.description.name}, in_patient=place.frame is not None)
    return files, facts
