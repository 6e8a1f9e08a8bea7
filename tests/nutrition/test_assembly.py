"""From a disc to its nutrition problem: volumes, conductances, supply and demand."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.mesh import apply_stencil, element_volumes
from pulposus.nutrition import Kinetics, kinetics_of, native_demand, nutrition_problem, tissue_volumes
from pulposus.nutrition._assembly import SEALED_BELOW


@eqx.filter_jit
def _problem(disc, kinetics):
    return nutrition_problem(disc, kinetics)


def _with_supply(disc, relative):
    return eqx.tree_at(
        lambda d: d.supply.endplate_supply,
        disc,
        jnp.broadcast_to(jnp.asarray(relative), disc.supply.endplate_supply.shape),
    )


@pytest.mark.parametrize("name", ["human", "ax1", "elliptic"])
def test_volumes_by_tissue(name, request):
    disc = request.getfixturevalue(name)
    volumes = tissue_volumes(disc)
    elements = np.asarray(element_volumes(disc.topology, disc.coordinates))
    for code in range(3):
        expected = elements[disc.tissue_of_element == code].sum()
        assert float(jnp.sum(volumes.by_tissue[code])) == pytest.approx(expected, rel=1e-12)
    assert np.all((np.asarray(volumes.total) == 0.0) == disc.layout.void_nodes)
    average = np.asarray(volumes.average(jnp.array([1.0, 2.0, 4.0])))
    filled = ~disc.layout.void_nodes
    assert average[filled].min() == pytest.approx(1.0)
    assert average[filled].max() <= 4.0 + 1e-12
    assert np.all(average[~filled] == 0.0)


def test_the_disc_sets_limiter_solubility_and_acid_line(kinetics, elliptic):
    found = kinetics_of(elliptic, kinetics)
    assert float(found.glucose_limiter) == 0.5
    assert float(found.lactate_per_pH) == pytest.approx(1.0 / 0.09)
    assert float(found.oxygen_amplitude) == float(kinetics.oxygen_amplitude)
    assert isinstance(found, Kinetics)


def test_demand_of_the_native_cells(human):
    """density x active fraction x multiplier x volume; the oxygen sink carries the water fraction in `upf2025` (rulings 30 and 31)."""
    volumes = tissue_volumes(human)
    demand = np.asarray(native_demand(human, volumes))
    assert np.array_equal(demand[1], demand[2])
    condition = human.condition
    factor = float(condition.metabolically_active_fraction * condition.metabolic_multiplier)
    assert factor == pytest.approx(0.85 * 1.3)  # transport 2.3, grade III
    totals = np.asarray(jnp.sum(volumes.by_tissue, axis=(1, 2)))
    assert demand[2].sum() == pytest.approx(factor * np.dot([3.6, 5.55, 13.5], totals), rel=1e-12)
    assert demand[0].sum() == pytest.approx(factor * np.dot([3.6 * 0.76, 5.55 * 0.70, 13.5 * 0.60], totals), rel=1e-12)


def test_conductance_of_a_partly_open_endplate(human, kinetics):
    """k = D_CEP/t P/(1 - P) times the area under the endplate, at the marrow's values (transport 3.2, ruling 30)."""
    problem = _problem(_with_supply(human, 0.7), kinetics)
    exchange = np.asarray(problem.exchange)
    assert np.all(exchange[:, :, 1:-1] == 0.0)
    assert np.all(exchange[:, human.topology.rim] == 0.0)
    diffusivity = np.asarray(human.tissue.diffusivity)[:, 2]
    for face, level in ((0, 0), (1, -1)):
        conductance = exchange[:, :, level] / diffusivity[:, None] * (0.3 / 0.7)
        assert conductance[0] == pytest.approx(conductance[2], rel=1e-12)  # one relative supply for all solutes
        area = conductance[0] * np.asarray(human.supply.endplate_thickness[face])
        corners = np.asarray(human.coordinates)[
            human.topology.quads[human.layout.endplate_quads], 0 if face == 0 else -1
        ]
        diagonals = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
        # Half the cross product of the diagonals is the area of a plane quadrilateral; these are curved by less than 1 %.
        assert area.sum() == pytest.approx(0.5 * np.linalg.norm(np.cross(*diagonals), axis=1).sum(), rel=1e-2)
    assert np.asarray(problem.load) == pytest.approx(exchange * np.asarray(human.supply.endplate_values)[:, None, None])
    assert np.all(np.asarray(problem.free)[:, 0][human.layout.endplate_nodes[:, 0]] == 1.0)


