"""Where the points of a disc lie: exact radii, tissues, sectors, and what is refused."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import load_disc
from pulposus.errors import InvalidInput
from pulposus.mechanics import disc_places
from pulposus.mechanics._disc_places import ANNULUS, ENDPLATE, NUCLEUS, SECTORS, ring_radii, sector_of

GENERIC = "human/L4-L5-generic"


@pytest.fixture(scope="module")
def generic():
    return load_disc(GENERIC, "mechanics")


def test_the_radii_follow_from_the_nodes(generic) -> None:
    """rho_N and rho_CEP of the worked case (mechanics_imaging 1.4), to rounding: the identity of the harmonics is exact."""
    assert ring_radii(generic.topology, generic.coordinates) == pytest.approx((0.65894, 0.81), abs=1e-12)


def test_volumes_of_the_tissues_are_those_of_the_map(generic) -> None:
    """Nucleus 8209 mm3, disc 19658 mm3 (mechanics_imaging 1.4); quadratic elements of 22 degrees err below 1e-4."""
    places = disc_places(generic)
    _, volume = places.mesh.point_slopes(places.mesh.gather(generic.coordinates))
    assert float(jnp.sum(volume)) == pytest.approx(19658.0, rel=1e-3)
    assert float(jnp.sum(volume * places.within(NUCLEUS))) == pytest.approx(8209.0, rel=1e-3)
    assert float(jnp.min(volume)) > 0.0
    whole = sum(places.within(code) for code in (NUCLEUS, ANNULUS, ENDPLATE))
    assert float(jnp.min(whole)) == float(jnp.max(whole)) == 1.0


def test_depth_and_direction(generic) -> None:
    places = disc_places(generic)
    annulus = places.within(ANNULUS) > 0.0
    assert 0.0 < float(jnp.min(places.depth[annulus & (places.rho > places.nucleus_radius + 0.01)])) < 0.1
    assert 0.9 < float(jnp.max(places.depth)) < 1.0
    assert float(jnp.max(jnp.abs(places.zeta))) < 1.0
    front = places.sector == SECTORS.index("anterior")
    assert float(jnp.min(places.forward[front])) == pytest.approx(np.cos(np.pi / 8), abs=0.05)
    assert {int(one) for one in places.depth_third[annulus].tolist()} == {0, 1, 2}


@pytest.mark.parametrize(
    ("point", "name"),
    [
        ((1, 0), "right"),
        ((0, 1), "anterior"),
        ((-1, 0.01), "left"),
        ((0, -1), "posterior"),
        ((-1, -1), "left posterior"),
    ],
)
def test_sectors(point, name) -> None:
    assert SECTORS[int(sector_of(jnp.asarray(float(point[0])), jnp.asarray(float(point[1]))))] == name


def test_the_circumference_is_the_derivative_of_the_map(generic) -> None:
    """t against the map's own derivative; the quadratic element errs with the third power of its half angle, 0.2^3 / 6."""
    places = disc_places(generic)
    frame = places.frame(places.mesh.gather(generic.coordinates))
    assert float(jnp.max(jnp.abs(jnp.sum(frame.tangent**2, axis=-1) - 1.0))) < 1e-12
    outer = places.rho > 0.95
    xi, eta = (np.asarray(places.reference[..., axis])[outer] for axis in (0, 1))
    # At the rim the tangent of x = A1 cos + B2 sin 2 + A3 cos 3, y = C1 sin + D2 cos 2 + C3 sin 3 is near that of an ellipse.
    angle = np.arctan2(eta, xi)
    expected = np.stack([-np.sin(angle) * 25.4, np.cos(angle) * 19.2], axis=-1)
    expected /= np.linalg.norm(expected, axis=-1, keepdims=True)
    alike = np.sum(np.asarray(frame.tangent)[outer][:, :2] * expected, axis=-1)
    assert alike.min() > np.cos(np.radians(15.0))


def test_a_mesh_for_transport_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no quadratic elements"):
        disc_places(load_disc(GENERIC, "coarse"))


def test_a_void_is_refused(tmp_path) -> None:
    path = tmp_path / "layered.yaml"
    path.write_text(
        "schema_version: 1\nname: layered\nshape: {kind: layered-cylinder, half_width: 22 mm, half_depth: 22 mm,"
        " nucleus_half_width: 14 mm, endplate_half_width: 18 mm, nucleus_height: 12 mm, endplate_thickness: 0.6 mm}\n"
    )
    with pytest.raises(InvalidInput, match="void"):
        disc_places(load_disc(path, "mechanics"))
