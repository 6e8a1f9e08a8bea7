r"""Laws of the safety signals (cells_matrix 2.3, 9; rulings 20). They report; nothing in the simulation depends on them.

.. math::

    P_{osteophyte} &= 1 - e^{-\beta\, x\, L\, t_{stay}} \\
    P_{infection} &= 1 - (1 - x_p (p_{needle} + p_{product}))^{n} \\
    P_{plug} &= 1 - \exp\Big(-h(w) \int_0^t 2^{-s/t_{gel}} ds\Big)

with the living cells L outside the disc, the factor x of what they are and of what keeps them, n punctures, and the gel that is left.
Leaked stem cells formed osteophytes in rabbits (Vadala 2012, https://doi.org/10.1002/term.433); discitis after lumbar discography is that
of Willems 2004 (https://pubmed.ncbi.nlm.nih.gov/15167342); bone outside the disc after BMP-7 that of Willems 2015
(https://doi.org/10.1186/s13075-015-0625-2).
"""

from __future__ import annotations

import math


def osteophyte_probability(
    leaked: float, hazard: float, *, differentiated: float, differentiated_factor: float, kept: float, stay: float
) -> float:
    """Probability of an osteophyte.

    Args:
        leaked: Living donor cells outside the disc [million].
        hazard: beta, of undifferentiated cells in saline [per million cells].
        differentiated: Share of them that is differentiated, 0 to 1.
        differentiated_factor: Factor on the hazard of those.
        kept: Factor on the hazard of a carrier that keeps the cells; 1 for others.
        stay: Share of the cells that stays where it leaked to.
    """
    kind = 1.0 - (1.0 - differentiated_factor) * differentiated
    return -math.expm1(-hazard * kind * kept * leaked * stay)


def infection_probability(punctures: int, needle: float, product: float, prophylaxis: float) -> float:
    """Probability of discitis after some punctures of one disc.

    Args:
        punctures: Number of punctures.
        needle, product: Risk of a puncture and what the product adds to it.
        prophylaxis: Factor of two needles and an antibiotic; 1 without.
    """
    return 1.0 - (1.0 - prophylaxis * (needle + product)) ** punctures


def plug_hazard(fissure: float, whole: float, low: float, high: float) -> float:
    """Hazard [1/day] that a gel leaves as a plug: none below the fissure fraction `low`, whole above `high`, linear in between."""
    return whole * min(max((fissure - low) / (high - low), 0.0), 1.0)


def plug_probability(hazard: float, time: float, gel_half_life: float) -> float:
    """Probability that the gel left as a plug within a time [day]; gel that has dissolved cannot leave."""
    rate = math.log(2.0) / gel_half_life
    return -math.expm1(-hazard * -math.expm1(-rate * time) / rate)


def starves(low_glucose_share: float, native_survival: float, largest_share: float, least_survival: float) -> bool:
    """Whether a dose is too large: too much of the nucleus without glucose, or too few native cells left against the sham."""
    return low_glucose_share > largest_share or native_survival < least_survival


def yearly_gain(start: float, end: float, time: float) -> float:
    """Relative gain per year [1/year] over a time [day]."""
    return (end / start - 1.0) / (time / 365.25)
