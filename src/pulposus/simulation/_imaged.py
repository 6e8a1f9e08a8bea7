r"""What has changed in a simulated disc since its image was taken (mechanics_imaging 2.1; rulings 44).

The composition of a grade is that of the imaged, supine disc. Everything is counted per volume of that state, which never changes, with the
volume ratio v of a node since then:

.. math::

    r = \frac{X v}{X_0}, \qquad s = (1 - \varphi_0) + \frac{M v - M_0}{\rho_s}, \qquad \varphi = 1 - \frac{s}{v}

r is the charge that is left, s the volume of the solid and :math:`\varphi` the water now; X is the glycosaminoglycan and M the
glycosaminoglycan with both collagens [mg/mL], :math:`\rho_s` the density of dry tissue. What else is solid stays as it is; where an insult
took tissue, its solid and charge went with it (growth J_g below 1).
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus import _backend  # noqa: F401
from pulposus.cells._arrays import Scalar, as_field
from pulposus.matrix import MatrixState, matrix_outcomes
from pulposus.simulation._biology import Biology
from pulposus.simulation._model import DiscModel

Nodal = Float[Array, "columns levels"]

_MG_PER_G = 1000.0


class ImagedDisc(eqx.Module):
    """The nodes of a disc as they were imaged.

    Attributes:
        volume: Of the nodes [mm3].
        matrix: Composition.
        water: Water fraction of composition.
        solid_density: Density of dry tissue [mg/mL].
    """

    volume: Nodal
    matrix: MatrixState
    water: Nodal
    solid_density: Scalar = eqx.field(converter=as_field)

    @classmethod
    def of_model(cls, model: DiscModel, biology: Biology, solid_density: float) -> ImagedDisc:
        """The disc before anything happened to it.

        Args:
            model: The disc, not yet deformed.
            biology: Its matrix.
            solid_density: `nutrition.solid_density` [g/mL].
        """
        matrix = biology.initial_matrix
        water = matrix_outcomes(matrix, biology.setting, biology.laws).water
        return cls(model.volume, matrix, water, _MG_PER_G * solid_density)

    def change(self, model: DiscModel, biology: Biology, matrix: MatrixState) -> Change:
        """What has changed, in a disc with the volumes of `model`."""
        ratio = _over(model.volume, self.volume)
        left = biology.lesion.matrix_left
        charge = _over(matrix.glycosaminoglycan * ratio, self.matrix.glycosaminoglycan)
        gained = _dry(matrix) * ratio - _dry(self.matrix) * left
        solid = (1.0 - self.water) * left + gained / self.solid_density
        # Order that was lost since the image; what a healing disc gains beyond it makes no fibres.
        order = jnp.clip(_over(matrix.annulus_order, self.matrix.annulus_order), 0.0, 1.0)
        return Change(ratio, charge, solid, gained / self.solid_density, left, matrix.fissure, 1.0 - order)


class Change(eqx.Module):
    """The state of the nodes against that of the image.

    Attributes:
        volume_ratio: v.
        charge_ratio: r, fixed charge per imaged volume over that of the image.
        solid: s, solid volume per imaged volume.
        solid_gain: What synthesis and loss have added to it, without the tissue that insults took.
        left: Share of the tissue that insults left.
        fissure: Fissure fraction now.
        fibre_loss: Share of the order of the annulus that was lost.
    """

    volume_ratio: Nodal
    charge_ratio: Nodal
    solid: Nodal
    solid_gain: Nodal
    left: Nodal
    fissure: Nodal
    fibre_loss: Nodal

    @property
    def water(self) -> Nodal:
        """Water fraction of the present tissue; below zero where the shape leaves less room than the solid takes."""
        return 1.0 - self.solid / self.volume_ratio


def _dry(matrix: MatrixState) -> Nodal:
    """M [mg/mL]."""
    return matrix.glycosaminoglycan + matrix.collagen_II + matrix.collagen_I


def _over(now: Nodal, before: Nodal) -> Nodal:
    """Ratio of two fields; 1 where there was nothing."""
    some = before > 0.0
    return jnp.where(some, now / jnp.where(some, before, 1.0), 1.0)
