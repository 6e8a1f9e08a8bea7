from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc._map import DiscMap
from pulposus.disc._shape import anatomical_map
from pulposus.disc._sheet import Sheet
from pulposus.parameters import load_parameters


@pytest.fixture(scope="session")
def parameters():
    return load_parameters()


@pytest.fixture(scope="session")
def generic(parameters) -> DiscMap:
    """The worked case human-L4L5-generic of mechanics_imaging 1.4."""
    from pulposus.disc._document import AnatomicalShape

    shape = AnatomicalShape(kind="anatomical", species="human", level="L4-L5-generic")
    return anatomical_map(shape, "human", "L4-L5-generic", Sheet(parameters, 1), "test")


def _section_integral(disc: DiscMap, function, inner: float = 0.0, outer: float = 1.0) -> float:
    """Integral over a ring of the section: Gauss in the radius, trapezoid in the angle; exact for the map's polynomials."""
    from pulposus.disc._map import section_determinant

    nodes, weights = np.polynomial.legendre.leggauss(16)
    rho = 0.5 * (inner + outer) + 0.5 * (outer - inner) * nodes
    angle = 2.0 * np.pi * np.arange(48) / 48.0
    r, t = np.meshgrid(rho, angle, indexing="ij")
    xi, eta = r * np.cos(t), r * np.sin(t)
    values = function(xi, eta) * section_determinant(disc, xi, eta) * r
    return float((values.sum(axis=1) * weights).sum() * 0.5 * (outer - inner) * 2.0 * np.pi / 48.0)


@pytest.fixture(scope="session")
def section_integral():
    return _section_integral
