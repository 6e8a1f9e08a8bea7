"""Small discs and products that the simulation tests share; each builds once."""

from __future__ import annotations

import jax.numpy as jnp
import pytest

from pulposus.cells import CellParameters, CellState, Product
from pulposus.disc import Disc, load_disc
from pulposus.nutrition import Kinetics
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.simulation import DiscModel, spatial_model


@pytest.fixture(scope="session")
def constants() -> ParameterSet:
    return load_parameters()


@pytest.fixture(scope="session")
def kinetics(constants: ParameterSet) -> Kinetics:
    return Kinetics.from_parameters(constants)


@pytest.fixture(scope="session")
def cell_parameters(constants: ParameterSet) -> CellParameters:
    return CellParameters.from_parameters(constants)


@pytest.fixture(scope="session")
def product(constants: ParameterSet) -> Product:
    return Product.from_parameters(constants, carrier="saline")


@pytest.fixture(scope="session")
def human_disc() -> Disc:
    return load_disc("human/L4-L5/grade4", "coarse")


@pytest.fixture(scope="session")
def treated(human_disc: Disc, kinetics: Kinetics, product: Product, cell_parameters: CellParameters) -> DiscModel:
    """A degenerated disc with one million free cells per mL everywhere in its nodes."""
    shape = (human_disc.topology.columns, human_disc.topology.levels)
    free = jnp.ones(shape)
    number = float(jnp.sum(_volumes(human_disc))) * 1e-3
    return spatial_model(
        human_disc,
        kinetics,
        product,
        cell_parameters,
        free,
        jnp.ones(shape),
        jnp.asarray(number / 0.8),
        jnp.asarray(0.25 * number),
    )


def _volumes(disc: Disc) -> jnp.ndarray:
    from pulposus.nutrition import tissue_volumes

    return tissue_volumes(disc).total


def no_cells() -> CellState:
    return CellState.without_donor(jnp.asarray(0.0))
