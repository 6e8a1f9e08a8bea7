"""Shared fixtures of the cells room: the shipped constants, and laws reduced to one mechanism for closed forms."""

from __future__ import annotations

from collections.abc import Iterator

import equinox as eqx
import jax
import pytest

from pulposus.cells import CellParameters, Environment, Product
from pulposus.parameters import ParameterSet, load_parameters


@pytest.fixture(autouse=True)
def _strict_ranks() -> Iterator[None]:
    with jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(scope="session")
def constants() -> ParameterSet:
    return load_parameters()


@pytest.fixture(scope="session")
def parameters(constants: ParameterSet) -> CellParameters:
    return CellParameters.from_parameters(constants)


@pytest.fixture(scope="session")
def product(constants: ParameterSet) -> Product:
    return Product.from_parameters(constants)


@pytest.fixture(scope="session")
def benign() -> Environment:
    """So rich and so far from every threshold that no law acts: exp(-200) is nothing in double precision."""
    return Environment(oxygen=3.0, glucose=1e18, pH=40.0, osmolarity=-1e4)


@pytest.fixture(scope="session")
def grade_three() -> Environment:
    """A degenerate human nucleus where every law has a say."""
    return Environment(
        oxygen=1.5,
        glucose=0.45,
        pH=6.85,
        osmolarity=470.0,
        cytokine=0.4,
        growth_factor=2.0,
        annulus_opening=0.2,
        endplate_opening=0.1,
        load=1.1,
    )


@pytest.fixture(scope="session")
def no_senescence(parameters: CellParameters) -> CellParameters:
    return eqx.tree_at(lambda tree: tree.native.senescence.rate, parameters, jax.numpy.zeros(()))
