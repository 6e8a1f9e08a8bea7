"""The clocks of donor cells: what ages since which moment (cells_matrix 2.3, 2.4).

The needle track closes and the gel disappears since the last injection; the stimulus of the culture wears off since the cells left it;
immunity wakes after the first contact. After one injection the three clocks agree.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax.typing import ArrayLike

from pulposus.cells._arrays import Scalar, as_field


class Clocks(eqx.Module):
    """Times [day].

    Attributes:
        since_injection: Since the last injection: needle track and gel.
        since_culture: Since the cells left the culture; after several injections that of their mean stimulus.
        since_exposure: Since the first injection: immunity.
    """

    since_injection: Scalar = eqx.field(converter=as_field)
    since_culture: Scalar = eqx.field(converter=as_field)
    since_exposure: Scalar = eqx.field(converter=as_field)

    @classmethod
    def together(cls, time: ArrayLike) -> Clocks:
        """One injection at time 0."""
        return cls(time, time, time)

    def later(self, by: ArrayLike) -> Clocks:
        """The clocks some days on."""
        return Clocks(self.since_injection + by, self.since_culture + by, self.since_exposure + by)

    def injected_again(self, share: ArrayLike, mitogen_window: ArrayLike) -> Clocks:
        """The clocks right after another injection.

        The stimulus exp(-t / tau) of a mixture is the mean over its cells; the clock takes the time at which one population has it. The
        mean is exact at the injection and while old and new cells meet the same losses.

        Args:
            share: Share of the new cells among all living donor cells after the injection.
            mitogen_window: tau [day].
        """
        new, window = as_field(share), as_field(mitogen_window)
        stimulus = new + (1.0 - new) * jnp.exp(-self.since_culture / window)
        return Clocks(jnp.zeros_like(self.since_injection), -window * jnp.log(stimulus), self.since_exposure)


def as_clocks(time: Clocks | ArrayLike) -> Clocks:
    """Clocks of one injection where only a time is given."""
    return time if isinstance(time, Clocks) else Clocks.together(time)
