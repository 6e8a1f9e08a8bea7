"""The three levels share the laws and agree in their limits (cells_matrix 2.9)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, CellState, Environment, Product, well_mixed
from pulposus.disc import Disc, load_disc
from pulposus.nutrition import Kinetics, NodeVolumes, SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import (
    DiscModel,
    SimulationState,
    advance_by_steps,
    axial_model,
    resolve,
    spatial_model,
    start_state,
    well_mixed_model,
)
from pulposus.simulation._course import SINGLE
from pulposus.simulation._events import InjectionEvent
from pulposus.simulation._model import Surroundings
from pulposus.simulation._plan import Mesh, build_biology, build_model, mesh_of, point_mesh
from pulposus.therapy import load_protocol

OPTIONS = SolverOptions(tolerance=1e-10)
RUN = eqx.filter_jit(lambda model, steps: advance_by_steps(model, start_state(model, 0.05, OPTIONS), steps, OPTIONS))
GO_ON = eqx.filter_jit(lambda model, state, steps: advance_by_steps(model, state, steps, OPTIONS))
STEPS = jnp.concatenate([jnp.full(20, 0.05), jnp.full(18, 0.5), jnp.full(18, 1.0)])

SMALL = ["dose.volume=0.2 mL", "delivery.pressure_model=false"]


def surroundings(osmolarity: float = 405.0) -> Surroundings:
    zero = jnp.zeros(())
    return Surroundings(jnp.asarray(osmolarity), jnp.asarray(0.4), zero, zero, zero, jnp.ones(()))


def without_motion(parameters: CellParameters) -> CellParameters:
    return eqx.tree_at(
        lambda one: (one.motility.random, one.motility.chemotaxis), parameters, (jnp.zeros(()), jnp.zeros(()))
    )


def test_level_0_is_the_well_mixed_integration_of_the_laws(
    product: Product, cell_parameters: CellParameters, kinetics: Kinetics
) -> None:
    """With given solutes the predictor and corrector see the same environment: only the order of rounding differs."""
    cells = CellState.without_donor(jnp.asarray(3.24), jnp.asarray(0.36)).with_injected(jnp.asarray(1.0))
    solutes = jnp.array([2.0, 4.0, 1.2])
    model = well_mixed_model(product, cell_parameters, kinetics, surroundings(), solutes, cells, 1000.0, 1.0, 0.0)
    end = RUN(model, STEPS)
    environment = Environment(
        oxygen=2.0,
        glucose=1.2,
        pH=float(kinetics.neutral_pH - 4.0 / kinetics.lactate_per_pH),
        osmolarity=405.0,
        cytokine=0.4,
    )
    reference = well_mixed.integrate(cells, environment, product, cell_parameters, STEPS)
    for name in ("native", "senescent", "free", "attached", "differentiated", "dead"):
        expected = float(getattr(reference.state, name)[-1])
        assert float(getattr(end.cells, name)[0, 0]) == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_level_0_equals_level_1_at_flat_fields(
    constants: object, product: Product, cell_parameters: CellParameters, kinetics: Kinetics
) -> None:
    """Without consumption the solutes of the slab are flat at the marrow values, so every node is the well-mixed one: 1e-8.

    Motion is off: cells of the endplate, which differentiate faster beside its dense native cells, would mix into the nucleus."""
    cell_parameters = without_motion(cell_parameters)
    disc = load_disc("human/L4-L5/grade1", "coarse")
    levels = disc.topology.levels
    slab = axial_model(
        disc, kinetics, product, cell_parameters, jnp.ones((1, levels)), jnp.asarray(1.0), jnp.asarray(0.0)
    )
    still = eqx.tree_at(
        lambda model: (model.native_rate_factor, model.product.demand, model.product.differentiated_demand),
        slab,
        (
            jnp.zeros(()),
            *(
                eqx.tree_at(lambda d: (d.oxygen, d.glucose), demand, (jnp.zeros(()), jnp.zeros(())))
                for demand in (slab.product.demand, slab.product.differentiated_demand)
            ),
        ),
    )
    end = RUN(still, STEPS)
    marrow = disc.supply.endplate_values
    nucleus = levels // 2
    cells = CellState.without_donor(slab.initial_cells.native[0, nucleus], slab.initial_cells.senescent[0, nucleus])
    point = well_mixed_model(
        product,
        cell_parameters,
        kinetics,
        slab.surroundings,
        marrow,
        cells.with_injected(jnp.asarray(1.0)),
        1.0,
        1.0,
        0.0,
    )
    point = eqx.tree_at(lambda model: model.problem.kinetics, point, slab.problem.kinetics)
    mixed = RUN(point, STEPS)
    for name in ("native", "free", "attached", "differentiated"):
        expected = float(getattr(mixed.cells, name)[0, 0])
        assert float(getattr(end.cells, name)[0, nucleus]) == pytest.approx(expected, rel=1e-8)


def test_level_1_equals_level_2_in_a_sealed_cylinder(
    sealed_cylinder: Path, product: Product, cell_parameters: CellParameters, kinetics: Kinetics
) -> None:
    """One tissue, sealed side, cells uniform: no field depends on the radius, so 3D must give the slab to 1e-3 (it gives far better:
    the meshes share their levels, and only the polygon's rounding differs)."""
    disc = load_disc(sealed_cylinder, "coarse")
    shape = (disc.topology.columns, disc.topology.levels)
    volume = float(jnp.sum(surrounding_volume(disc)))
    dense = 4.0
    number = dense * volume * 1e-3
    whole = spatial_model(
        disc,
        kinetics,
        product,
        cell_parameters,
        jnp.full(shape, dense),
        jnp.ones(shape),
        jnp.asarray(number),
        jnp.asarray(0.0),
    )
    slab = axial_model(
        disc, kinetics, product, cell_parameters, jnp.full((1, shape[1]), dense), jnp.asarray(1.0), jnp.asarray(0.0)
    )
    totals = []
    for model in (whole, slab):
        end = RUN(model, STEPS[:38])
        one = end.totals(model)
        total = float(jnp.sum(model.volume)) * 1e-3
        totals.append(
            [
                float(one.alive) / total,
                float(one.dead) / total,
                float(one.leaked) / total,
                float(one.native_alive) / total,
            ]
        )
        totals[-1] += [float(end.solutes[k][model.mesh.centre]) for k in range(3)]
    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-3)


