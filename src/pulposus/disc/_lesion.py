r"""What acute insults have done to a disc (cells_matrix 3).

A lesion is data: the share of every node that was lost, killed, torn or emptied, relative to the disc of its grade without it. An insult
acts on what the ones before it have left, so a second lesion composes with the first as

.. math::

    l = l_1 + (1 - \textstyle\sum l_1)\, l_2, \qquad k = 1 - (1 - k_1)(1 - k_2), \qquad w = 1 - (1 - w_1)(1 - w_2)

for the lost share l of the matter by destination, the killed share k of the cells that stayed and the fissure fraction w. The factors on
aggrecan, annulus order and pressure multiply. Nothing is lost twice and no share leaves 0 to 1.

Trauma is the source :math:`sc_2` of cytokine (cells_matrix 2.6), a constant for some days after the insult and then zero. It has one slot
for each kind of source, because they last differently; of two insults of one kind the longer duration holds, and strengths are scaled so
that the dose, strength times duration, is kept.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from pulposus import _backend  # noqa: F401
from pulposus.disc._arrays import Scalar, as_array

DESTINATIONS = ("outside", "bone", "surgeon")
"""Where lost matter goes: outside the annulus, into the bone of the vertebra, removed by the surgeon."""
TRAUMA_SOURCES = ("needle", "nucleotomy", "endplate_fracture")
"""Slots of the cytokine source."""

Nodal = Float[Array, "columns levels"]
AnyNodal = Float[Array, "... columns levels"]


class Lesion(eqx.Module):
    """The acute damage of a disc; every array gains a leading axis in a batch.

    Attributes:
        lost: Share of the matter of every node, matrix and cells, that left the disc, by destination, (3, columns, levels).
        aggrecan_left: Factor on the large aggrecan that stayed, below 1 where an enzyme cut it.
        killed: Share of the cells that stayed which the insult killed.
        fissure: Fissure fraction that the insult added.
        order_left: Factor on the structural order of the annulus.
        void: Share of every node that is an empty cavity.
        trauma: Cytokine source by kind of source [1/day], (3, columns, levels).
        trauma_until: Duration of the sources since the insult [day], (3,).
        endplate_opening: Fractured share q of the inferior and the superior face at every column, (2, columns).
        endplate_permeability_factor: Hydraulic permeability of the endplates relative to intact ones, (2, columns).
        endplate_access: 1 where immune cells pass a fractured endplate (w_EP), else 0.
        full_fissure: 1 where a tear joins the nucleus with the outside of the annulus, else 0.
        track_weight: Openness w0 of the way out that the insult leaves; 0 leaves none.
        acute: 1 where the matrix loss around fissures is that of a fresh injury, else 0.
        nucleus_pressure_factor: Factor on the pressure in the nucleus.
        vascular_ingrowth: 1 where vessels and nerves can grow in, else 0.
        macrophages: 1 where the extruded tissue draws macrophages, else 0.
    """

    lost: Float[Array, "destinations columns levels"] = eqx.field(converter=as_array)
    aggrecan_left: Nodal = eqx.field(converter=as_array)
    killed: Nodal = eqx.field(converter=as_array)
    fissure: Nodal = eqx.field(converter=as_array)
    order_left: Nodal = eqx.field(converter=as_array)
    void: Nodal = eqx.field(converter=as_array)
    trauma: Float[Array, "sources columns levels"] = eqx.field(converter=as_array)
    trauma_until: Float[Array, "sources"] = eqx.field(converter=as_array)
    endplate_opening: Float[Array, "2 columns"] = eqx.field(converter=as_array)
    endplate_permeability_factor: Float[Array, "2 columns"] = eqx.field(converter=as_array)
    endplate_access: Scalar = eqx.field(converter=as_array)
    full_fissure: Scalar = eqx.field(converter=as_array)
    track_weight: Scalar = eqx.field(converter=as_array)
    acute: Scalar = eqx.field(converter=as_array)
    nucleus_pressure_factor: Scalar = eqx.field(converter=as_array)
    vascular_ingrowth: Scalar = eqx.field(converter=as_array)
    macrophages: Scalar = eqx.field(converter=as_array)

    @classmethod
    def none(cls, columns: int, levels: int) -> Lesion:
        """No damage on a mesh of this size."""
        zero, one = jnp.zeros((columns, levels)), jnp.ones((columns, levels))
        return cls(
            lost=jnp.zeros((len(DESTINATIONS), columns, levels)),
            aggrecan_left=one,
            killed=zero,
            fissure=zero,
            order_left=one,
            void=zero,
            trauma=jnp.zeros((len(TRAUMA_SOURCES), columns, levels)),
            trauma_until=jnp.zeros(len(TRAUMA_SOURCES)),
            endplate_opening=jnp.zeros((2, columns)),
            endplate_permeability_factor=jnp.ones((2, columns)),
            endplate_access=0.0,
            full_fissure=0.0,
            track_weight=0.0,
            acute=0.0,
            nucleus_pressure_factor=1.0,
            vascular_ingrowth=0.0,
            macrophages=0.0,
        )

    @property
    def matrix_left(self) -> AnyNodal:
        """Share of aggrecan, fragments and collagens that stayed in every node."""
        return 1.0 - jnp.sum(self.lost, axis=-3)

    @property
    def cells_left(self) -> AnyNodal:
        """Share of the cells that stayed in every node, living or killed: they leave with their matrix."""
        return self.matrix_left

    @property
    def live_cells_left(self) -> AnyNodal:
        """Share of the living cells that stayed and survived."""
        return self.cells_left * (1.0 - self.killed)

    @property
    def acts(self) -> Bool[Array, ""]:
        """Whether anything is damaged at all."""
        harmed = [field > 0.0 for field in (self.lost, self.killed, self.fissure, self.trauma, self.endplate_opening)]
        weakened = [field < 1.0 for field in (self.aggrecan_left, self.order_left)]
        return jnp.any(jnp.stack([jnp.any(nodes) for nodes in (*harmed, *weakened)]))

    def trauma_at(self, time: Scalar | float) -> AnyNodal:
        """Cytokine source [1/day] at a time since the insult [day]."""
        return self._with_weights(jnp.where(time < self.trauma_until, 1.0, 0.0))

    def trauma_between(self, start: Scalar | float, end: Scalar | float) -> AnyNodal:
        """Mean cytokine source [1/day] between two times since the insult [day], `end` after `start`.

        A step that contains the end of a source so gives exactly its dose.
        """
        covered = jnp.minimum(end, self.trauma_until) - jnp.minimum(start, self.trauma_until)
        return self._with_weights(covered / (end - start))

    def _with_weights(self, weights: Float[Array, "... sources"]) -> AnyNodal:
        return jnp.sum(self.trauma * weights[..., None, None], axis=-3)

    def after(self, elapsed: Scalar | float) -> Lesion:
        """The same damage seen some days later [day]: what is left of its trauma, with the clock at zero."""
        until = jnp.maximum(self.trauma_until - elapsed, 0.0)
        lasting = jnp.where(until > 0.0, 1.0, 0.0)[..., None, None]
        return eqx.tree_at(lambda one: (one.trauma, one.trauma_until), self, (self.trauma * lasting, until))


def compose(first: Lesion, second: Lesion) -> Lesion:
    """The damage of an insult to a disc that has some already.

    Args:
        first: The earlier damage, its clock moved to the second insult (`Lesion.after`).
        second: What the second insult does to what is left.
    """
    until = jnp.maximum(first.trauma_until, second.trauma_until)
    safe = jnp.where(until > 0.0, until, 1.0)
    return Lesion(
        lost=first.lost + first.matrix_left[None] * second.lost,
        aggrecan_left=first.aggrecan_left * second.aggrecan_left,
        killed=_either(first.killed, second.killed),
        fissure=_either(first.fissure, second.fissure),
        order_left=first.order_left * second.order_left,
        void=_either(first.void, second.void),
        trauma=first.trauma * (first.trauma_until / safe)[:, None, None]
        + second.trauma * (second.trauma_until / safe)[:, None, None],
        trauma_until=until,
        endplate_opening=_either(first.endplate_opening, second.endplate_opening),
        endplate_permeability_factor=jnp.maximum(
            first.endplate_permeability_factor, second.endplate_permeability_factor
        ),
        endplate_access=jnp.maximum(first.endplate_access, second.endplate_access),
        full_fissure=jnp.maximum(first.full_fissure, second.full_fissure),
        track_weight=jnp.maximum(first.track_weight, second.track_weight),
        acute=jnp.maximum(first.acute, second.acute),
        nucleus_pressure_factor=first.nucleus_pressure_factor * second.nucleus_pressure_factor,
        vascular_ingrowth=jnp.maximum(first.vascular_ingrowth, second.vascular_ingrowth),
        macrophages=jnp.maximum(first.macrophages, second.macrophages),
    )


def _either(first: Array, second: Array) -> Array:
    """1 - (1 - a)(1 - b), written so that nothing added to a is a to the last bit."""
    return first + (1.0 - first) * second
