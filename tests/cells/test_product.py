"""The product as the cell laws see it (cells_matrix 2.5)."""

from __future__ import annotations

import pytest

from pulposus.cells import Product


# The column "p x" of the table of sources.
@pytest.mark.parametrize(
    ("source", "factor"),
    [
        ("bone_marrow", 1.0),
        ("adipose", 1.2),
        ("peripheral_blood", 1.0),
        ("umbilical_cord_blood", 1.2),
        ("wharton_jelly", 1.2),
        ("disc_cells", 0.3),
    ],
)
def test_every_source_has_its_paracrine_factor(constants, source, factor):
    assert float(Product.from_parameters(constants, source=source).paracrine_factor) == factor
