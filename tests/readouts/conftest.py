"""Discs of the five grades on a coarse mesh, with the composition of the grade table."""

from __future__ import annotations

import pytest

from pulposus.disc import load_disc
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.readouts import DiscView, RelaxationLaws, Scan, Scene, graded_view, scene_of


@pytest.fixture(scope="session")
def parameters() -> ParameterSet:
    """The constants of the model."""
    return load_parameters()


@pytest.fixture(scope="session")
def laws(parameters: ParameterSet) -> RelaxationLaws:
    """The laws of magnetic resonance."""
    return RelaxationLaws.from_parameters(parameters)


@pytest.fixture(scope="session")
def grades(parameters: ParameterSet) -> list[DiscView]:
    """Human L4-L5 discs of grade I to V."""
    return [
        graded_view(load_disc(f"human/L4-L5/grade{grade}", "coarse", parameters), parameters) for grade in range(1, 6)
    ]


@pytest.fixture(scope="session")
def scenes(grades: list[DiscView], parameters: ParameterSet) -> list[Scene]:
    """Each of them between its neighbours."""
    return [scene_of(disc, parameters) for disc in grades]


@pytest.fixture(scope="session")
def scene(scenes: list[Scene]) -> Scene:
    """That of grade III."""
    return scenes[2]


@pytest.fixture(scope="session")
def scan(parameters: ParameterSet) -> Scan:
    """The usual scan with voxels of twice the size, so that a test takes a quarter of the time."""
    return Scan.from_parameters(parameters.replace({"imaging.scan.voxel": 1.4}))
