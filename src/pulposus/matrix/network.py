r"""Network of messenger RNA activities of nucleus cells: a check of signs and rankings, not of rates (cells_matrix 2.8).

Seven activities answer to glucose, pH, load and frequency, and five of them to the messages of interleukin-1 beta and TNF,

.. math::

    \mathrm{activity} = \frac{1 + T}{T} \frac{a}{1 + a} \left[1 - w_i \frac{1 + I}{I} \frac{i}{1 + i}\right], \qquad
    w_i = \frac{I_s}{I_s + \theta_{glucose} + \theta_{pH}}

with the weighted sums a and i of the curves that activate and inhibit, T and I the sums of all such weights (T over the five matrix
activities; the two cytokines have their own) and I_s that of the inhibitors present. Code and constants are those of
https://github.com/bmmbUPF/abaqusIVD (MIT). There, load acts with the hours; here it acts at once. Most weights stand at their floor of
0.01 and the answers are rounded, normalised messages, so nothing of this enters a simulation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from pulposus.cells._arrays import Field, Scalar, as_field
from pulposus.cells._death import switch

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

CYTOKINES = ("interleukin_1b", "tumour_necrosis_factor")
MATRIX_ACTIVITIES = ("aggrecan", "collagen_I", "collagen_II", "mmp3", "adamts4")
_PIECES = ("a", "b", "c")


class Curve(eqx.Module):
    """Set-up curve, in pieces: amplitude H(S; midpoint, 1 / slope) + offset up to `until`."""

    amplitude: Float[Array, " pieces"]
    slope: Float[Array, " pieces"]
    midpoint: Float[Array, " pieces"]
    offset: Float[Array, " pieces"]
    until: Float[Array, " pieces"]

    def at(self, stimulus: ArrayLike) -> Field:
        """x of a stimulus; the last piece holds beyond its end."""
        value = as_field(stimulus)
        pieces = [
            amplitude * switch(value, midpoint, 1.0 / slope) + offset
            for amplitude, slope, midpoint, offset in zip(
                self.amplitude, self.slope, self.midpoint, self.offset, strict=True
            )
        ]
        answer = pieces[-1]
        for piece, until in zip(pieces[-2::-1], self.until[-2::-1], strict=True):
            answer = jnp.where(value <= until, piece, answer)
        return answer

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, prefix: str) -> Curve:
        """The pieces below a table."""
        known = parameters.under(prefix)
        pieces = [piece for piece in _PIECES if f"{piece}.until" in known]
        columns = ("amplitude", "slope", "midpoint", "offset", "until")
        return cls(*(jnp.array([known[f"{piece}.{column}"].value for piece in pieces]) for column in columns))


class CrossOver(eqx.Module):
    """Load or frequency: x = amplitude (1/2 - H(S; midpoint, 1 / slope)), about 1 below the cross-over and -1 above it."""

    amplitude: Scalar
    slope: Scalar
    midpoint: Scalar

    def at(self, stimulus: ArrayLike) -> Field:
        """x of a stimulus."""
        return self.amplitude * (0.5 - switch(as_field(stimulus), self.midpoint, 1.0 / self.slope))

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, prefix: str) -> CrossOver:
        """Constants below a table."""
        return cls(*(as_field(parameters.value(f"{prefix}.{name}")) for name in ("amplitude", "slope", "midpoint")))


class Activity(eqx.Module):
    """Curves and weights of one activity; weights in the order glucose, acid, load, frequency, interleukin-1 beta, TNF."""

    glucose: Curve
    acid: Curve
    weights: Float[Array, "6"]

    @classmethod
    def from_parameters(cls, parameters: ParameterSet, name: str) -> Activity:
        """Constants of one activity; a link that is not there has the weight 0."""
        prefix = f"network.{name}"
        known = parameters.under(f"{prefix}.weight")
        links = ("glucose", "acid", "load", "frequency", *CYTOKINES)
        weights = [known[link].value if link in known else 0.0 for link in links]
        return cls(
            Curve.from_parameters(parameters, f"{prefix}.glucose"),
            Curve.from_parameters(parameters, f"{prefix}.acid"),
            jnp.array(weights),
        )


class Network(eqx.Module):
    """The network: activities by name, and the cross-overs of load and frequency."""

    activities: dict[str, Activity]
    load: CrossOver
    frequency: CrossOver

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> Network:
        """Constants of the published code."""
        return cls(
            {name: Activity.from_parameters(parameters, name) for name in (*CYTOKINES, *MATRIX_ACTIVITIES)},
            CrossOver.from_parameters(parameters, "network.load"),
            CrossOver.from_parameters(parameters, "network.frequency"),
        )

    @property
    def activating_sum(self) -> Scalar:
        """T of the matrix activities, 6.3937."""
        return sum((_activating(self.activities[name]) for name in MATRIX_ACTIVITIES), start=as_field(0.0))


def activities(
    network: Network,
    glucose: ArrayLike,
    pH: ArrayLike,
    load: ArrayLike,
    frequency: ArrayLike,
    interleukin_1b: ArrayLike = 0.0,
    tumour_necrosis_factor: ArrayLike = 0.0,
) -> dict[str, Field]:
    """The seven activities.

    Args:
        network: Constants.
        glucose: Glucose, 0 to 5 [mM].
        pH: 6.5 to 7.4.
        load: Amplitude of the pressure, 0.1 to 3.5 [MPa].
        frequency: 0 to 40 [Hz].
        interleukin_1b, tumour_necrosis_factor: Messages that the cells receive, 0 (absent) to 1.
    """
    common = [network.load.at(load), network.frequency.at(frequency)]
    received = [as_field(interleukin_1b), as_field(tumour_necrosis_factor)]
    answers = {}
    for name, one in network.activities.items():
        stimuli = [one.glucose.at(glucose), one.acid.at(pH), *common, *received]
        total = network.activating_sum if name in MATRIX_ACTIVITIES else _activating(one)
        answers[name] = _activity(one, stimuli, total)
    return answers


def _activating(one: Activity) -> Scalar:
    """Sum of the weights that can activate; load and frequency always can, on one side of their cross-over."""
    nutrients, mechanics, cytokines = one.weights[:2], one.weights[2:4], one.weights[4:]
    return jnp.sum(nutrients) + jnp.sum(jnp.abs(mechanics)) + jnp.sum(jnp.maximum(cytokines, 0.0))


def _activity(one: Activity, stimuli: list[Field], total: Scalar) -> Field:
    """The equation of the module for one activity."""
    effects = [weight * stimulus for weight, stimulus in zip(one.weights, stimuli, strict=True)]
    a = sum((jnp.maximum(effect, 0.0) for effect in effects), start=as_field(0.0))
    i = sum((jnp.maximum(-effect, 0.0) for effect in effects), start=as_field(0.0))
    present = sum(
        (jnp.where(effect < 0.0, jnp.abs(weight), 0.0) for effect, weight in zip(effects, one.weights, strict=True)),
        start=as_field(0.0),
    )
    all_inhibiting = jnp.sum(jnp.abs(one.weights[2:4])) + jnp.sum(jnp.maximum(-one.weights[4:], 0.0))
    share = present / (present + one.weights[0] + one.weights[1])
    inhibition = share * (1.0 + all_inhibiting) / all_inhibiting * i / (1.0 + i)
    return (1.0 + total) / total * a / (1.0 + a) * (1.0 - inhibition)
