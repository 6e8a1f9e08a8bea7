r"""Stress of the native cells, which makes them secrete catabolic cytokine (cells_matrix 2.6).

.. math:: Z = H(6.75 - \mathrm{pH}; 0, 0.08) + H(0.8 - g; 0, 0.15) + H(MAG - 1; 0, 0.15)

Acid raises the message of interleukin-1 beta in the network of https://github.com/bmmbUPF/abaqusIVD, whose load cross-over is 1 MPa; the
midpoints and widths are priors.
"""

from __future__ import annotations

import equinox as eqx

from pulposus.cells import Environment
from pulposus.cells._arrays import Field, Scalar
from pulposus.cells._death import switch
from pulposus.matrix._load import Load


class StressLaw(eqx.Module):
    """Midpoint and width of the switches: acid [pH], glucose [mM], pressure amplitude [MPa]."""

    acid_midpoint: Scalar
    acid_width: Scalar
    glucose_midpoint: Scalar
    glucose_width: Scalar
    load_midpoint: Scalar
    load_width: Scalar


def stress(environment: Environment, load: Load, law: StressLaw) -> Field:
    """Z, 0 to 3."""
    return (
        switch(law.acid_midpoint - environment.pH, 0.0, law.acid_width)
        + switch(law.glucose_midpoint - environment.glucose, 0.0, law.glucose_width)
        + switch(load.magnitude - law.load_midpoint, 0.0, law.load_width)
    )