def surrounding_volume(disc: object) -> jnp.ndarray:
    from pulposus.nutrition import tissue_volumes

    return tissue_volumes(disc).total


# With signals and matrix. Tissues differ in their matrix, so here all of the cylinder is nucleus to the laws of the matrix, and its side is
# as sealed to the signals as it is to the nutrients: in a real disc the signals vanish at the outer annulus, which the axis does not see.


@pytest.fixture
def cylinder(sealed_cylinder: Path) -> Disc:
    return load_disc(sealed_cylinder, "coarse")


def all_nucleus(mesh: Mesh) -> Mesh:
    """The same mesh as one tissue, with a side that is sealed to the signals."""
    total = mesh.volumes.total
    volumes = NodeVolumes(jnp.zeros((3, *total.shape)).at[0].set(total))
    medium = eqx.tree_at(lambda one: one.free, mesh.medium, (total > 0.0).astype(jnp.float64))
    return mesh._replace(volumes=volumes, medium=medium)


def treated_cylinder(
    disc: Disc, level: str, constants: ParameterSet, change: Callable[[DiscModel], DiscModel] = lambda model: model
) -> tuple[DiscModel, SimulationState]:
    """State after some weeks with four million cells per mL everywhere."""
    mesh = all_nucleus(mesh_of(disc, level))
    treatment, _ = resolve(load_protocol("orozco-2011", SMALL), disc, constants)
    model = build_model(disc, treatment, constants, mesh, build_biology(disc, mesh, treatment, constants))
    native = jnp.full(mesh.shape, 3.2)
    cells = CellState.without_donor(native, 0.1 * native)
    model = change(eqx.tree_at(lambda one: one.initial_cells, model, cells))
    model, state = SINGLE.balance(model, SINGLE.start(model, 0.05, OPTIONS))
    one, none = jnp.ones(mesh.shape), jnp.zeros(mesh.shape)
    number = 4e-3 * jnp.sum(mesh.volumes.total)
    injection = InjectionEvent(4.0 * one, one, number, jnp.zeros(()), 10.0 * one, none)
    model, state = SINGLE.happen(injection, model, state)
    return model, GO_ON(model, state, STEPS[:30])


