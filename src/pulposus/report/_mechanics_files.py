"""Files of a disc under a load: the numbers as JSON, the deformed shape with its fields for ParaView.

Every quadratic element is drawn as eight hexahedra on the nodes of the lattice. A field of the Gauss points stands at the lattice node that
each of the 27 points is next to, averaged by volume between elements.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from pulposus.report._atomic import make_folder, write_bytes, write_text
from pulposus.report._geometry import all_hexahedra
from pulposus.report._tables import json_text
from pulposus.report._vtu import vtu_bytes

if TYPE_CHECKING:
    from pulposus.mechanics import LoadedState, MechanicalDisc

MECHANICS_NUMBERS, DEFORMED = "mechanics.json", "deformed.vtu"


def prepare_mechanics_folder(folder: Path) -> None:
    """Make the folder of a disc under a load.

    Args:
        folder: New or empty of these files; made if absent.

    Raises:
        InvalidInput: The folder cannot be written, or holds such files already.
    """
    make_folder(folder, (MECHANICS_NUMBERS, DEFORMED))


def write_mechanics(folder: Path, disc: MechanicalDisc, state: LoadedState, document: dict[str, Any]) -> list[Path]:
    """Write `mechanics.json` and `deformed.vtu`, the drained state.

    Args:
        folder: Prepared by `prepare_mechanics_folder`.
        disc: The disc at rest.
        state: It under a load.
        document: The numbers.

    Raises:
        InvalidInput: The files cannot be written.
    """
    return [
        write_text(folder / MECHANICS_NUMBERS, json_text(document)),
        write_bytes(folder / DEFORMED, deformed_vtu(disc, state)),
    ]


def deformed_vtu(disc: MechanicalDisc, state: LoadedState) -> bytes:
    """Content of the `.vtu` file of the drained state: lengths in mm, stresses in MPa."""
    from pulposus.mechanics import point_states
    from pulposus.mechanics._fibre_strain import annulus_strain

    problem, mesh = disc.problem, disc.problem.mesh
    points = point_states(problem, state.drained)
    fibres = problem.material.fibres
    assert fibres is not None
    elastic = points.F / np.cbrt(np.asarray(problem.growth))[..., None, None]
    stretch = np.asarray(annulus_strain(elastic, fibres).fibre_stretch)
    annulus = np.asarray(disc.places.tissue) == 1
    fields = {
        "volume_ratio": np.asarray(points.J),
        "pressure_MPa": -np.trace(np.asarray(points.stress), axis1=-2, axis2=-1) / 3.0,
        "chemical_potential_MPa": np.asarray(points.potential),
        "fibre_stretch": np.where(annulus[:, None], stretch, 1.0),
    }
    lattice = _element_lattice(mesh)
    places = np.asarray(problem.coordinates + state.drained.displacement)
    moved = np.zeros((mesh.topology.nodes, 3))
    moved[lattice.reshape(-1)] = np.einsum("pa,eax->epx", _lattice_functions(), places[mesh.elements]).reshape(-1, 3)
    shape = (mesh.topology.columns, mesh.topology.levels)
    at_nodes = {name: _nodal(values, lattice, np.asarray(points.volume), shape) for name, values in fields.items()}
    hexahedra = all_hexahedra(mesh.topology)
    tissue = np.empty(hexahedra.shape[:2], dtype=np.int8)
    regions, layers = mesh.topology.quad_region, mesh.topology.layer_region
    table = np.zeros((3, 3), dtype=np.int8)
    table[mesh.element_region, mesh.element_layer] = np.asarray(disc.places.tissue)
    tissue[:] = table[regions[:, None], layers[None, :]]
    return vtu_bytes(moved, hexahedra.reshape(-1, 8), at_nodes, {"tissue": tissue.ravel()})


def _lattice_places() -> Int[np.ndarray, "27 3"]:
    """The lattice nodes of an element in the order of its Gauss points, in {-1, 0, 1}."""
    return np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])


def _lattice_functions() -> Float[np.ndarray, "27 20"]:
    """Functions of the 20 nodes at the lattice nodes of an element."""
    from pulposus.mesh._quadratic import _PLACES, _serendipity

    return np.stack([_serendipity(_PLACES, place.astype(np.float64))[0] for place in _lattice_places()])


def _element_lattice(mesh: Any) -> Int[np.ndarray, "elements 27"]:
    """Lattice nodes of every element, in the order of its Gauss points."""
    from pulposus.mesh._quadratic import _element_cells

    cells, _ = _element_cells(mesh.topology)
    places = _lattice_places() + 1
    levels = np.arange(0, mesh.topology.levels - 1, 2)
    columns = cells[:, places[:, 0], places[:, 1]]
    rows = levels[:, None] + places[None, :, 2]
    return (columns[:, None, :] * mesh.topology.levels + rows[None]).reshape(-1, 27)


def _nodal(
    values: Float[np.ndarray, "elements 27"],
    lattice: Int[np.ndarray, "elements 27"],
    volume: Float[np.ndarray, "elements 27"],
    shape: tuple[int, int],
) -> np.ndarray:
    """A field of the Gauss points at the lattice nodes."""
    count = shape[0] * shape[1]
    weight = np.bincount(lattice.ravel(), volume.ravel(), count)
    total = np.bincount(lattice.ravel(), (volume * values).ravel(), count)
    return (total / weight).astype(np.float32)
