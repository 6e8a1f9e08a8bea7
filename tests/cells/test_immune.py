"""Immune kill: access through fissures, delay and type of donor (cells_matrix 2.4)."""

import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import Environment, Product
from pulposus.cells._immune import immune_access, immune_kill, sensitisation
from pulposus.errors import InvalidInput


def opened(annulus: float, endplate: float) -> Environment:
    return Environment(
        oxygen=3.0, glucose=3.0, pH=7.2, osmolarity=450.0, annulus_opening=annulus, endplate_opening=endplate
    )


def test_access_is_that_of_the_larger_opening():
    privilege = jnp.array(0.1)
    found = [
        float(immune_access(opened(*pair), privilege)) for pair in ((0.0, 0.0), (0.5, 0.2), (0.2, 0.5), (1.0, 0.0))
    ]
    np.testing.assert_allclose(found, [0.1, 0.55, 0.55, 1.0], rtol=1e-15)


def test_sensitisation_switches_on_at_the_delay():
    assert float(sensitisation(jnp.array(28.0), jnp.array(28.0), jnp.array(2.0))) == 0.5
    assert 0.0 < float(sensitisation(jnp.array(0.0), jnp.array(28.0), jnp.array(2.0))) < 1e-6


def test_rabbit_xenograft_of_the_ode_fixture(constants, parameters):
    product = Product.from_parameters(constants, immunity="xenogeneic")
    kill = immune_kill(opened(0.5, 0.0), jnp.array(1e4), parameters.immune_switch_width, product)
    # Rulings 17: 0.15 x 0.55 per day once switched on.
    assert float(kill) == pytest.approx(0.15 * 0.55, rel=1e-14)


def test_immunogenicity_of_the_source_scales_the_kill(constants):
    cord = Product.from_parameters(constants, source="wharton_jelly", immunity="allogeneic")
    assert float(cord.immune_rate) == pytest.approx(0.6 * 0.02, rel=1e-15)


@pytest.mark.parametrize("wrong", [{"carrier": "salin"}, {"source": "marrow"}, {"immunity": "allo"}])
def test_unknown_names_are_refused_with_the_allowed_ones(constants, wrong):
    with pytest.raises(InvalidInput) as caught:
        Product.from_parameters(constants, **wrong)
    assert next(iter(wrong)) in caught.value.what
    assert caught.value.allowed
    assert caught.value.remedy


def test_an_autologous_product_is_not_killed_however_awake_immunity_is(constants, parameters, grade_three):
    """Verification 6.11: autologous cells with full sensitisation equal autologous cells, bit for bit."""
    import equinox as eqx

    from pulposus.cells import CellState, Product, advance

    own = Product.from_parameters(constants, immunity="autologous")
    awake = eqx.tree_at(lambda product: product.immune_delay, own, own.immune_delay - 1e6)
    cells = CellState(3.0, 0.3, 2.0, 1.0, 0.5, 0.0)
    one, other = (advance(cells, grade_three, product, parameters, 10.0, 5.0) for product in (own, awake))
    assert eqx.tree_equal(one, other)
