"""Parts of the disc and the dots that stand for injected cells."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pulposus.report import RunRecord
from pulposus.report._anatomy import DOTS, DonorCells, cells_per_dot, disc_parts
from pulposus.report._fields import field_values
from pulposus.report._geometry import node_points


def flux(points: np.ndarray, faces: np.ndarray) -> float:
    """Volume inside a closed surface, from one third of the flux of x."""
    corners = points[faces]
    areas = 0.5 * np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    return float((corners.mean(axis=1) * areas).sum()) / 3.0


def test_the_nucleus_is_closed_and_has_its_volume(run_record: RunRecord) -> None:
    nucleus = next(part for part in disc_parts(run_record.disc) if part.key == "nucleus")
    whole, inner = run_record.regions
    # Flat faces of a cylinder: the midpoint rule is exact.
    assert flux(node_points(run_record.disc), nucleus.faces) == pytest.approx(inner.volumes.sum(), rel=1e-9)
    assert inner.volumes.sum() < whole.volumes.sum()


def test_endplates_show_their_face_to_the_bone_and_their_margin(
    run_record: RunRecord, synthetic: SimpleNamespace
) -> None:
    parts = {part.key: part for part in disc_parts(run_record.disc)}
    assert list(parts) == ["nucleus", "annulus", "endplates"]
    heights = node_points(run_record.disc)[parts["endplates"].faces][..., 2]
    flat = np.ptp(heights, axis=1) < 1e-9
    # Faces that are flat lie on the outside of the disc, none where the endplate meets the nucleus.
    np.testing.assert_allclose(np.abs(heights[flat]), 0.5 * synthetic.height)
    assert (~flat).any()
    assert {part.label for part in parts.values()} == {"nucleus pulposus", "annulus fibrosus", "cartilage endplates"}
    assert all(part.colour.startswith("#") and 0.0 < part.opacity < 1.0 for part in parts.values())


def test_a_disc_without_annulus_has_no_part_for_it(run_record: RunRecord) -> None:
    disc = run_record.disc
    bare = SimpleNamespace(
        topology=disc.topology, coordinates=disc.coordinates, tissue_of_element=np.zeros_like(disc.tissue_of_element)
    )
    assert [part.key for part in disc_parts(bare)] == ["nucleus"]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("cells", "per_dot"), [(1e7, 1e4), (1.01e7, 2e4), (4.2e6, 5e3), (9e5, 1e3), (700.0, 1.0), (0.0, 1.0)]
)
def test_a_dot_stands_for_a_round_number(cells: float, per_dot: float) -> None:
    assert cells_per_dot(cells) == per_dot


def test_dots_count_the_cells_and_lie_where_they_are(run_record: RunRecord) -> None:
    densities = list(field_values(run_record.trajectory, "donor"))
    donors = DonorCells(run_record.disc, densities)
    whole, _ = run_record.regions
    for index, density in enumerate(densities):
        dots = donors.dots(index)
        # Nodal means by element against lumped volumes: the same integral to the second order of the mesh, 2 %.
        assert donors.totals[index] == pytest.approx(whole.cells(density), rel=2e-2)
        assert abs(len(dots) - donors.totals[index] / donors.per_dot) <= 1.0
        assert len(dots) <= DOTS
    # The first bolus is a Gaussian around (0, -2, 0): its dots have the same centre, to half of an element of 4 mm.
    assert np.abs(donors.dots(0).mean(axis=0) - [0.0, -2.0, 0.0]).max() < 2.0
    np.testing.assert_array_equal(donors.dots(0), DonorCells(run_record.disc, densities).dots(0))


def test_no_cells_no_dots(run_record: RunRecord) -> None:
    nothing = np.zeros_like(field_values(run_record.sham, "native")[0])
    donors = DonorCells(run_record.disc, [nothing])
    assert donors.dots(0).shape == (0, 3)


def test_a_picture_shows_every_part_and_the_cells(run_record: RunRecord) -> None:
    from matplotlib.figure import Figure

    from pulposus.report._anatomy_picture import paint_parts

    axes = Figure().subplots()
    donors = DonorCells(run_record.disc, list(field_values(run_record.trajectory, "donor")[:1]))
    names = [str(entry.get_label()) for entry in paint_parts(axes, run_record.disc, donors.dots(0))]
    assert names == ["nucleus pulposus", "annulus fibrosus", "cartilage endplates", "injected cells"]
    dots = [one for one in axes.collections if type(one).__name__ == "PathCollection"]
    assert {len(np.asarray(one.get_offsets())) for one in dots} == {len(donors.dots(0))}
    faces = [one for one in axes.collections if type(one).__name__ == "PolyCollection"]
    painted = sum(len(one.get_paths()) for one in faces)
    assert painted == sum(len(part.faces) for part in disc_parts(run_record.disc))
    without = paint_parts(Figure().subplots(), run_record.disc)
    assert len(without) == 3
