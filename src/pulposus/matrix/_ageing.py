r"""Two rival drivers of ageing, each on its own switch (cells_matrix 3).

.. math:: \kappa(t) = \kappa_0\, e^{-\gamma r_\kappa t}, \qquad k_{sen}(t) = k_{sen,0}\, e^{\gamma r_s t}

(a) nutrition: the supply through the endplates falls. Below about 30 % of the reference a published disc degenerated
(https://pmc.ncbi.nlm.nih.gov/articles/PMC4808448), yet the porosity of the bony endplate rises with degeneration
(https://pmc.ncbi.nlm.nih.gov/articles/PMC3209496), so the driver is a choice and not a fact. (b) cells: senescence speeds up, and the
cytokine with it. Genes and smoking enter as a given severity gamma, 1 for the average person. Both rates are priors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Scalar, as_field
from pulposus.cells._parameters import read

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet


class AgeingMultipliers(eqx.Module):
    """Factors on the constants of the disc at the start.

    Attributes:
        endplate_supply: On the relative supply of both endplates.
        senescence: On the senescence rate of native cells.
    """

    endplate_supply: Scalar
    senescence: Scalar


class Ageing(eqx.Module):
    """What drives the ageing of a disc.

    Attributes:
        supply_loss: Rate at which the supply falls [1/day].
        senescence_growth: Rate at which the senescence rate rises [1/day].
        nutrition, cells: Each driver on (1) or off (0).
        severity: Genes, smoking and what else is given, 1 for the average person.
    """

    supply_loss: Scalar
    senescence_growth: Scalar
    nutrition: Scalar = eqx.field(converter=as_field, default=0.0)
    cells: Scalar = eqx.field(converter=as_field, default=0.0)
    severity: Scalar = eqx.field(converter=as_field, default=1.0)

    @classmethod
    def from_parameters(
        cls, parameters: ParameterSet, *, nutrition: ArrayLike = 0.0, cells: ArrayLike = 0.0, severity: ArrayLike = 1.0
    ) -> Ageing:
        """The chosen drivers with the rates of the parameters.

        Args:
            parameters: The loaded parameters.
            nutrition, cells: Each driver on (1) or off (0).
            severity: Factor on both rates.
        """
        supply, senescence = read(parameters, "matrix.ageing.", "supply_loss_rate", "senescence_growth_rate")
        return cls(supply, senescence, as_field(nutrition), as_field(cells), as_field(severity))


def ageing_multipliers(ageing: Ageing, time: ArrayLike) -> AgeingMultipliers:
    """The factors at a time.

    Args:
        ageing: What drives it.
        time: Time since the start [day].
    """
    passed = ageing.severity * as_field(time)
    return AgeingMultipliers(
        endplate_supply=jnp.exp(-ageing.nutrition * ageing.supply_loss * passed),
        senescence=jnp.exp(ageing.cells * ageing.senescence_growth * passed),
    )
