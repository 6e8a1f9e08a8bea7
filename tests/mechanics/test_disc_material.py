"""The material of a disc, point by point: the laws of a specimen, the frame of the fibres, composition of the image, damage."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.mechanics import PointComposition, TissueTable, disc_solid, tissue_material
from pulposus.mechanics._disc_material import FibreFrame, ImagedState, point_materials
from pulposus.mechanics._disc_places import ANNULUS, ENDPLATE, NUCLEUS
from pulposus.mechanics._disc_problem import relative_field
from pulposus.parameters import load_parameters

PARAMETERS = load_parameters()


def one_point(tissue: int, *, solid: float = 0.3, charge: float = 0.2, fissure: float = 0.0, loss: float = 0.0):
    """The material of one point, with the axes of a specimen: circumference x, axis z."""
    at = jnp.ones((1, 1))
    frame = FibreFrame(0.25 * at, 0.5 * at, jnp.array([[[1.0, 0.0, 0.0]]]))
    state = PointComposition(solid * at, charge * at, fissure * at, loss * at)
    material = point_materials(TissueTable.of_grade(PARAMETERS, 3), jnp.array([tissue]), frame, state)
    return jax.tree.map(lambda leaf: leaf[0, 0], material)


@pytest.mark.parametrize(("code", "name"), [(NUCLEUS, "nucleus"), (ANNULUS, "annulus"), (ENDPLATE, "endplate")])
def test_a_point_is_a_specimen_of_its_tissue(code, name) -> None:
    """The same constants as `tissue_material`, to the last bit; tissue without fibres has fibres of no stiffness."""
    place = {"depth": 0.25, "forward": 0.5} if name == "annulus" else {}
    specimen = tissue_material(PARAMETERS, name, 3, solid_fraction=0.3, fixed_charge=0.2, **place)
    point = one_point(code)
    for part in ("solid", "donnan", "permeability"):
        for left, right in zip(*(jax.tree.leaves(getattr(one, part)) for one in (point, specimen)), strict=True):
            assert float(left) == float(right)
    assert point.fibres is not None
    if specimen.fibres is None:
        assert float(point.fibres.stiffness) == 0.0
    else:
        np.testing.assert_allclose(point.fibres.directions, specimen.fibres.directions, rtol=0, atol=1e-15)
        assert float(point.fibres.stiffness) == pytest.approx(float(specimen.fibres.stiffness), rel=1e-15)


def test_a_fissure_weakens_and_leaks() -> None:
    """C_f (1 - w)(1 - d) and k0 (1 + 100 w) (rulings 40)."""
    intact, torn = one_point(ANNULUS), one_point(ANNULUS, fissure=0.4, loss=0.5)
    assert intact.fibres is not None and torn.fibres is not None
    assert float(torn.fibres.stiffness / intact.fibres.stiffness) == pytest.approx(0.6 * 0.5, rel=1e-14)
    assert float(torn.permeability.reference / intact.permeability.reference) == pytest.approx(41.0, rel=1e-14)


def test_the_image_has_its_composition_at_its_volume() -> None:
    """Rulings 44: (J - ns)/J and c at J are those of the image."""
    at = jnp.ones((1, 1))
    J = 1.3 * at
    state = ImagedState(0.8 * at, 0.25 * at, 0.0 * at, 0.0 * at).at_reference(J)
    ns, c0 = float(state.solid_fraction[0, 0]), float(state.fixed_charge[0, 0])
    assert (1.3 - ns) / 1.3 == pytest.approx(0.8, rel=1e-14)
    assert c0 * (1.0 - ns) / (1.3 - ns) == pytest.approx(0.25, rel=1e-14)


@pytest.fixture(scope="module")
def solid():
    return disc_solid(load_disc("human/L4-L5/grade4", "mechanics"), PARAMETERS)


@pytest.mark.parametrize(
    ("code", "water", "charge"),
    # Laws of rulings 3 and 26 at 28, 17.9 and 31.24 mg/mL; the endplate has its own.
    [
        (NUCLEUS, 0.663 + 0.0028 * 28.0, 0.0038 * 28.0 / (0.663 + 0.0028 * 28.0)),
        (ANNULUS, 0.545 + 0.0042 * 17.9, 0.0038 * 17.9 / (0.545 + 0.0042 * 17.9)),
        (ENDPLATE, 0.57, 0.18),
    ],
)
def test_composition_is_the_matrix_rooms(solid, code, water, charge) -> None:
    here = solid.places.within(code) > 0.0
    np.testing.assert_allclose(solid.imaged.water[here], water, rtol=1e-12)
    np.testing.assert_allclose(solid.imaged.fixed_charge[here], charge, rtol=1e-12)


def test_fissures_lie_in_the_annulus_and_behind(solid) -> None:
    fissure = solid.imaged.fissure
    assert float(jnp.max(fissure * (1.0 - solid.places.within(ANNULUS)))) == 0.0
    behind, before = solid.places.forward < -0.9, solid.places.forward > 0.9
    annulus = solid.places.within(ANNULUS) > 0.0
    assert float(jnp.mean(fissure[annulus & behind])) > 3.0 * float(jnp.mean(fissure[annulus & before]))
    assert float(jnp.min(fissure)) >= 0.0 and float(jnp.max(fissure)) <= 1.0


def test_the_film_is_that_of_the_cartilage(solid) -> None:
    """kappa = k / t: 43.2 mm2/(MPa day) over 0.54 to 0.86 mm, none outside the cartilage."""
    some = solid.film[solid.film > 0.0]
    assert float(jnp.max(some)) <= 43.2 / 0.54 + 1e-9
    assert float(jnp.min(some)) >= 43.2 / 0.86 - 1e-9
    # Two rings of sixteen elements lie outside the cartilage, on each of two faces.
    assert int(jnp.sum(solid.film == 0.0)) == 2 * 2 * 16


def test_a_relative_field_is_one_without_change(solid) -> None:
    nothing = jnp.zeros((solid.places.mesh.topology.columns, solid.places.mesh.topology.levels))
    assert float(jnp.max(jnp.abs(relative_field(solid.places, nothing, nothing) - 1.0))) < 1e-14
