r"""Magnetic resonance of the disc: from the composition of a voxel to what a scanner measures (mechanics_imaging 4.1; rulings 3, 46).

With the water fraction of composition :math:`\varphi_w`, the solid per water :math:`s = 1.43 (1 - \varphi_w) / \varphi_w` [g/mL], the
glycosaminoglycan G [mg/mL] and the fixed charge per water c [mEq/mL]:

.. math::

    1/T_2 &= k\, s^{1.967}, \quad k = 83.8 \text{ (nucleus)}, \ 39 \text{ (annulus)} \\
    1/T_2' &= 1/T_2\, \left(1 + q\,[(3\cos^2\alpha - 1)^2 / 4 - 0.2]\right) \\
    T_{1\rho} &= 50 + 1.3\, G, \qquad 1/T_1 = 0.25 + 2.2\, s \\
    ADC &= 3.0 \cdot 10^{-3}\, \varphi_w^{1.7}, \qquad [Na] = \tfrac12 \left(c + \sqrt{c^2 + c_b^2}\right) \\
    S &= M_0\, \varphi_w \left(1 - e^{-TR/T_1}\right) e^{-TE/T_2}

What is how sure: the two constants of T2 are fitted to measured means by grade (a poster of the European Congress of Radiology, 479 discs)
and are not fitted again; ADC reproduces two published means; the sodium law is Donnan's and has no constant of its own. T1rho (its slope
above all), T1, the use of the T1 law in the annulus and the angle term are judgement (prior): maps of them show the right direction of a
change, not its size. The slow changes of composition that a run simulates act on T2 with the power 1.967; changes within a day would act
with the power 1 and are not drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Float

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._parameters import read
from pulposus.matrix._composition import t2_relaxation
from pulposus.matrix._matrix_parameters import T2Law

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

_MILLISECONDS = 1000.0
_MILLIMOLAR = 1000.0
# Points that a law takes at once: one size for all, so that it is compiled once.
_BLOCK = 32_768


class RelaxationLaws(eqx.Module):
    """Constants between composition and signal.

    Attributes:
        t2: Law of T2 in nucleus and annulus.
        angle_gain: q of the angle term.
        endplate_t2: T2 of the cartilage endplate [ms].
        t1rho_base, t1rho_slope: T1rho = base + slope G [ms, ms mL/mg].
        t1rho_residual: Standard deviation of a measured T1rho about the law [ms]; said beside a map, not drawn into it.
        t1_base, t1_slope: 1/T1 = base + slope s [1/s, mL/(g s)].
        free_diffusion, diffusion_exponent: ADC [mm2/s].
        external_salt: Salt outside the disc [mEq/mL]; c_b is twice that.
    """

    t2: T2Law
    angle_gain: Scalar
    endplate_t2: Scalar
    t1rho_base: Scalar
    t1rho_slope: Scalar
    t1rho_residual: Scalar
    t1_base: Scalar
    t1_slope: Scalar
    free_diffusion: Scalar
    diffusion_exponent: Scalar
    external_salt: Scalar

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> RelaxationLaws:
        """Constants of mechanics_imaging 4.1."""
        return cls(
            T2Law.from_parameters(parameters),
            *read(
                parameters,
                "imaging.",
                "t2.angle_gain",
                "t2.endplate",
                "t1rho.base",
                "t1rho.slope",
                "t1rho.residual",
                "t1_rate.base",
                "t1_rate.slope",
                "diffusion.free",
                "diffusion.exponent",
            ),
            *read(parameters, "matrix.", "external_salt"),
        )


def solid_per_water(water: ArrayLike, laws: RelaxationLaws) -> Field:
    """S, solid per water [g/mL], from the water fraction of composition."""
    fraction = as_field(water)
    return laws.t2.dry_density * (1.0 - fraction) / fraction


def transverse_relaxation(water: ArrayLike, annulus_share: ArrayLike, laws: RelaxationLaws) -> Field:
    """T2 [ms] of nucleus and annulus.

    Args:
        water: Water fraction of composition, above 0 and below 1.
        annulus_share: 0 in the nucleus, 1 in the annulus.
        laws: Constants.
    """
    return t2_relaxation(as_field(water), as_field(annulus_share), laws.t2)


def angled_relaxation(relaxation: ArrayLike, cosine: ArrayLike, laws: RelaxationLaws) -> Field:
    """T2 [ms] of the annulus where its fibres lie at an angle to the main field.

    Args:
        relaxation: T2 without the angle [ms].
        cosine: Cosine of the angle between fibre and field.
        laws: Constants.
    """
    dipolar = (3.0 * as_field(cosine) ** 2 - 1.0) ** 2 / 4.0
    return as_field(relaxation) / (1.0 + laws.angle_gain * (dipolar - 0.2))


def longitudinal_relaxation(water: ArrayLike, laws: RelaxationLaws) -> Field:
    """T1 [ms] of the disc."""
    return _MILLISECONDS / (laws.t1_base + laws.t1_slope * solid_per_water(water, laws))


def rotating_frame_relaxation(glycosaminoglycan: ArrayLike, laws: RelaxationLaws) -> Field:
    """T1rho at 500 Hz [ms] from glycosaminoglycan [mg/mL]."""
    return laws.t1rho_base + laws.t1rho_slope * as_field(glycosaminoglycan)


def apparent_diffusion(water: ArrayLike, laws: RelaxationLaws) -> Field:
    """ADC [mm2/s]."""
    return laws.free_diffusion * as_field(water) ** laws.diffusion_exponent


def sodium(fixed_charge: ArrayLike, laws: RelaxationLaws) -> Field:
    """Sodium per water [mM] from the fixed charge per water [mEq/mL]."""
    charge, both_ions = as_field(fixed_charge), 2.0 * laws.external_salt
    return _MILLIMOLAR * 0.5 * (charge + jnp.sqrt(charge**2 + both_ions**2))


def fixed_charge_of_sodium(concentration: ArrayLike, laws: RelaxationLaws) -> Field:
    """Fixed charge per water [mEq/mL] from sodium per water [mM]: c = Na - c_b^2 / (4 Na)."""
    positive = as_field(concentration) / _MILLIMOLAR
    return positive - laws.external_salt**2 / positive


def spin_echo_signal(
    proton_density: ArrayLike,
    longitudinal: ArrayLike,
    transverse: ArrayLike,
    repetition_time: ArrayLike,
    echo_time: ArrayLike,
) -> Field:
    """Signal of a (fast) spin echo over that of pure water at full recovery.

    Args:
        proton_density: Water that gives signal, per volume.
        longitudinal, transverse: T1 and T2 [ms].
        repetition_time, echo_time: TR and (effective) TE [ms].
    """
    recovered = 1.0 - jnp.exp(-as_field(repetition_time) / as_field(longitudinal))
    return as_field(proton_density) * recovered * jnp.exp(-as_field(echo_time) / as_field(transverse))


@eqx.filter_jit
def _evaluated(law: Callable[..., jax.Array], inputs: tuple[jax.Array, ...]) -> jax.Array:
    return law(*inputs)


def at_points(law: Callable[..., jax.Array], *inputs: Float[np.ndarray, "points"]) -> Float[np.ndarray, "points"]:
    """A law at many points, in blocks of one size.

    Args:
        law: Takes as many arrays as there are inputs; an `equinox` module or partial keeps its constants out of the compiled code.
        inputs: Values at the points.
    """
    count = len(inputs[0])
    found = np.empty(count)
    for start in range(0, count, _BLOCK):
        part = slice(start, min(start + _BLOCK, count))
        padded = []
        for values in inputs:
            # Padding repeats the first value, so that no law meets a number outside its range.
            block = np.full(_BLOCK, values[start])
            block[: part.stop - start] = values[part]
            padded.append(jnp.asarray(block))
        found[part] = np.asarray(_evaluated(law, tuple(padded)))[: part.stop - start]
    return found
