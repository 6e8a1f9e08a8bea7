"""The gels of mechanics_imaging 2.6 and the tissues of its table 2.2 (v0: solid fraction 0.19 and 0.25; rulings 26)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulposus.mechanics import Donnan, Material, NeoHookean, Permeability, PorousNeoHookean, tissue_material
from pulposus.parameters import ParameterSet, load_parameters

V0_SOLID = {"nucleus": 0.19, "annulus": 0.25}


@pytest.fixture(scope="session")
def parameters() -> ParameterSet:
    return load_parameters()


@pytest.fixture(scope="session")
def gel_a(parameters: ParameterSet) -> Material:
    return Material(
        NeoHookean.from_engineering(0.2, 0.2),
        Donnan.from_parameters(parameters, 0.2, 0.2, 1.0),
        Permeability(77.76, 1.2),
    )


@pytest.fixture(scope="session")
def gel_b(parameters: ParameterSet) -> Material:
    """K0 = mu_s (2 + ns) / (3 (1 - ns)) is printed as 0.0916667."""
    return Material(
        PorousNeoHookean(0.1, 0.1 * 2.2 / 2.4, 0.2),
        Donnan.from_parameters(parameters, 0.2, 0.2, 1.0),
        Permeability(77.76, 1.2),
    )


@pytest.fixture(scope="session")
def v0(parameters: ParameterSet) -> Callable[..., Material]:
    """`v0("nucleus", 2)` is the tissue of table 2.2."""

    def make(tissue, grade: int, **place: float) -> Material:
        return tissue_material(parameters, tissue, grade, solid_fraction=V0_SOLID[tissue], **place)

    return make