def test_signals_and_matrix_of_level_1_equal_those_of_level_2_in_a_sealed_cylinder(
    cylinder: Disc, constants: ParameterSet
) -> None:
    """No field depends on the radius, so the central column of the mesh must give the bar, signals that pass the endplates included: 1e-3
    as for the cells. The cytokine varies along the axis by more than ten times that."""
    (whole, three), (bar, one) = (treated_cylinder(cylinder, level, constants) for level in ("disc", "slab"))
    column = whole.mesh.centre[0]
    for group in ("cells", "signals", "matrix"):
        pairs = zip(
            jax.tree_util.tree_leaves_with_path(getattr(three, group)),
            jax.tree.leaves(getattr(one, group)),
            strict=True,
        )
        for (path, found), expected in pairs:
            scale = float(np.max(np.abs(np.asarray(expected))))
            np.testing.assert_allclose(
                np.asarray(found)[column],
                np.asarray(expected)[0],
                rtol=1e-3,
                atol=1e-3 * scale,
                err_msg=f"{group}{path}",
            )
    cytokine = np.asarray(one.signals.cytokine)
    assert np.ptp(cytokine) > 0.01 * np.mean(cytokine)
    means = [
        float(model.biology.setting.nucleus_mean(state.matrix.glycosaminoglycan))
        for model, state in ((whole, three), (bar, one))
    ]
    assert means[0] == pytest.approx(means[1], rel=1e-3)


def rates_of(model: DiscModel) -> tuple[jnp.ndarray, ...]:
    """What a cell makes, which the healthy disc sets by place."""
    setting = model.biology.setting
    return setting.aggrecan_synthesis, setting.collagen_II_synthesis, setting.collagen_I_synthesis


def test_signals_and_matrix_of_level_0_equal_those_of_level_1_at_flat_fields(
    cylinder: Disc, constants: ParameterSet
) -> None:
    """Cells that use nothing, endplates that no signal passes, the same synthesis by every cell: each node of the bar is the mixed node.
    1e-8: the steady solve of the cytokine stands between them."""

    def flat(model: DiscModel) -> DiscModel:
        nothing = jnp.zeros(())
        fasting = [
            eqx.tree_at(lambda d: (d.oxygen, d.glucose), demand, (nothing, nothing))
            for demand in (model.product.demand, model.product.differentiated_demand)
        ]
        return eqx.tree_at(
            lambda one: (
                one.native_rate_factor,
                one.product.demand,
                one.product.differentiated_demand,
                one.biology.signals.parameters.transport.permeability,
                *rates_of(one),
            ),
            model,
            (nothing, *fasting, nothing, *(jnp.full_like(rate, 1.5) for rate in rates_of(model))),
        )

    _, bar = treated_cylinder(cylinder, "slab", constants, flat)
    treatment, _ = resolve(load_protocol("orozco-2011", SMALL), cylinder, constants)
    mesh = all_nucleus(point_mesh(cylinder))
    like = build_model(cylinder, treatment, constants, all_nucleus(mesh_of(cylinder, "slab")), None)
    point = well_mixed_model(
        treatment.product,
        like.parameters,
        like.problem.kinetics,
        like.surroundings,
        cylinder.supply.endplate_values,
        CellState.without_donor(jnp.asarray(3.2), jnp.asarray(0.32)),
        float(mesh.volumes.total[0, 0]),
        0.0,
        0.0,
        build_biology(cylinder, mesh, treatment, constants),
    )
    point = eqx.tree_at(rates_of, point, tuple(jnp.full_like(rate, 1.5) for rate in rates_of(point)))
    point, state = SINGLE.balance(point, SINGLE.start(point, 0.05, OPTIONS))
    one, none = jnp.ones((1, 1)), jnp.zeros((1, 1))
    number = 4e-3 * jnp.sum(mesh.volumes.total)
    point, state = SINGLE.happen(InjectionEvent(4.0 * one, one, number, jnp.zeros(()), 10.0 * one, none), point, state)
    end = GO_ON(point, state, STEPS[:30])
    for group in ("cells", "signals", "matrix"):
        pairs = zip(
            jax.tree_util.tree_leaves_with_path(getattr(bar, group)), jax.tree.leaves(getattr(end, group)), strict=True
        )
        for (path, found), expected in pairs:
            np.testing.assert_allclose(
                np.asarray(found), float(expected[0, 0]), rtol=1e-8, atol=1e-12, err_msg=f"{group}{path}"
            )
