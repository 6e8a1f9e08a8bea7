r"""Hydraulic permeability of tissue that is squeezed or torn (mechanics_imaging 2.1).

.. math:: k = k_0 J^{M_k} (1 + 100\, w)

The same law as alpha (1 - n)^(-Mk) with the porosity n = (J - ns)/J and alpha = k0 ns^Mk, since 1 - n = ns/J.
"""

from __future__ import annotations

import equinox as eqx

from pulposus.mechanics._arrays import Field, Scalar, as_field


class Permeability(eqx.Module):
    """Permeability of one tissue.

    Attributes:
        reference: k0 at J = 1 [mm2/(MPa day)].
        exponent: M_k.
    """

    reference: Scalar = eqx.field(converter=as_field)
    exponent: Scalar = eqx.field(converter=as_field)

    def at(self, J: Field) -> Field:
        """k(J) [mm2/(MPa day)]."""
        return self.reference * J**self.exponent
