"""The healthy reference is steady, in every species, tissue and pool model (cells_matrix 2.7; rulings 8, 22 to 24)."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellState
from pulposus.disc import load_disc
from pulposus.errors import InvalidInput
from pulposus.matrix import (
    GradeMatrix,
    HealthyReference,
    MatrixParameters,
    MatrixState,
    TissueShares,
    advance_matrix,
    known_species,
    matrix_rates,
    matrix_setting,
    node_setting,
)
from pulposus.matrix._synthesis import synthesis_factors
from pulposus.nutrition import NodeVolumes, tissue_volumes
from pulposus.parameters import load_parameters

PARAMETERS = load_parameters()
LAWS = MatrixParameters.from_parameters(PARAMETERS)
YEAR = 365.25
# Nucleus, annulus, endplate, a border of two tissues, void.
SHARES = np.array([[1.0, 0.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, 0.5, 0.0], [0.0, 0.0, 1.0, 0.0, 0.0]])
NODES = NodeVolumes(jnp.asarray(SHARES[:, None]))
DENSITY = NODES.average(jnp.array([3.6, 5.55, 13.5]))


def healthy_cells(density):
    return CellState.without_donor(0.98 * density, 0.02 * density)


def steady_state(setting, reference):
    """Grade I with its glycosaminoglycan in the split in which both pools rest."""
    first = GradeMatrix.of_grade(PARAMETERS, 1)
    content = setting.shares.average(first.glycosaminoglycan)
    pools = setting.aggrecan
    share = jnp.where(pools.cleavage > 0.0, pools.departure / (pools.departure + pools.cleavage), 1.0)
    collagens = (setting.shares.average(table) for table in (first.collagen_II, first.collagen_I))
    return MatrixState(
        share * content, (1.0 - share) * content, *collagens, jnp.ones_like(content), jnp.zeros_like(content)
    )


@pytest.mark.parametrize("pools", ["two", "single"])
@pytest.mark.parametrize("notochordal", [False, True])
@pytest.mark.parametrize("species", known_species(PARAMETERS))
def test_the_healthy_reference_is_steady(species, notochordal, pools):
    reference = HealthyReference.of_species(PARAMETERS, species)
    setting = node_setting(NODES, DENSITY, PARAMETERS, species=species, notochordal=notochordal, pools=pools)
    state = steady_state(setting, reference)
    after, _ = advance_matrix(
        state,
        healthy_cells(DENSITY),
        reference.environment,
        reference.signals,
        reference.load,
        setting,
        LAWS,
        100.0 * YEAR,
    )
    for before, now in zip(jax.tree.leaves(state)[:4], jax.tree.leaves(after)[:4], strict=True):
        # A century in one exact step: rounding only.
        np.testing.assert_allclose(now, before, rtol=1e-12)


def test_a_reference_from_a_solved_disc_is_steady_at_every_node():
    reference = HealthyReference.of_species(PARAMETERS)
    local = eqx.tree_at(lambda one: one.environment.pH, reference, jnp.array([[7.0, 7.2, 7.1, 6.9, 7.2]]))
    setting = node_setting(NODES, DENSITY, PARAMETERS, reference=local)
    rates = matrix_rates(
        jnp.zeros((1, 5)), healthy_cells(DENSITY), local.environment, local.signals, local.load, setting, LAWS
    )
    state = steady_state(setting, local)
    np.testing.assert_allclose(rates.native, rates.departure * state.fragments, rtol=1e-13)


def test_a_native_cell_makes_two_and_a_half_picogrammes_a_day():
    reference = HealthyReference.of_species(PARAMETERS)
    setting = node_setting(NODES, DENSITY, PARAMETERS, pools="single")
    factors = synthesis_factors(reference.environment, reference.signals, reference.load, 0.0, LAWS.synthesis)
    per_cell = float(setting.aggrecan_synthesis[0, 0] * factors.glycosaminoglycan) * (0.98 + 0.3 * 0.02)
    # 1 mg/mL per 10^6/mL is 1000 pg per cell; printed 2.6 for 65 mg/mL, 4 million per mL, F = 1 and no enzymes.
    gain = 1.0 + 0.42 * float(reference.signals.enzyme)
    assert 1e3 * per_cell * (65.0 / 70.0) * (3.6 / 4.0) / gain == pytest.approx(2.6, abs=0.05)


def test_enzyme_of_the_human_reference():
    # e = c (1 + 2 (1 - f_T)) / e_IV with c = 0.05, f_T(7.14) = 0.9394 and e_IV = 2.07644 (rulings 22).
    f_t = (1.0 + np.exp(-1.5)) / (1.0 + np.exp(-1.2))
    expected = 0.05 * (1.0 + 2.0 * (1.0 - f_t)) / 2.07644
    assert float(HealthyReference.of_species(PARAMETERS).signals.enzyme) == pytest.approx(expected, rel=1e-5)


def test_shares_and_means():
    setting = node_setting(NODES, DENSITY, PARAMETERS)
    np.testing.assert_allclose(setting.shares.nucleus, SHARES[0][None])
    # The first node lies wholly in the nucleus, the fourth on its border.
    assert float(setting.nucleus_mean(jnp.array([[4.0, 9.0, 9.0, 1.0, 9.0]]))) == 4.0
    assert float(setting.annulus_mean(jnp.array([[9.0, 4.0, 9.0, 1.0, 9.0]]))) == pytest.approx(3.0)
    # Four tissues: the outer annulus is annulus.
    four = TissueShares.of(NodeVolumes(jnp.array([1.0, 2.0, 3.0, 4.0])[:, None, None]))
    np.testing.assert_allclose([float(share[0, 0]) for share in four.all], [0.1, 0.6, 0.3])
    assert float(setting.fissure_exposure) == 1.0


def test_the_axis_takes_its_nodes_for_the_annulus_around_it():
    nucleus = NodeVolumes(jnp.array([[[1.0, 3.0]], [[0.0, 0.0]], [[1.0, 0.0]]]))
    setting = node_setting(nucleus, jnp.full((1, 2), 3.6), PARAMETERS)
    np.testing.assert_allclose(setting.annulus_weight, [[0.4, 0.6]])
    # The border node of the endplate does not speak for the nucleus.
    np.testing.assert_array_equal(setting.nucleus_weight, [[0.0, 1.0]])
    assert float(setting.fissure_exposure) == 0.0


def test_a_mesh_of_border_nodes_uses_them():
    mixed = NodeVolumes(jnp.array([[[1.0, 3.0]], [[0.0, 0.0]], [[1.0, 1.0]]]))
    setting = node_setting(mixed, jnp.full((1, 2), 3.6), PARAMETERS)
    np.testing.assert_allclose(setting.nucleus_weight, [[0.25, 0.75]])


def test_void_makes_nothing():
    setting = node_setting(NODES, DENSITY, PARAMETERS)
    for field in (setting.aggrecan_synthesis, setting.collagen_II_synthesis, setting.collagen_I_synthesis):
        assert float(field[0, 4]) == 0.0
        assert (np.asarray(field)[0, :4] > 0.0).all()


def test_setting_of_a_disc():
    disc = load_disc("rat/tail", resolution="coarse")
    setting = matrix_setting(disc, tissue_volumes(disc), PARAMETERS)
    column, level = disc.topology.centre
    # Notochordal: native cells count 1.5 in the nucleus, 1 outside it.
    assert float(setting.native_weight[column, level]) == pytest.approx(1.5, rel=1e-14)
    assert float(setting.native_weight[disc.topology.rim[0], level]) == pytest.approx(1.0, rel=1e-14)
    assert float(setting.native_reference[column, level]) == pytest.approx(15.0, rel=1e-14)
    assert float(setting.aggrecan.cleavage[column, level]) == pytest.approx(
        np.log(2.0) / 50.0 * 0.13 / 0.059, rel=1e-13
    )
    assert float(setting.age) == 45.0
    assert float(matrix_setting(disc, tissue_volumes(disc), PARAMETERS, age=0.3).age) == 0.3


def test_an_unknown_species_is_refused():
    with pytest.raises(InvalidInput, match="whale"):
        node_setting(NODES, DENSITY, PARAMETERS, species="whale")
