"""Where points lie in a disc: the inverse of the map, interpolation, means."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.errors import InvalidInput
from pulposus.mesh import element_volumes
from pulposus.parameters import ParameterSet
from pulposus.readouts import DiscView, disc_view, graded_view, locate
from pulposus.readouts._disc_view import ANNULUS, ENDPLATE, NEWTON_PASSES, NUCLEUS, OUTSIDE


def test_linear_fields_are_read_exactly(grades: list[DiscView]) -> None:
    """Coordinates interpolated at a point are the point: the inverse map and the interpolation agree."""
    disc = grades[2]
    random = np.random.default_rng(3)
    low, high = disc.coordinates.min(axis=(0, 1)), disc.coordinates.max(axis=(0, 1))
    points = random.uniform(low, high, (4000, 3))
    places = locate(disc, points)
    inside = places.tissue >= 0
    assert inside.mean() > 0.5
    found = np.stack([places.values(disc.coordinates[..., axis]) for axis in range(3)], axis=-1)
    # Newton stops at 1e-12 of an element.
    np.testing.assert_allclose(found[inside], points[inside], atol=1e-9)
    assert places.columns.passes < NEWTON_PASSES


def test_the_volume_inside_is_that_of_the_mesh(grades: list[DiscView]) -> None:
    """Monte Carlo over the box: 40,000 points leave a standard error of 0.3 % of the box; three of them."""
    disc = grades[0]
    low, high = disc.coordinates.min(axis=(0, 1)), disc.coordinates.max(axis=(0, 1))
    points = np.random.default_rng(5).uniform(low, high, (40_000, 3))
    tissue = locate(disc, points).tissue
    box = float(np.prod(high - low))
    volumes = np.asarray(element_volumes(disc.topology, disc.coordinates))
    for code in (NUCLEUS, ANNULUS, ENDPLATE):
        expected = float(volumes[disc.tissue == code].sum()) / box
        assert (tissue == code).mean() == pytest.approx(expected, abs=0.0075)
        assert disc.nodal_volumes[code].sum() == pytest.approx(expected * box, rel=1e-10)


def test_points_outside_are_outside(grades: list[DiscView]) -> None:
    high = grades[0].coordinates.max(axis=(0, 1))
    places = locate(grades[0], np.array([[0.0, 0.0, 30.0], [100.0, 0.0, 0.0], high + 1.0]))
    assert (places.tissue == OUTSIDE).all()
    assert list(places.columns.inside) == [True, False, False]


def test_the_nucleus_has_the_radius_of_the_map(grades: list[DiscView], parameters: ParameterSet) -> None:
    """rho_N of the worked case is 0.659; its area of a squeezed nucleus differs by 0.2 %."""
    assert grades[0].nucleus_radius == pytest.approx(parameters.value("geometry.generic.rho_N"), abs=0.005)


def test_means_take_nodes_of_one_tissue_only(grades: list[DiscView], parameters: ParameterSet) -> None:
    """The grade table's water comes back unmixed: the nodes on a border are left out."""
    for grade, disc in enumerate(grades):
        for tissue, name in ((NUCLEUS, "nucleus"), (ANNULUS, "annulus"), (ENDPLATE, "endplate")):
            expected = parameters.by_grade(f"grades.composition_water_fraction.{name}")[grade]
            assert disc.mean(disc.fields["water_fraction"], tissue) == pytest.approx(expected, rel=1e-12)


def test_a_graded_disc_has_the_heights_and_cells_of_its_grade(grades: list[DiscView]) -> None:
    assert [disc.height_ratio for disc in grades] == [1.0, 1.0, 0.95, 0.8, 0.55]
    assert [disc.grade for disc in grades] == [1, 2, 3, 4, 5]
    assert grades[0].healthy_cell_density == 3.6
    assert not grades[4].endplate_fractured
    assert grades[4].endplate_supply == pytest.approx(0.35, abs=1e-12)


def test_a_run_without_a_matrix_is_refused(grades: list[DiscView], parameters: ParameterSet) -> None:
    disc = load_disc("human/L4-L5/grade3", "coarse", parameters)
    fields = dict(grades[2].fields)
    del fields["fissure"]
    with pytest.raises(InvalidInput, match="no field fissure") as caught:
        disc_view(disc, fields, parameters)
    assert "matrix" in caught.value.allowed


def test_fields_of_another_mesh_are_refused(grades: list[DiscView], parameters: ParameterSet) -> None:
    disc = load_disc("human/L4-L5/grade3", "standard", parameters)
    with pytest.raises(InvalidInput, match="do not lie on the mesh"):
        disc_view(disc, grades[2].fields, parameters)


def test_a_deformed_disc_has_its_present_height(grades: list[DiscView], parameters: ParameterSet) -> None:
    """Only heights change: the columns of a view stay upright, whatever bulges."""
    disc = load_disc("human/L4-L5/grade3", "coarse", parameters)
    nodes = np.asarray(disc.coordinates)
    moved = nodes * np.array([0.02, 0.02, -0.1])
    view = disc_view(disc, grades[2].fields, parameters, moved)
    np.testing.assert_array_equal(view.section, grades[2].section)
    for before, after in zip(grades[2].faces, view.faces, strict=True):
        np.testing.assert_allclose(after, 0.9 * before, rtol=1e-12)
    assert view.height_ratio == pytest.approx(0.9 * grades[2].height_ratio, rel=1e-12)


def test_a_disc_without_cartilage_endplates(parameters: ParameterSet, tmp_path) -> None:
    file = tmp_path / "block.yaml"
    file.write_text(
        "schema_version: 1\nname: block\nshape: {kind: elliptic-cylinder, half_width: 25 mm, half_depth: 18 mm, "
        "height: 10 mm, nucleus_area_fraction: 0.45}\n",
        encoding="utf-8",
    )
    disc = graded_view(load_disc(str(file), "coarse", parameters), parameters)
    assert disc.nodal_volumes[ENDPLATE].sum() == 0.0
    assert locate(disc, np.zeros((1, 3))).tissue[0] == NUCLEUS
    assert replace(disc, name="other").nucleus_radius == pytest.approx(np.sqrt(0.45), abs=0.005)
