"""The matrix of a Pfirrmann grade: population means of the grade table (cells_matrix 3; rulings 3, 9, 25; file grades.toml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus.cells._arrays import Scalar, as_field
from pulposus.parameters import GRADES

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

_TISSUES = ("nucleus", "annulus", "endplate")


class GradeMatrix(eqx.Module):
    """Composition of a disc by tissue: nucleus, annulus, endplate.

    Attributes:
        glycosaminoglycan: A + Af [mg/mL], (3,).
        aggrecan_fraction: A / (A + Af).
        collagen_II, collagen_I: Collagens [mg/mL], (3,).
        fissure: Fissure fraction, mean of the annulus.
        annulus_order: Structural order of the annulus.
    """

    glycosaminoglycan: Float[Array, "3"]
    aggrecan_fraction: Scalar
    collagen_II: Float[Array, "3"]
    collagen_I: Float[Array, "3"]
    fissure: Scalar
    annulus_order: Scalar

    @classmethod
    def of_grade(
        cls, parameters: ParameterSet, grade: int, values: Mapping[str, ArrayLike] | None = None
    ) -> GradeMatrix:
        """A row of the table.

        Args:
            parameters: The loaded parameters.
            grade: 1 to 5.
            values: Values in place of the table's, by key without the grade, such as `glycosaminoglycan.nucleus` (one member of
                `sample_grade`).
        """
        given = {} if values is None else values

        def take(key: str) -> Array:
            return as_field(given.get(key, parameters.value(f"grades.{key}.{GRADES[grade - 1]}")))

        def by_tissue(key: str) -> Array:
            return jnp.stack([take(f"{key}.{tissue}") for tissue in _TISSUES])

        return cls(
            glycosaminoglycan=by_tissue("glycosaminoglycan"),
            aggrecan_fraction=take("aggrecan_fraction"),
            collagen_II=by_tissue("collagen_II"),
            collagen_I=by_tissue("collagen_I"),
            fissure=take("fissure_fraction"),
            annulus_order=take("annulus_order"),
        )
