r"""What is read off the mechanics of a simulated disc at one time (mechanics_imaging 2.5).

The supine equilibrium gives heights, bulge, strain and water; a fast load of the day on it gives the stiffness dF/dh, the modulus
:math:`E = k H_C / A` and the pressure in the nucleus that its cells feel as the amplitude of the daily load (cells_matrix 2.0, MAG).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from pulposus import _backend  # noqa: F401
from pulposus.mechanics._disc_material import Points
from pulposus.mechanics._equilibrium import point_states
from pulposus.mechanics._fibre_strain import annulus_strain
from pulposus.mechanics._reading import Reading, read
from pulposus.mechanics._solid_problem import Deformation, SolidProblem
from pulposus.mechanics._whole_disc import MechanicalDisc, fast_state
from pulposus.simulation._mechanics import DiscMechanics
from pulposus.simulation._representative_day import DayMeans, representative_day
from pulposus.simulation._reshaping import TissueRatios, tissue_ratios


class MechanicsReading(NamedTuple):
    """What is read off a disc at one time.

    Attributes:
        time: [day].
        state: Supine equilibrium.
        reading: Off it.
        stiffness: Tangent dF/dh of a fast load of the day on the supine disc [N/mm]; not a number where it was not asked for or not found.
        effective_modulus: [MPa].
        day_pressure: Pressure in the nucleus under that load [MPa]; not a number likewise.
        volume_ratio: Of nucleus, annulus and endplate over the image.
        displacement: Of the nodes of the simulation since the image [mm].
        fibre_stretch: Along the fibres at the nodes of the annulus; 1 elsewhere.
        day: A representative day; None where it was not asked for or not found.
    """

    time: float
    state: Deformation
    reading: Reading
    stiffness: float
    effective_modulus: float
    day_pressure: float
    volume_ratio: TissueRatios
    displacement: Float[np.ndarray, "columns levels 3"]
    fibre_stretch: Float[np.ndarray, "columns levels"]
    day: DayMeans | None

    def row(self) -> dict[str, Any]:
        """The numbers as plain data."""
        heights, volumes = self.reading.heights, self.reading.volumes
        parts = ("anterior", "middle", "posterior", "mean")
        return {
            "time_day": self.time,
            "status": int(self.state.status),
            "height_mm": {part: float(getattr(heights, part)) for part in parts},
            "intradiscal_pressure_MPa": float(self.reading.pressure),
            "stiffness_N_per_mm": self.stiffness,
            "effective_modulus_MPa": self.effective_modulus,
            "day_pressure_MPa": self.day_pressure,
            "bulge_mm": float(self.reading.bulge.largest),
            "fibre_stretch_p95": float(self.reading.fibre_stretch),
            "water_volume_mm3": float(volumes.water),
            "disc_volume_mm3": float(volumes.total),
            "volume_ratio": self.volume_ratio._asdict(),
        } | ({} if self.day is None else {"day": self.day.row()})


def reading_of(
    mechanics: DiscMechanics,
    problem: SolidProblem,
    state: Deformation,
    time: float,
    *,
    stiffness: bool = True,
    daily: bool = False,
) -> MechanicsReading:
    """What is read off an equilibrium.

    Args:
        mechanics: The disc.
        problem, state: Its equilibrium.
        time: [day].
        stiffness: Whether a fast load of the day is put on it too; that costs as much as the rest.
        daily: Whether a representative day is followed.
    """
    places = mechanics.solid.places
    reading, found = read(places, problem, state), int(state.status) == 0
    rate = pressure = np.nan
    if stiffness and found:
        none, passes = jnp.zeros(()), jnp.zeros((), dtype=jnp.int64)
        at_rest = MechanicalDisc(places, problem, state, none, passes)
        fast, tangent = fast_state(at_rest, mechanics.cycle.day.force)
        if int(fast.status) == 0:
            rate, pressure = float(tangent), float(read(places, problem, fast).pressure)
    return MechanicsReading(
        time=time,
        state=state,
        reading=reading,
        stiffness=rate,
        effective_modulus=rate * float(reading.heights.middle) / float(reading.section_area),
        day_pressure=pressure,
        volume_ratio=tissue_ratios(mechanics.disc, mechanics.shape(state.displacement)),
        displacement=np.asarray(mechanics.moved_since_image(state.displacement)),
        fibre_stretch=np.asarray(mechanics.annulus(_fibre_stretch(problem, state), 1.0)),
        day=representative_day(mechanics, problem, state) if daily and found else None,
    )


@eqx.filter_jit
def _fibre_stretch(problem: SolidProblem, state: Deformation) -> Points:
    """Stretch along the fibres at the Gauss points."""
    fibres = problem.material.fibres
    assert fibres is not None
    elastic = point_states(problem, state).F / jnp.cbrt(problem.growth)[..., None, None]
    return annulus_strain(elastic, fibres).fibre_stretch