def test_a_full_supply_fixes_the_face(human, kinetics):
    problem = _problem(_with_supply(human, 1.0), kinetics)
    assert np.all(np.asarray(problem.exchange) == 0.0)
    assert np.all(np.asarray(problem.free)[human.layout.endplate_nodes] == 0.0)
    start = np.asarray(problem.start)
    assert start[:, 0, 0] == pytest.approx([5.1, 0.8, 4.0])
    assert start[:, human.topology.rim[0], 5] == pytest.approx([5.8, 0.9, 5.0])


def test_edges_take_the_annulus_values(human, elliptic, kinetics):
    """transport 3.1; the elliptic cylinder shares its whole edge."""
    for disc in (human, elliptic):
        start = np.asarray(_problem(disc, kinetics).start)
        assert start[2, disc.topology.rim][:, [0, -1]] == pytest.approx(5.0)


@pytest.mark.parametrize("relative", [0.0, 0.5 * SEALED_BELOW])
def test_a_sealed_face_passes_nothing(human, kinetics, relative):
    problem = _problem(_with_supply(human, relative), kinetics)
    assert np.all(np.asarray(problem.exchange) == 0.0)
    assert np.all(np.asarray(problem.free)[human.layout.endplate_nodes] == 1.0)


def test_supply_varies_in_space(human, kinetics):
    """Full, sealed and partly open columns side by side."""
    columns = human.topology.columns
    relative = jnp.stack([jnp.linspace(0.0, 1.0, columns), jnp.full(columns, 0.5)])
    problem = _problem(_with_supply(human, relative), kinetics)
    inside = human.layout.endplate_nodes[:, 0] & (np.arange(columns) > 0)
    full = np.asarray(relative[0]) == 1.0
    conductance = np.asarray(problem.exchange)[0, :, 0]
    assert np.all(conductance[inside & ~full] > 0.0)
    assert np.all(conductance[full] == 0.0)
    assert conductance[0] == 0.0


def test_beside_the_endplates_no_flux(human, kinetics):
    """The bone over the annulus rim is closed: nodes outside the endplate ring are free and exchange nothing."""
    problem = _problem(human, kinetics)
    mesh = human.topology
    outside = np.setdiff1d(np.unique(mesh.quads[mesh.quad_region == 2]), np.concatenate([mesh.endplate_ring, mesh.rim]))
    assert np.all(np.asarray(problem.free)[outside][:, [0, -1]] == 1.0)
    assert np.all(np.asarray(problem.exchange)[:, outside] == 0.0)


def test_void_is_out_of_the_problem(ax1, kinetics):
    problem = _problem(ax1, kinetics)
    void = ax1.layout.void_nodes
    assert void.any()
    assert np.all(np.asarray(problem.free)[void] == 0.0)
    assert np.all(np.asarray(problem.demand)[:, void] == 0.0)
    flux = np.abs(np.asarray(problem.stencil))[
        :, void[:, None, None, :].repeat(problem.stencil.shape[2], 1).repeat(3, 2)
    ]
    assert np.all(flux == 0.0)


def test_given_cells_replace_the_native_ones(human, kinetics):
    demand = jnp.ones((3, human.topology.columns, human.topology.levels))
    assert np.array_equal(nutrition_problem(human, kinetics, demand).demand, demand)


def test_conductivity_of_the_tissues(elliptic, kinetics):
    """The energy of a field linear along the axis: the volumes of the tissues, each with its diffusivity."""
    problem = _problem(elliptic, kinetics)
    field = jnp.broadcast_to(elliptic.coordinates[..., 2], problem.start.shape)
    energy = jnp.sum(field * apply_stencil(problem.mesh.neighbours, problem.stencil, field), axis=(1, 2))
    volumes = jnp.sum(tissue_volumes(elliptic).by_tissue, axis=(1, 2))
    assert np.asarray(energy) == pytest.approx(np.asarray(elliptic.tissue.diffusivity @ volumes), rel=1e-12)


@pytest.mark.parametrize("relative", [0.0, 0.4, 1.0])
def test_derivatives_are_finite(human, kinetics, relative):
    """Neither a sealed nor a full face may poison the derivative by the branch that is not taken."""

    def total(supply, thickness):
        disc = eqx.tree_at(
            lambda d: (d.supply.endplate_supply, d.supply.endplate_thickness), human, (supply, thickness)
        )
        problem = nutrition_problem(disc, kinetics)
        return jnp.sum(problem.exchange) + jnp.sum(problem.load)

    supply = jnp.full_like(human.supply.endplate_supply, relative)
    slopes = jax.jit(jax.grad(total, argnums=(0, 1)))(supply, human.supply.endplate_thickness)
    assert all(np.all(np.isfinite(slope)) for slope in slopes)
    if relative == 0.4:
        assert all(np.any(np.asarray(slope) != 0.0) for slope in slopes)
