r"""How many cells a place can feed or keep, in closed form (transport 5; cells_matrix 2.3).

.. math::

    \Delta g &= \frac{R r^2}{6 D}, \qquad R = a\, q\, m \\
    t_{feed} &= g_0 / R \\
    f_{ret} &= (1 - f_{bf})\, v_0\, f_{ndl} \frac{k_{att}}{k_{att} + k_{leak} w + k_{an} + k_d}

for a sphere of density :math:`m` whose cells consume :math:`a q` each at a rate that does not fall with glucose. Seeding
density, not the total dose, is what limits a bolus.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Field, as_field


def bolus_dip(consumption: ArrayLike, radius: ArrayLike, diffusivity: ArrayLike) -> Field:
    """Glucose between the rim and the centre of a bolus sphere, R r^2 / (6 D) [mM].

    Args:
        consumption: R [mM/day].
        radius: Radius [mm].
        diffusivity: Of glucose in the tissue [mm2/day].
    """
    return as_field(consumption) * as_field(radius) ** 2 / (6.0 * as_field(diffusivity))


def largest_bolus_radius(consumption: ArrayLike, dip: ArrayLike, diffusivity: ArrayLike) -> Field:
    """Radius at which the centre lacks `dip` [mM] against the rim, sqrt(6 D dg / R) [mm]."""
    return jnp.sqrt(6.0 * as_field(diffusivity) * as_field(dip) / as_field(consumption))


def feeding_time(ambient: ArrayLike, consumption: ArrayLike) -> Field:
    """Time for which the glucose in place [mM] feeds the cells without any supply, g0 / R [day]."""
    return as_field(ambient) / as_field(consumption)


def added_demand_share(
    cells: ArrayLike, volume: ArrayLike, native_density: ArrayLike, weight: ArrayLike = 1.0
) -> Field:
    """Demand of evenly spread donor cells over that of the native ones.

    Args:
        cells: Donor cells [10^6].
        volume: Volume of the nucleus [mL].
        native_density: Native cells [10^6/mL].
        weight: Consumption of a donor cell over that of a native one.
    """
    return as_field(weight) * as_field(cells) / (as_field(volume) * as_field(native_density))


def retained_fraction(
    attachment_rate: ArrayLike, leak_rate: ArrayLike, death_rate: ArrayLike, delivered_fraction: ArrayLike = 1.0
) -> Field:
    """Share of the nominal dose that attaches in the end while the track stays as it is.

    Args:
        attachment_rate: k_att [1/day].
        leak_rate: k_leak w, track weight included [1/day].
        death_rate: k_an + k_d of free cells [1/day].
        delivered_fraction: (1 - f_bf) v0 f_ndl.
    """
    attachment = as_field(attachment_rate)
    return as_field(delivered_fraction) * attachment / (attachment + as_field(leak_rate) + as_field(death_rate))
