"""Small discs and products that the simulation tests share; each builds once."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import pytest

from pulposus.cells import CellParameters, CellState, Product
from pulposus.cells._arrays import as_field
from pulposus.disc import Disc, load_disc
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.simulation import (
    DiscModel,
    Plan,
    Progress,
    SimulationResult,
    SimulationState,
    StepControl,
    plan_of,
    settle,
    simulate,
    spatial_model,
    well_mixed_model,
)
from pulposus.simulation._events import InjectionEvent
from pulposus.simulation._model import Surroundings
from pulposus.simulation._plan import build_biology, point_mesh
from pulposus.therapy import Protocol, Treatment, load_protocol

SLAB = ["numerics.level=slab", "numerics.resolution=coarse"]


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


@pytest.fixture(scope="session")
def slab_study() -> Protocol:
    """A published study on the coarse slab."""
    return load_protocol("orozco-2011", SLAB)


@pytest.fixture(scope="session")
def told() -> list[Progress]:
    """What `month` told while it ran."""
    return []


@pytest.fixture(scope="session")
def month(slab_study: Protocol, told: list[Progress]) -> SimulationResult:
    """Four weeks of that study."""
    return simulate(slab_study, until=28.0, progress=told.append)


@pytest.fixture(scope="session")
def slab_plan(slab_study: Protocol, human_disc: Disc, constants: ParameterSet) -> Plan:
    """What that study does to its disc."""
    return plan_of(slab_study, human_disc, constants, "slab", 28.0)


@pytest.fixture(scope="session")
def settled(slab_plan: Plan) -> tuple[DiscModel, SimulationState]:
    """The disc of that study on the coarse slab, in balance and untreated, at day 0."""
    return settle(slab_plan, StepControl(), SolverOptions(tolerance=1e-6))


@pytest.fixture(scope="session")
def well_mixed() -> Callable[[Disc, ParameterSet, Treatment], tuple[DiscModel, InjectionEvent]]:
    """`well_mixed(disc, constants, treatment)` is the nucleus as one node (level 0) in given nutrients, and its bolus."""

    def build(disc: Disc, constants: ParameterSet, treatment: Treatment) -> tuple[DiscModel, InjectionEvent]:
        mesh = point_mesh(disc)
        density, share = disc.tissue.cell_density[0], disc.tissue.senescent_share[0]
        volume = float(mesh.volumes.total[0, 0])
        model = well_mixed_model(
            treatment.product,
            CellParameters.from_parameters(constants, switches=treatment.switches),
            Kinetics.from_parameters(constants),
            Surroundings.of_disc(disc),
            jnp.array([3.0, 3.0, 1.5]),
            CellState.without_donor(density * (1.0 - share), density * share),
            volume,
            0.0,
            0.0,
            build_biology(disc, mesh, treatment, constants),
        )
        one = jnp.ones((1, 1))
        cells = (as_field(treatment.injected_cells), as_field(treatment.leaked_cells))
        free = one * (1e3 * treatment.retained_cells / volume)
        return model, InjectionEvent(free, one, *cells, jnp.zeros((1, 1)), one)

    return build
