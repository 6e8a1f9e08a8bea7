r"""The clock of a species: how fast its matrix turns over and heals (cells_matrix 2.7, 4; rulings 23, 25).

One record per species and one code path: a law never asks for the species. Human aggrecan turns over in 17 years
(0.059 per year, https://doi.org/10.1074/jbc.M600296200), that of a rat in 72 days; both pools of the two-pool model are scaled by the
turnover,

.. math:: k_A = k_A^{ref} \frac{k_T}{k_T^{ref}}, \qquad k_{Af} = k_{Af}^{ref} \frac{k_T}{k_T^{ref}} .

Collagen turns over more slowly with age: constant outside, linear between the two age groups that were measured (Sivan 2008).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._parameters import read
from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

HUMAN = "human"
_TURNOVER = "matrix.aggrecan_turnover"


def known_species(parameters: ParameterSet) -> tuple[str, ...]:
    """Species that have a clock."""
    return tuple(key.removesuffix("_nucleus") for key in parameters.under(_TURNOVER))


class Clock(eqx.Module):
    """Rates of one species.

    Attributes:
        aggrecan_turnover: kT of the nucleus [1/day].
        annulus_ratio: kT of the annulus over that of the nucleus.
        collagen_young, collagen_old: Turnover of collagen in the two age groups [1/day].
        young_until, old_from: Where the age groups end and begin [year].
        order_recovery: kS+, repair of the lamellae [1/day].
    """

    aggrecan_turnover: Scalar
    annulus_ratio: Scalar
    collagen_young: Scalar
    collagen_old: Scalar
    young_until: Scalar
    old_from: Scalar
    order_recovery: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, species: str = "") -> Clock:
        """The clock of a species.

        Args:
            parameters: The loaded parameters.
            species: Name as in `disc.description.species`; empty (an explicit shape) stands for man.

        Raises:
            InvalidInput: The species has no clock.
        """
        name = species or HUMAN
        known = known_species(parameters)
        if name not in known:
            raise InvalidInput(f'no matrix turnover is known for "{name}"', where="species", allowed=", ".join(known))
        return cls(
            *read(
                parameters,
                "matrix.",
                f"aggrecan_turnover.{name}_nucleus",
                "annulus_turnover_ratio",
                f"collagen_turnover.{name}_young",
                f"collagen_turnover.{name}_old",
                "collagen_age.young_until",
                "collagen_age.old_from",
                f"order_recovery_rate.{name}",
            )
        )

    def collagen_turnover(self, age: ArrayLike) -> Scalar:
        """kK at an age [year], of collagen II and I [1/day]."""
        past = jnp.clip((as_field(age) - self.young_until) / (self.old_from - self.young_until), 0.0, 1.0)
        return self.collagen_young + past * (self.collagen_old - self.collagen_young)


class AggrecanTurnover(eqx.Module):
    """Rates of the glycosaminoglycan pools at no enzyme activity and no fissure [1/day].

    Attributes:
        direct: Large aggrecan that leaves the tissue whole.
        cleavage: Large aggrecan that becomes fragments.
        departure: Fragments that leave the tissue.
    """

    direct: Field
    cleavage: Field
    departure: Field

    @classmethod
    def two_pools(cls, parameters: ParameterSet, turnover: Field) -> AggrecanTurnover:
        """kA and kAf scaled by the turnover kT [1/day] of the place."""
        large, fragments, reference = read(
            parameters, "matrix.", "large_aggrecan_turnover", "fragment_turnover", "two_pool_reference_turnover"
        )
        pace = turnover / reference
        return cls(jnp.zeros_like(turnover), large * pace, fragments * pace)

    @classmethod
    def single_pool(cls, turnover: Field) -> AggrecanTurnover:
        """All glycosaminoglycan leaves with kT, whatever it is bound to."""
        return cls(turnover, jnp.zeros_like(turnover), turnover)

    def residence(self, gain: ArrayLike = 1.0) -> Field:
        """Steady content per synthesis, (A + Af) / s [day], all rates being times `gain`; (1/kA + 1/kAf) in two pools."""
        loss = self.direct + self.cleavage
        return (1.0 + self.cleavage / self.departure) / (loss * as_field(gain))
