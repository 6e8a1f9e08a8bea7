"""Growth factors and platelets in the syringe (cells_matrix 2.7, 5)."""

from __future__ import annotations

import numpy as np
import pytest

from pulposus.disc import central_column, load_disc
from pulposus.mesh import node_volumes
from pulposus.therapy import load_protocol, place, place_on_axis, resolve_treatment


def supplement(disc, name, *overrides):
    treatment = resolve_treatment(load_protocol(name, overrides), disc)
    return treatment, treatment.supplement


@pytest.fixture(scope="module")
def rabbit():
    return load_disc("rabbit/lumbar", "coarse")


def test_the_growth_factor_is_spread_over_the_filled_tissue(rabbit):
    treatment, given = supplement(rabbit, "masuda-2006")
    # 1e5 ng in 0.01 mL, in 0.35 of the tissue; back-flow takes mass and volume alike.
    assert given.growth_factor == pytest.approx(1e5 / 0.01 * 0.35, rel=1e-12)
    assert given.growth_factor_mass == pytest.approx(1e5 * (1.0 - treatment.backflow_fraction), rel=1e-12)
    assert (given.growth_factor_half_life, given.growth_factor_gain) == (1.0, 2.0)
    assert (given.drives_differentiation, given.paracrine, given.cytokine) == (0.0, 0.0, 0.0)
    assert treatment.text.growth_factor == "BMP-7"


def test_tgf_beta_has_its_own_gain_and_drives_differentiation(rabbit):
    _, given = supplement(rabbit, "masuda-2006", "dose.growth_factor={name: TGF-beta, amount: 1 ng}")
    assert (given.growth_factor_gain, given.drives_differentiation) == (4.0, 1.0)


def test_plasma_is_a_growth_factor_a_pulse_and_with_leukocytes_a_cytokine(human):
    treatment, poor = supplement(human, "platelet-rich-plasma")
    # 20 ng/mL in 0.35 of the tissue.
    assert poor.growth_factor == pytest.approx(7.0, rel=1e-12)
    assert (poor.growth_factor_half_life, poor.growth_factor_gain, poor.drives_differentiation) == (2.0, 4.0, 1.0)
    assert (poor.paracrine, poor.paracrine_duration, poor.cytokine) == (1.0, 7.0, 0.0)
    assert treatment.text.growth_factor == "TGF-beta"
    _, rich = supplement(human, "platelet-rich-plasma", "dose.platelet_rich_plasma={leukocytes: rich}")
    assert rich.cytokine == 0.3
    # Where the study does not state the concentration, the prior of 20 ng/mL.
    assert rich.growth_factor == poor.growth_factor


def test_a_concentrate_brings_a_pulse_without_a_growth_factor(mild):
    treatment, given = supplement(mild, "pettine-2015")
    assert (given.paracrine, given.paracrine_duration) == (1.0, 7.0)
    assert given.growth_factor == given.growth_factor_mass == given.growth_factor_gain == 0.0
    assert treatment.text.growth_factor == ""


@pytest.mark.parametrize("name", ["orozco-2011", "sham-saline", "masuda-2006:saline", "platelet-rich-plasma:none"])
def test_other_arms_bring_nothing(name, human, rabbit):
    _, given = supplement(rabbit if name.startswith("masuda") else human, name)
    assert given.growth_factor == given.paracrine == given.cytokine == given.growth_factor_gain == 0.0


def test_the_mesh_holds_the_mass_that_stays(rabbit):
    treatment, given = supplement(rabbit, "masuda-2006")
    placement = place(treatment, rabbit)
    volume = np.asarray(
        node_volumes(rabbit.topology, rabbit.coordinates, (rabbit.tissue_of_element >= 0).astype(float))
    )
    concentration = given.growth_factor_mass * placement.spread
    # Sums of a few thousand numbers.
    assert 1e-3 * (concentration * volume).sum() == pytest.approx(given.growth_factor_mass, rel=1e-12)
    # Nodes that the injectate fills, endplates aside, hold the concentration of the filled tissue.
    column, level = rabbit.topology.centre
    assert placement.filled[column, level] == 1.0
    assert concentration[column, level] == pytest.approx(given.growth_factor, rel=1e-9)
    assert not placement.free.any()


def test_the_axis_holds_the_mass_that_stays(rabbit):
    treatment, given = supplement(rabbit, "masuda-2006")
    column = central_column(rabbit)
    volumes = np.linspace(1.0, 2.0, len(np.asarray(column.positions)))
    placement = place_on_axis(treatment, column, volumes)
    assert 1e-3 * (given.growth_factor_mass * placement.spread * volumes).sum() == pytest.approx(
        given.growth_factor_mass, rel=1e-12
    )
    assert placement.filled.max() == 1.0
