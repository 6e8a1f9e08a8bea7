r"""A disc as a mechanical problem, with the shape and composition of its image (mechanics_imaging 2.1; rulings 26, 44).

Water and fixed charge are the matrix room's: those of the grade by tissue, changed point by point in proportion to the glycosaminoglycan;
the cartilage endplate keeps its own. The lower endplate is bonded, the side is free and open, and behind the cartilage endplates stands a
film of conductance

.. math:: \kappa = k_{CEP} / t_{CEP} \quad (\rho \le \rho_{CEP}), \qquad \kappa = 0 \text{ outside,}

times the share by which a fracture opened the endplate. A shape without cartilage endplates drains freely through both faces. The axial
force acts at the centroid of the section.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from pulposus.disc import Disc
from pulposus.matrix import GradeMatrix, MatrixParameters, MatrixState, initial_matrix
from pulposus.mechanics._disc_material import ImagedState, Points, TissueTable, point_materials
from pulposus.mechanics._disc_places import ANNULUS, ENDPLATE, FACE_SHAPE, NUCLEUS, DiscPlaces, disc_places
from pulposus.mechanics._material import TISSUES
from pulposus.mechanics._solid_problem import SolidProblem
from pulposus.nutrition import tissue_volumes
from pulposus.parameters import GRADES

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

Nodal = Float[Array, "columns levels"]


class DiscSolid(eqx.Module):
    """What the mechanics of one disc starts from.

    Attributes:
        places: Where its points lie.
        table: Constants of its tissues.
        image: Imaged, supine nodes [mm], (nodes, 3).
        imaged: Composition and damage of that state.
        film: Hydraulic conductance of the endplates [mm/(MPa day)], (2, faces).
        open_endplates: Whether both faces drain freely.
    """

    places: DiscPlaces
    table: TissueTable
    image: Float[Array, "nodes 3"]
    imaged: ImagedState
    film: Float[Array, "2 faces"]
    open_endplates: bool = eqx.field(static=True)

    def problem(self, coordinates: Float[Array, "nodes 3"], J: Points) -> SolidProblem:
        """The problem on a stress-free shape, of tissue whose imaged volume is J times the stress-free one.

        Args:
            coordinates: Stress-free nodes [mm].
            J: Volume ratio of the imaged state.
        """
        places = self.places
        return SolidProblem(
            mesh=places.mesh,
            coordinates=coordinates,
            material=point_materials(self.table, places.tissue, places.frame(coordinates), self.imaged.at_reference(J)),
            growth=jnp.ones_like(J),
            film=self.film,
            centre=plate_centre(places, coordinates),
            open_endplates=self.open_endplates,
        )


def disc_solid(disc: Disc, parameters: ParameterSet, matrix: MatrixState | None = None) -> DiscSolid:
    """The solid of a disc that was loaded at a resolution for mechanics, as it was imaged: before any insult of its document.

    Args:
        disc: The disc.
        parameters: The loaded parameters.
        matrix: Its matrix on the nodes of its mesh; that of its grade where left out.

    Raises:
        InvalidInput: The mesh has no quadratic elements, or its shape has a void.
    """
    places = disc_places(disc)
    table = TissueTable.of_grade(parameters, disc.description.grade)
    return DiscSolid(
        places=places,
        table=table,
        image=places.mesh.gather(disc.coordinates),
        imaged=imaged_state(disc, places, parameters, matrix),
        film=_film(disc, places, table),
        open_endplates=not disc.layout.has_endplates,
    )


def imaged_state(
    disc: Disc, places: DiscPlaces, parameters: ParameterSet, matrix: MatrixState | None = None
) -> ImagedState:
    """Water, fixed charge and fissures of the imaged disc at the Gauss points.

    Args:
        disc: The disc.
        places: Of its points.
        parameters: The loaded parameters.
        matrix: On the nodes of its mesh; that of its grade where left out.
    """
    at_start = initial_matrix(disc, tissue_volumes(disc), parameters)
    now = at_start if matrix is None else matrix
    content = relative_field(places, now.glycosaminoglycan, at_start.glycosaminoglycan)
    content = content * by_tissue(places, GradeMatrix.of_grade(parameters, disc.description.grade).glycosaminoglycan)
    water, charge = water_and_charge(places, content, disc.description.grade, parameters)
    return ImagedState(
        water=water,
        fixed_charge=charge,
        fissure=at_corners(places, now.fissure) * places.within(ANNULUS),
        fibre_loss=jnp.zeros_like(water),
    )


def water_and_charge(
    places: DiscPlaces, glycosaminoglycan: Points, grade: int, parameters: ParameterSet
) -> tuple[Points, Points]:
    """Composition water and fixed charge [mEq/mL of water] of a glycosaminoglycan content [mg/mL], by the matrix room's laws."""
    from pulposus.matrix._composition import composition_water, fixed_charge

    law = MatrixParameters.from_parameters(parameters).composition
    endplate = TISSUES[ENDPLATE]
    shares = (places.within(NUCLEUS), places.within(ANNULUS), places.within(ENDPLATE))
    plate_water = jnp.asarray(parameters.value(f"grades.composition_water_fraction.{endplate}.{GRADES[grade - 1]}"))
    water = composition_water(glycosaminoglycan, shares, plate_water, law)
    plate_charge = parameters.value(f"grades.fixed_charge.{endplate}.{GRADES[grade - 1]}")
    charge = fixed_charge(glycosaminoglycan, water, law)
    return water, jnp.where(shares[ENDPLATE] > 0.0, plate_charge, charge)


def by_tissue(places: DiscPlaces, values: Float[Array, "3"]) -> Points:
    """A property of nucleus, annulus and endplate at the points."""
    return jnp.broadcast_to(values[places.tissue][:, None], places.reference.shape[:2])


def at_corners(places: DiscPlaces, values: Nodal) -> Points:
    """A rough field of the lattice at the points: trilinear between the corners of the elements, so it stays between its extremes."""
    mesh = places.mesh
    return mesh.corners_at_points(mesh.gather(values)[mesh.corners])


def relative_field(places: DiscPlaces, now: Nodal, before: Nodal) -> Points:
    """A field of the lattice over another one, at the points; 1 where there is nothing."""
    some = before > 0.0
    return at_corners(places, jnp.where(some, now / jnp.where(some, before, 1.0), 1.0))


def plate_centre(places: DiscPlaces, coordinates: Float[Array, "nodes 3"]) -> Float[Array, "3"]:
    """Centroid of the upper endplate [mm]."""
    weight = places.mesh.upper.weights(coordinates)
    points = jnp.einsum("fax,pa->fpx", coordinates[places.mesh.upper.nodes], jnp.asarray(FACE_SHAPE))
    return jnp.einsum("fp,fpx->x", weight, points) / jnp.sum(weight)


def _film(disc: Disc, places: DiscPlaces, table: TissueTable) -> Float[Array, "2 faces"]:
    """Conductance of the film behind the cartilage endplates, lower and upper face."""
    mesh = places.mesh
    if not disc.layout.has_endplates:
        return jnp.zeros((2, len(mesh.upper.nodes)))
    columns = mesh.nodes[mesh.upper.nodes[:, :4], 0]
    thickness = jnp.mean(disc.supply.endplate_thickness[:, columns], axis=2)
    opening = jnp.mean(disc.lesion.endplate_permeability_factor[:, columns], axis=2)
    cartilage = jnp.asarray(np.asarray(places.tissue)[mesh.upper.elements] == ENDPLATE)
    return jnp.where(cartilage[None], table.permeability[ENDPLATE] * opening / thickness, 0.0)
