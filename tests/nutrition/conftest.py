from __future__ import annotations

from pathlib import Path

import pytest

from pulposus.disc import load_disc
from pulposus.nutrition import Kinetics, solve_nutrition
from pulposus.parameters import load_parameters

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def parameters():
    return load_parameters()


@pytest.fixture(scope="session")
def kinetics(parameters):
    return Kinetics.from_parameters(parameters)


@pytest.fixture(scope="session")
def human():
    """A curved disc with a Robin endplate."""
    return load_disc("human/L4-L5/grade3", "coarse")


@pytest.fixture(scope="session")
def ax1():
    """A layered cylinder with void beside the endplates."""
    return load_disc(BENCHMARKS / "layered_cylinder.yaml", "coarse")


@pytest.fixture(scope="session")
def elliptic():
    """A cylinder without cartilage endplates."""
    return load_disc(BENCHMARKS / "elliptic_cylinder.yaml", "coarse")


@pytest.fixture(scope="session")
def human_state(human):
    return solve_nutrition(human)
