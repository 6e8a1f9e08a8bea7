r"""The Pfirrmann grade of a disc from its T2 and height, and its relatives (mechanics_imaging 4.2; rulings 3, 46, 47).

Rule: grade V where the height is below 0.60 of the person's own healthy height, since height separates V only; else by T2 of the central
half of the nucleus: above 158.7 ms I, above 100.1 II, above 66.8 III, else IV. The cuts lie equally far, in standard deviations, from the
measured means of the two grades beside them; on a scanner with another scale of T2 they move by one factor.

The continuous grade interpolates linearly: the measured means are 1, 2, 3 and 4 and the cuts 1.5, 2.5 and 3.5; below the mean of grade IV
it rises to 4.49 at T2 = 0; a height below the cut gives 4.5 and more, 5 at the height of grade V in the grade table. A reader sees the
continuous grade with a normal error (SD 0.4, prior) and says the nearest whole grade. The image-only rule takes the ratio of the signals of
nucleus and cerebrospinal fluid (cuts 0.75, 0.50, 0.30, prior); it cannot see grade V without the height.

Modified Pfirrmann (8 grades, recalled): 1 to 5 by signal, 6 to 8 by height loss below 30, 30 to 60, above 60 %. The signal part is this
program's reading: 1 from a signal near that of the fluid, 2 to 4 at the three cuts, 5 below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from pulposus.disc._layout import NUCLEUS
from pulposus.parameters import GRADES
from pulposus.readouts._relaxation import (
    RelaxationLaws,
    longitudinal_relaxation,
    spin_echo_signal,
    transverse_relaxation,
)

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.readouts._disc_view import DiscView

_CUTS = ("I_II", "II_III", "III_IV")
# The continuous grade of a nucleus without any T2: still grade IV.
_DARKEST = 4.49


@dataclass(frozen=True)
class PfirrmannRule:
    """Constants of the reading.

    Attributes:
        t2_cuts: T2 between I and II, II and III, III and IV [ms].
        t2_means: Measured means of grades I to IV [ms].
        signal_cuts: The same cuts on the signal over that of cerebrospinal fluid.
        height_cut: Height over healthy height below which a disc is grade V.
        collapsed_height: Height of grade V in the grade table, over that in health.
        reader_deviation: Standard deviation of a reader [grade].
        bright_share: Signal over that of cerebrospinal fluid from which the modified grade is 1.
        least_loss: Height loss below which the height is normal.
        mild_loss, severe_loss: Height loss that separates the modified grades 6, 7 and 8.
        central_share: Share of the nucleus that is read.
    """

    t2_cuts: tuple[float, ...]
    t2_means: tuple[float, ...]
    signal_cuts: tuple[float, ...]
    height_cut: float
    collapsed_height: float
    reader_deviation: float
    bright_share: float
    least_loss: float
    mild_loss: float
    severe_loss: float
    central_share: float

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> PfirrmannRule:
        """Constants of mechanics_imaging 4.2."""
        take = parameters.value
        return cls(
            t2_cuts=tuple(take(f"imaging.pfirrmann.t2_cut.{one}") for one in _CUTS),
            t2_means=tuple(take(f"imaging.pfirrmann.t2_mean.{one}") for one in GRADES[:4]),
            signal_cuts=tuple(take(f"imaging.pfirrmann.signal_cut.{one}") for one in _CUTS),
            height_cut=take("imaging.pfirrmann.height_cut"),
            collapsed_height=take("grades.height_factor.V"),
            reader_deviation=take("imaging.pfirrmann.reader_deviation"),
            bright_share=take("imaging.modified_pfirrmann.bright_share"),
            least_loss=take("imaging.modified_pfirrmann.height_loss.least"),
            mild_loss=take("imaging.modified_pfirrmann.height_loss.mild"),
            severe_loss=take("imaging.modified_pfirrmann.height_loss.severe"),
            central_share=take("imaging.pfirrmann.central_share"),
        )


def central_weights(disc: DiscView, share: float) -> Float[np.ndarray, "columns levels"]:
    """Volumes [mm3] of the nodes in the central part of the nucleus.

    Args:
        disc: The disc.
        share: Share of the section of the nucleus, around its middle.
    """
    rho = np.hypot(*disc.reference.T)
    return disc.pure_volumes(NUCLEUS) * (rho <= np.sqrt(share) * disc.nucleus_radius)[:, None]


def nucleus_relaxation(disc: DiscView, rule: PfirrmannRule, laws: RelaxationLaws) -> tuple[float, float]:
    """Mean T2 [ms] and mean water fraction of the central part of the nucleus."""
    weights = central_weights(disc, rule.central_share)
    part = weights > 0.0
    water = disc.fields["water_fraction"][part]
    relaxation = np.asarray(transverse_relaxation(water, np.zeros_like(water), laws))
    weight = weights[part] / weights[part].sum()
    return float(weight @ relaxation), float(weight @ water)


def fluid_ratio(
    disc: DiscView, rule: PfirrmannRule, laws: RelaxationLaws, fluid: float, repetition_time: float, echo_time: float
) -> float:
    """Signal of the central nucleus over that of cerebrospinal fluid.

    Args:
        disc: The disc.
        rule, laws: Constants.
        fluid: Signal of cerebrospinal fluid in the same sequence.
        repetition_time, echo_time: TR and TE [ms].
    """
    weights = central_weights(disc, rule.central_share)
    part = weights > 0.0
    water = disc.fields["water_fraction"][part]
    signal = spin_echo_signal(
        water,
        longitudinal_relaxation(water, laws),
        transverse_relaxation(water, np.zeros_like(water), laws),
        repetition_time,
        echo_time,
    )
    return float(weights[part] @ np.asarray(signal) / weights[part].sum()) / fluid


def pfirrmann_grade(relaxation: float, height_ratio: float, rule: PfirrmannRule, scale: float = 1.0) -> int:
    """The grade 1 to 5 by the rule.

    Args:
        relaxation: Mean T2 of the central nucleus [ms].
        height_ratio: Height over the person's own healthy height.
        rule: Constants.
        scale: Factor of the scanner's T2 on that of the cuts.
    """
    if height_ratio < rule.height_cut:
        return 5
    return 1 + sum(relaxation <= scale * cut for cut in rule.t2_cuts)


def latent_grade(relaxation: float, height_ratio: float, rule: PfirrmannRule, scale: float = 1.0) -> float:
    """The continuous grade, 0.5 to 5.5; rounded it is `pfirrmann_grade`."""
    if height_ratio < rule.height_cut:
        collapsed = (rule.height_cut - height_ratio) / (rule.height_cut - rule.collapsed_height)
        return min(4.5 + 0.5 * collapsed, 5.5)
    means, cuts = rule.t2_means, rule.t2_cuts
    knots = [0.0, means[3], cuts[2], means[2], cuts[1], means[1], cuts[0], means[0], 2.0 * means[0] - cuts[0]]
    grades = [_DARKEST, 4.0, 3.5, 3.0, 2.5, 2.0, 1.5, 1.0, 0.5]
    return float(np.interp(relaxation / scale, knots, grades))


def image_grade(ratio: float, height_ratio: float, rule: PfirrmannRule) -> int:
    """The grade from the picture alone: signal of the nucleus over that of cerebrospinal fluid, and the height."""
    if height_ratio < rule.height_cut:
        return 5
    return 1 + sum(ratio <= cut for cut in rule.signal_cuts)


def modified_grade(ratio: float, height_ratio: float, rule: PfirrmannRule) -> int:
    """Modified Pfirrmann grade 1 to 8: the height loss decides once the signal is gone.

    Args:
        ratio: Signal of the nucleus over that of cerebrospinal fluid.
        height_ratio: Height over the person's own healthy height.
        rule: Constants.
    """
    by_signal = 1 + sum(ratio <= cut for cut in (rule.bright_share, *rule.signal_cuts))
    loss = 1.0 - height_ratio
    if by_signal < 5 or loss < rule.least_loss:
        return by_signal
    return 6 + sum(loss >= limit for limit in (rule.mild_loss, rule.severe_loss))


def read_grades(latent: float, rule: PfirrmannRule, readers: int, seed: int) -> Int[np.ndarray, "readers"]:
    """What readers say of one disc: the continuous grade with their error, as a whole grade.

    Args:
        latent: Continuous grade.
        rule: Constants.
        readers: How many.
        seed: Of their errors; the first readers do not depend on how many there are.
    """
    errors = np.random.Generator(np.random.Philox(seed)).standard_normal(readers)
    return np.clip(np.rint(latent + rule.reader_deviation * errors), 1, 5).astype(int)


def border_clarity(disc: DiscView, signal: Float[np.ndarray, "columns levels"]) -> float:
    """Clarity of the border of nucleus and annulus: difference of their signals over the width of the transition [1/mm].

    Read on the midline at mid-height, towards the front; the width is that from 90 to 10 % of the difference.

    Args:
        disc: The disc.
        signal: Signal at the nodes.
    """
    mesh = disc.topology
    xi, eta = disc.reference.T
    # The plane holds nodes exactly; 1e-9 is far below the spacing of the mesh and far above rounding.
    line = np.nonzero((np.abs(xi) < 1e-9) & (eta >= 0.0))[0]
    line = line[np.argsort(eta[line])]
    place, profile = disc.section[line, 1], signal[line, mesh.levels // 2]
    inner, outer = profile[0], profile[-1]
    if inner == outer:
        return 0.0
    # Monotone from the nucleus outward, so that a crossing has one place.
    share = np.minimum.accumulate((profile - outer) / (inner - outer))
    begin, end = (float(np.interp(-level, -share, place)) for level in (0.9, 0.1))
    return abs(float(inner - outer)) / max(end - begin, 1e-6)
