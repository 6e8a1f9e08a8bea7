"""What is read off a disc: T2, Pfirrmann grades, clarity of the border, height index; each beside the numbers that it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.readouts._height_index import (
    disc_height_index,
    disc_height_index_of_sum,
    frobin_height,
    height_class,
    midline_heights,
)
from pulposus.readouts._pfirrmann import (
    PfirrmannRule,
    border_clarity,
    fluid_ratio,
    image_grade,
    latent_grade,
    modified_grade,
    nucleus_relaxation,
    pfirrmann_grade,
    read_grades,
)
from pulposus.readouts._relaxation import longitudinal_relaxation, spin_echo_signal, transverse_relaxation
from pulposus.readouts._render import fluid_signal
from pulposus.readouts._tissues import LEAST_WATER

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.readouts._disc_view import DiscView
    from pulposus.readouts._render import Scan
    from pulposus.readouts._tissues import Scene

READERS = 3


@dataclass(frozen=True)
class Reading:
    """Readings of one disc at one moment; noise-free but for `readers`.

    Attributes:
        nucleus_T2_ms: Mean T2 of the central half of the nucleus.
        nucleus_water_fraction: Its mean water fraction of composition.
        signal_over_fluid: Signal of the same part over that of cerebrospinal fluid.
        height_over_healthy: Height over the person's own healthy height.
        pfirrmann_grade, pfirrmann_latent: By the rule, and the continuous grade.
        pfirrmann_from_image: From the picture alone.
        modified_pfirrmann: 1 to 8.
        readers: What three readers with the error of a reader say.
        reader_deviation: Standard deviation of that error [grade].
        border_clarity_per_mm: Signal step of nucleus and annulus over the width of the transition.
        height_anterior_mm, height_middle_mm, height_posterior_mm: On the midline.
        disc_height_index, disc_height_index_of_sum: Over the mean, and over the sum, of the vertebral heights of the schematic.
        height_class: What the first of them counts as.
        frobin: Front height at the disc's own healthy angle over its depth.
    """

    nucleus_T2_ms: float
    nucleus_water_fraction: float
    signal_over_fluid: float
    height_over_healthy: float
    pfirrmann_grade: int
    pfirrmann_latent: float
    pfirrmann_from_image: int
    modified_pfirrmann: int
    readers: tuple[int, ...]
    reader_deviation: float
    border_clarity_per_mm: float
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    disc_height_index: float
    disc_height_index_of_sum: float
    height_class: str
    frobin: float

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"readers": list(self.readers)}


def read_disc(scene: Scene, scan: Scan, parameters: ParameterSet) -> Reading:
    """Read the treated disc of a scene.

    Args:
        scene: The scene.
        scan: Sequence and seed.
        parameters: The loaded parameters.
    """
    disc, laws = scene.spine.treated.disc, scene.laws
    rule = PfirrmannRule.from_parameters(parameters)
    relaxation, water = nucleus_relaxation(disc, rule, laws)
    ratio = fluid_ratio(disc, rule, laws, fluid_signal(scene, scan), scan.repetition_time, scan.echo_time)
    latent = latent_grade(relaxation, disc.height_ratio, rule)
    heights, vertebra = midline_heights(disc), scene.spine.sizes.vertebra_height
    index = disc_height_index(heights, vertebra, vertebra)
    # Degeneration scales all heights by one factor, so the healthy wedge is that of the healthy heights.
    healthy_angle = float(np.arctan(np.tan(heights.wedge) / disc.height_ratio))
    return Reading(
        nucleus_T2_ms=relaxation,
        nucleus_water_fraction=water,
        signal_over_fluid=ratio,
        height_over_healthy=disc.height_ratio,
        pfirrmann_grade=pfirrmann_grade(relaxation, disc.height_ratio, rule),
        pfirrmann_latent=latent,
        pfirrmann_from_image=image_grade(ratio, disc.height_ratio, rule),
        modified_pfirrmann=modified_grade(ratio, disc.height_ratio, rule),
        readers=tuple(int(one) for one in read_grades(latent, rule, READERS, scan.seed)),
        reader_deviation=rule.reader_deviation,
        border_clarity_per_mm=border_clarity(disc, node_signal(disc, scene, scan)),
        height_anterior_mm=heights.anterior,
        height_middle_mm=heights.middle,
        height_posterior_mm=heights.posterior,
        disc_height_index=index,
        disc_height_index_of_sum=disc_height_index_of_sum(heights, vertebra, vertebra),
        height_class=height_class(index, parameters),
        frobin=frobin_height(heights, healthy_angle, heights.depth),
    )


def node_signal(disc: DiscView, scene: Scene, scan: Scan) -> np.ndarray:
    """Signal of nucleus and annulus at the nodes, (columns, levels)."""
    water, annulus = np.clip(disc.fields["water_fraction"], LEAST_WATER, None), disc.annulus_share
    return np.asarray(
        spin_echo_signal(
            water,
            longitudinal_relaxation(water, scene.laws),
            transverse_relaxation(water, annulus, scene.laws),
            scan.repetition_time,
            scan.echo_time,
        )
    )
