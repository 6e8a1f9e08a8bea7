"""Mechanical load as the cells of the disc feel it (cells_matrix 2.0)."""

from __future__ import annotations

import equinox as eqx

from pulposus.cells._arrays import Scalar, as_field


class Load(eqx.Module):
    """The dominant cyclic load of a day.

    Attributes:
        magnitude: Amplitude of the pressure in the tissue (MAG) [MPa].
        frequency: Frequency (FREQ) [Hz].
    """

    magnitude: Scalar = eqx.field(converter=as_field)
    frequency: Scalar = eqx.field(converter=as_field)
