"""The swelling cylinder, benchmark V11 and V12: every number is a key of its document (mechanics_imaging 3.1; rulings 26, 41, 42).

A cylinder of nucleus and annulus between rigid bonded plates; its height and radii are stress-free, its composition holds there. The upper
half is computed. The charge, angle and stiffness of the annulus are those of the document instead of the parameter set. Plates and side
drain freely.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from pydantic import Field, model_validator

from pulposus.disc._document import Length, OpenFraction
from pulposus.documents import Document, read_document, top_level_keys
from pulposus.mechanics._arrays import as_field
from pulposus.mechanics._disc_material import PointComposition, TissueTable, point_materials
from pulposus.mechanics._disc_places import NUCLEUS, DiscPlaces, cylinder_places
from pulposus.mechanics._fibres import FibreMap
from pulposus.mechanics._loads import DailyCycle, SpineLoad
from pulposus.mechanics._osmosis import Donnan
from pulposus.mechanics._solid_problem import SolidProblem
from pulposus.mesh import axial_positions, quadratic_mesh, reference_points, topology
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.units import Quantity

KIND = "swelling-cylinder"
Modulus = Annotated[float, Quantity("MPa", minimum=0.0, exclusive_minimum=True)]
Charge = Annotated[float, Quantity("mEq/mL", minimum=0.0)]
Permeable = Annotated[float, Quantity("mm2/(MPa day)", minimum=0.0, exclusive_minimum=True)]
Angle = Annotated[float, Quantity("degree", minimum=0.0, maximum=90.0)]
Compression = Annotated[float, Quantity("N", minimum=0.0)]
Positive = Annotated[float, Field(gt=0.0)]


class CylinderShape(Document):
    """Size without stress."""

    radius: Length
    """Radius of the disc."""
    nucleus_radius: Length
    """Radius of the nucleus."""
    height: Length
    """Full height."""

    @model_validator(mode="after")
    def _nucleus_inside(self) -> CylinderShape:
        if self.nucleus_radius >= self.radius:
            raise ValueError("the nucleus does not fit: nucleus_radius has to be below radius")
        return self


class CylinderTissue(Document):
    """A tissue."""

    shear_modulus: Modulus
    """Of the ground matrix (mu_s)."""
    bulk_modulus: Modulus
    """At the stress-free volume (K0)."""
    solid_fraction: OpenFraction
    """At the stress-free volume (ns)."""
    fixed_charge: Charge
    """Per water at the stress-free volume (c0)."""
    osmotic_coefficient: Positive
    """On the fixed charge (Phi)."""
    permeability: Permeable
    """At the stress-free volume (k0)."""
    permeability_exponent: Positive
    """Mk of k = k0 J^Mk."""


class CylinderFibres(Document):
    """The two families of the annulus, linear in the radius."""

    inner_stiffness: Modulus
    """Of each family, at the nucleus (C_f)."""
    outer_stiffness: Modulus
    """Of each family, at the outline."""
    exponent: Positive
    """k1."""
    inner_angle: Angle
    """To the transverse plane, at the nucleus."""
    outer_angle: Angle
    """To the transverse plane, at the outline."""


class CylinderBath(Document):
    """What surrounds the disc."""

    salt: Charge
    """Salt; the mobile ions are twice this."""
    temperature: Annotated[float, Quantity("K", minimum=0.0, exclusive_minimum=True)]
    """Absolute temperature."""


class CylinderDay(Document):
    """The daily cycle."""

    load: Compression
    """Axial force by day."""
    night_load: Compression
    """Axial force by night; the day starts from its drained equilibrium."""
    day_length: Annotated[float, Quantity("day", minimum=0.0, maximum=0.99, exclusive_minimum=True)]
    """On the feet; the rest of 24 hours is night."""


class SwellingCylinder(Document):
    """The document of the benchmark."""

    kind: Literal["swelling-cylinder"]
    """What the document describes."""
    schema_version: Literal[1]
    """Version of this schema."""
    name: Annotated[str, Field(min_length=1, max_length=120)]
    """Name of the disc."""
    shape: CylinderShape
    """Size without stress."""
    nucleus: CylinderTissue
    """Nucleus pulposus."""
    annulus: CylinderTissue
    """Annulus fibrosus without its fibres."""
    fibres: CylinderFibres
    """Fibres of the annulus."""
    bath: CylinderBath
    """What surrounds the disc."""
    day: CylinderDay
    """The daily cycle."""
    mesh: Literal["cylinder", "cylinder-coarse"] = "cylinder"
    """Quadratic elements along the radius of nucleus and annulus and along the half height: 6 + 6 and 6, or 3 + 3 and 3."""


class Cylinder(NamedTuple):
    """The benchmark, ready to solve.

    Attributes:
        document: Its numbers.
        places: Of its points.
        problem: The upper half, stress-free.
        cycle: Its day.
    """

    document: SwellingCylinder
    places: DiscPlaces
    problem: SolidProblem
    cycle: DailyCycle


def is_cylinder(source: str) -> bool:
    """Whether a file is such a document: a YAML file with the keys `kind` and `fibres`.

    Raises:
        InvalidInput: It is a YAML file that cannot be read.
    """
    path = Path(source)
    return path.suffix in (".yaml", ".yml") and path.is_file() and {"kind", "fibres"} <= top_level_keys(path)


def load_cylinder(
    source: str | Path, overrides: Sequence[str] = (), parameters: ParameterSet | None = None
) -> Cylinder:
    """Read the benchmark.

    Args:
        source: The file.
        overrides: `key=value` texts, such as "nucleus.fixed_charge=0.1 mEq/mL".
        parameters: Give the gas constant; those that ship with the program where left out.

    Raises:
        InvalidInput: It cannot be read or does not fit the schema.
    """
    constants = load_parameters() if parameters is None else parameters
    return cylinder_problem(read_document(Path(source), SwellingCylinder, overrides=overrides), constants)


def cylinder_problem(document: SwellingCylinder, parameters: ParameterSet) -> Cylinder:
    """The problem that a document describes; of the parameters only the gas constant is used."""
    shape = document.shape
    mesh = quadratic_mesh(topology(f"mechanics-{document.mesh}"))
    share = shape.nucleus_radius / shape.radius
    plan = mesh.topology.plan
    # The outer named ring stands for no border here; so placed, the rings of the annulus are evenly spaced.
    ring = share + (1.0 - share) * plan.middle / (plan.middle + plan.outer)
    places = cylinder_places(mesh, share, ring)
    section = shape.radius * reference_points(mesh.topology, share, ring)
    half = 0.5 * shape.height
    z = 0.5 * half * (axial_positions(mesh.topology, 0.0) + 1.0)
    lattice = np.concatenate([np.broadcast_to(section[:, None, :], (*z.shape, 2)), z[..., None]], axis=-1)
    coordinates = mesh.gather(jnp.asarray(lattice))
    tissues = (document.nucleus, document.annulus)

    def by_point(name: str) -> jnp.ndarray:
        values = as_field([getattr(tissue, name) for tissue in tissues])
        code = jnp.where(places.tissue == NUCLEUS, 0, 1)
        return jnp.broadcast_to(values[code][:, None], places.reference.shape[:2])

    state = PointComposition(
        solid_fraction=by_point("solid_fraction"),
        fixed_charge=by_point("fixed_charge"),
        fissure=jnp.zeros(places.reference.shape[:2]),
        fibre_loss=jnp.zeros(places.reference.shape[:2]),
    )
    faces = len(mesh.upper.nodes)
    problem = SolidProblem(
        mesh=mesh,
        coordinates=coordinates,
        material=point_materials(_table(document, parameters), places.tissue, places.frame(coordinates), state),
        growth=jnp.ones(places.reference.shape[:2]),
        film=jnp.zeros((2, faces)),
        centre=jnp.array([0.0, 0.0, half]),
        lower="symmetry",
        open_endplates=True,
    )
    day = document.day
    cycle = DailyCycle(SpineLoad(day.load), SpineLoad(day.night_load), day.day_length)
    return Cylinder(document, places, problem, cycle)


def _table(document: SwellingCylinder, parameters: ParameterSet) -> TissueTable:
    """The constants of the document; the third tissue, which no element has, repeats the annulus."""
    tissues = (document.nucleus, document.annulus, document.annulus)
    fibres = document.fibres
    angles = jnp.array([fibres.inner_angle, fibres.outer_angle])
    own = {"mechanics.body_temperature": document.bath.temperature, "matrix.external_salt": document.bath.salt}
    water = Donnan.from_parameters(parameters.replace(own), 0.0, 0.0, 0.0)
    return TissueTable(
        shear_modulus=[tissue.shear_modulus for tissue in tissues],
        bulk_modulus=[tissue.bulk_modulus for tissue in tissues],
        osmotic_coefficient=[tissue.osmotic_coefficient for tissue in tissues],
        permeability=[tissue.permeability for tissue in tissues],
        permeability_exponent=[tissue.permeability_exponent for tissue in tissues],
        fibres=FibreMap(fibres.inner_stiffness, fibres.outer_stiffness, fibres.exponent, angles, angles),
        bath=water.bath,
        thermal_energy=water.thermal_energy,
        fissure_gain=0.0,
    )
