"""Everything that is read off one state of a disc, at once (mechanics_imaging 2.5)."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from pulposus.mechanics._arrays import Scalar
from pulposus.mechanics._disc_places import ANNULUS, DiscPlaces
from pulposus.mechanics._equilibrium import point_states
from pulposus.mechanics._fibre_strain import annulus_percentile, annulus_strain, percentile_by_part, weighted_percentile
from pulposus.mechanics._readouts import (
    Bulge,
    Heights,
    Volumes,
    bulge,
    core_weight,
    heights,
    mean_pressure,
    section_areas,
    volumes,
)
from pulposus.mechanics._solid_problem import Deformation, SolidProblem


class Reading(eqx.Module):
    """Readouts of a state.

    Attributes:
        heights: From bone to bone [mm].
        pressure: Intradiscal, in the core of the nucleus [MPa].
        load_share: Pressure times area of the nucleus over the axial force; 0 without force.
        bulge: Outward displacement of the side [mm].
        fibre_stretch: 95th percentile of lambda_f in the annulus.
        fibre_stretch_by_part: The same by sector and depth, (8, 3).
        radial_strain, in_plane_shear: 95th percentile of the size of the strain across the lamellae, and of gamma [rad].
        axial_stress: 95th percentile of the axial compression in the annulus [MPa].
        volumes: Of tissue, water and nucleus [mm3].
        section_area, nucleus_area: Of the section [mm2].
    """

    heights: Heights
    pressure: Scalar
    load_share: Scalar
    bulge: Bulge
    fibre_stretch: Scalar
    fibre_stretch_by_part: Float[Array, "sectors depths"]
    radial_strain: Scalar
    in_plane_shear: Scalar
    axial_stress: Scalar
    volumes: Volumes
    section_area: Scalar
    nucleus_area: Scalar


@eqx.filter_jit
def read(places: DiscPlaces, problem: SolidProblem, state: Deformation) -> Reading:
    """Readouts of a state of a disc.

    Args:
        places: Of its points.
        problem: The disc; a lower symmetry plane means half of it.
        state: An equilibrium or a moment of its creep.
    """
    symmetric = problem.lower == "symmetry"
    copies = 2 if symmetric else 1
    points = point_states(problem, state)
    pressure = mean_pressure(points.stress, core_weight(places, points.volume, symmetric=symmetric))
    area, nucleus = section_areas(places, problem.coordinates)
    force = -state.load[2]
    fibres = problem.material.fibres
    assert fibres is not None
    elastic = points.F / jnp.cbrt(problem.growth)[..., None, None]
    strain = annulus_strain(elastic, fibres)
    annulus = points.volume * places.within(ANNULUS)
    solid = problem.growth * problem.material.donnan.solid_fraction
    return Reading(
        heights=heights(places, problem.coordinates + state.displacement, copies),
        pressure=pressure,
        load_share=jnp.where(force > 0.0, pressure * nucleus / jnp.where(force > 0.0, force, 1.0), 0.0),
        bulge=bulge(places, problem.coordinates, state.displacement),
        fibre_stretch=annulus_percentile(strain.fibre_stretch, points.volume, places),
        fibre_stretch_by_part=percentile_by_part(strain.fibre_stretch, points.volume, places),
        radial_strain=weighted_percentile(jnp.abs(strain.radial_strain), annulus),
        in_plane_shear=weighted_percentile(jnp.abs(strain.in_plane_shear), annulus),
        axial_stress=weighted_percentile(-points.stress[..., 2, 2], annulus),
        volumes=volumes(places, points.volume, points.J, solid, copies),
        section_area=area,
        nucleus_area=nucleus,
    )
