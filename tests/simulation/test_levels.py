"""The three levels share the laws and agree in their limits (cells_matrix 2.9)."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, CellState, Environment, Product, well_mixed
from pulposus.disc import load_disc
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.simulation import axial_model, spatial_model, start_state, well_mixed_model
from pulposus.simulation._model import Surroundings
from pulposus.simulation._step import advance_by_steps

OPTIONS = SolverOptions(tolerance=1e-10)
RUN = eqx.filter_jit(lambda model, steps: advance_by_steps(model, start_state(model, 0.05, OPTIONS), steps, OPTIONS))
STEPS = jnp.concatenate([jnp.full(20, 0.05), jnp.full(18, 0.5), jnp.full(18, 1.0)])

SEALED_CYLINDER = """
schema_version: 1
name: sealed cylinder
shape: {kind: elliptic-cylinder, half_width: 12 mm, half_depth: 12 mm, height: 10 mm, nucleus_area_fraction: 0.5}
tissues:
  nucleus: {cell_density: 3.6 million cell/mL, transport_water_fraction: 0.78}
  annulus: {cell_density: 3.6 million cell/mL, transport_water_fraction: 0.78}
supply:
  endplate: {oxygen: 5.1 kPa, lactate: 0.8 mM, glucose: 4.0 mM}
  annulus_sealed: true
  endplate_supply: 1.0
"""


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
    tmp_path: Path, product: Product, cell_parameters: CellParameters, kinetics: Kinetics
) -> None:
    """One tissue, sealed side, cells uniform: no field depends on the radius, so 3D must give the slab to 1e-3 (it gives far better:
    the meshes share their levels, and only the polygon's rounding differs)."""
    file = tmp_path / "cylinder.yaml"
    file.write_text(SEALED_CYLINDER, encoding="utf-8")
    disc = load_disc(file, "coarse")
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
