"""The scene of a run's disc: its neighbours from the library, and the findings that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulposus.errors import InvalidInput
from pulposus.readouts._disc_view import DiscView, graded_view
from pulposus.readouts._findings import NO_FINDINGS, Findings, check_findings
from pulposus.readouts._spine import LEVELS, lay_out
from pulposus.readouts._tissues import Scene

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

NEIGHBOUR_GRADE = 2


def scene_of(
    disc: DiscView,
    parameters: ParameterSet,
    *,
    neighbour_grade: int = NEIGHBOUR_GRADE,
    findings: Findings = NO_FINDINGS,
) -> Scene:
    """A disc between its neighbours.

    Args:
        disc: The disc of a run at one moment.
        parameters: The loaded parameters.
        neighbour_grade: Pfirrmann grade of the discs above and below, which the run says nothing about.
        findings: Findings of the treated disc.

    Raises:
        InvalidInput: The grade does not exist, or the disc cannot have the findings.
    """
    if not 1 <= neighbour_grade <= 5:
        raise InvalidInput(f"there is no grade {neighbour_grade}", where="option --neighbour-grade", allowed="1 to 5")
    spine = lay_out(disc, _neighbours(disc, parameters, neighbour_grade), parameters)
    scene = Scene.of(spine, parameters, {spine.treated.level: findings} if findings != NO_FINDINGS else {})
    check_findings(findings, disc, scene.sizes)
    return scene


def _neighbours(disc: DiscView, parameters: ParameterSet, grade: int) -> tuple[DiscView | None, DiscView | None]:
    """The discs below and above, from the library; an animal's are copies of its own disc."""
    from pulposus.disc import load_disc

    def take(name: str) -> DiscView:
        return graded_view(load_disc(f"{name}/grade{grade}", "coarse", parameters), parameters)

    level = disc.level.removesuffix("-generic")
    if disc.species not in ("human", ""):
        copy = f"{disc.species}/{disc.level}"
        return take(copy), take(copy)
    number = LEVELS.index(level) if level in LEVELS else LEVELS.index("L3-L4")
    below = take(f"human/{LEVELS[number + 1]}") if number + 1 < len(LEVELS) else None
    above = take(f"human/{LEVELS[number - 1]}") if number > 0 else None
    return below, above
