r"""The cell product from harvest to syringe (cells_matrix 2.5).

Expansion from :math:`N_{harv} f_{plate}` plated cells to :math:`N_{need}`, with a doubling time that grows with the doublings done,

.. math::

    PD &= \log_2 \frac{N_{need}}{N_{harv} f_{plate}}, \qquad
    T_d(PD) = T_1 \left(1 + (PD / PD_s)^n\right) \\
    t_{culture} &= \int_0^{PD} T_d = T_1 \left(PD + \frac{PD^{n+1}}{(n+1)\, PD_s^n}\right) \\
    f_{sen} &= f_1 PD, \qquad P_{pot} = (1 - f_{sen})\, H(PD_p - PD; 0, d)

with n = 4. Growth that declines with doublings: Plastini 2016, https://doi.org/10.19070/2328-3548-SI02001; senescent share by passage:
Gruber 2012, https://doi.org/10.3109/10520295.2011.649785. The release viability v0 falls as :math:`v_0 e^{-k t}` while the syringe waits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from pulposus.parameters import ParameterSet
from pulposus.therapy._protocol import Protocol


class Expansion(NamedTuple):
    """What culture made of the cells.

    Attributes:
        population_doublings: Doublings since harvest.
        passages: Passages, as stated or from the doublings.
        culture_time: Time in culture [day].
        senescent_fraction: Senescent share, 0 to 1.
        potency: Share of the growth of young cells that is left, 0 to 1.
    """

    population_doublings: float
    passages: float
    culture_time: float
    senescent_fraction: float
    potency: float


def population_doublings(needed: float, harvested: float, plating_fraction: float) -> float:
    """PD = log2(needed / plated); 0 where the harvest is enough without culture. Cells in one unit, all positive."""
    return max(math.log2(needed / (harvested * plating_fraction)), 0.0)


def doubling_time(first: float, doublings: float, decline: float, exponent: float) -> float:
    """T_d after some doublings [day], T_1 being the first one."""
    return first * (1.0 + (doublings / decline) ** exponent)


def culture_time(first: float, doublings: float, decline: float, exponent: float) -> float:
    """Time of all doublings [day], the integral of `doubling_time` in closed form."""
    return first * (doublings + doublings ** (exponent + 1.0) / ((exponent + 1.0) * decline**exponent))


def first_doubling_time(young: float, age: float, reference_age: float, slope: float, serum_factor: float) -> float:
    """T_1 [day] of a donor: slower above the reference age, faster with a better serum."""
    return young * (1.0 + slope * max(age - reference_age, 0.0)) / serum_factor


def potency(doublings: float, senescent_fraction: float, midpoint: float, width: float) -> float:
    """P_pot = (1 - f_sen) H(PD_p - PD; 0, d)."""
    return (1.0 - senescent_fraction) / (1.0 + math.exp((doublings - midpoint) / width))


def viability_after_hold(release: float, loss_rate: float, hold_time: float) -> float:
    """Living share at the injection, v0 exp(-k t)."""
    return release * math.exp(-loss_rate * hold_time)


def expand(protocol: Protocol, parameters: ParameterSet) -> Expansion:
    """Expansion of the product of a protocol.

    The doublings are those that the protocol states, else those from harvest to dose, else those of the stated passages; a concentrate has
    none.
    """
    if protocol.origin is None or protocol.dose.cells == 0.0:
        return Expansion(0.0, 0.0, 0.0, 0.0, 1.0)
    constant = {key: record.value for key, record in parameters.under("cells.expansion").items()}
    source = {
        key: record.value
        for key, record in parameters.under(f"cells.source.{protocol.origin.source.replace('-', '_')}").items()
    }
    culture = protocol.culture
    harvest = protocol.origin.harvest
    if culture.population_doublings is not None:
        doublings = culture.population_doublings
    elif protocol.dose.product == "concentrate":
        doublings = 0.0
    elif harvest is not None:
        doublings = population_doublings(
            protocol.dose.cells, harvest * source["harvest_yield"], constant["plating_fraction"]
        )
    else:
        doublings = (culture.passages or 0) * constant["doublings_per_passage"]
    age = (
        protocol.donor.age
        if protocol.donor is not None and protocol.donor.age is not None
        else constant["reference_age"]
    )
    first = first_doubling_time(
        source["first_doubling_time"],
        age,
        constant["reference_age"],
        constant["age_slope"],
        constant["autologous_serum_factor"] if culture.serum == "autologous" else 1.0,
    )
    senescent = min(constant["senescence_per_doubling"] * doublings, 1.0)
    return Expansion(
        population_doublings=doublings,
        passages=float(culture.passages)
        if culture.passages is not None
        else doublings / constant["doublings_per_passage"],
        culture_time=culture_time(first, doublings, constant["decline_doublings"], constant["decline_exponent"]),
        senescent_fraction=senescent,
        potency=potency(doublings, senescent, source["potency_midpoint"], constant["potency_width"]),
    )
