"""`pulposus mechanics DISC --treatment PROTOCOL`: stiffness, modulus and strength of a disc before and after a treatment.

The protocol is simulated in 3D on the coarse mesh. The matrix that it leaves goes to the mechanics of the same disc: as it was imaged, as
the treatment finds it, and at the end of the follow-up with and without the product. Neither shape nor load acts back on the cells, and a
product takes no room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulposus.cli._output import aligned, print_note, print_text

if TYPE_CHECKING:
    from pulposus.mechanics import MechanicalDisc
    from pulposus.mechanics._strength import Strength
    from pulposus.parameters import ParameterSet

NOT_CHECKED = "prediction; no published check found"
SURROGATE = "surrogate; nothing tears in the model"
MOMENTS = {
    "imaged": "intact",
    "at treatment": "injured, before the treatment",
    "with_cells": "treated, day {days:.0f}",
    "sham": "the same without the product, day {days:.0f}",
}
"""What people call the moments that are shown."""
_FIRST = "imaged"


@dataclass(frozen=True)
class Treated:
    """Mechanics of a disc by moment.

    Attributes:
        disc: Name.
        protocol: Name.
        days: Length of the follow-up.
        moments: The discs at rest: `imaged`, `at treatment` where the protocol has a history, and the arms at the end.
        force: Fast load at which the stiffness is read [N].
        bone_density: Of the vertebra beside it [mg/mL]; None for animals.
    """

    disc: str
    protocol: str
    days: float
    moments: dict[str, MechanicalDisc]
    force: float
    bone_density: float | None

    @property
    def animal(self) -> bool:
        """Whether nothing was found to check its strength and modulus with."""
        return self.bone_density is None


def treated(source: str | None, protocol: str, constants: ParameterSet, overrides: Sequence[str] = ()) -> Treated:
    """Simulate a protocol, and take the mechanics of its moments.

    Args:
        source: The disc; that of the protocol where left out.
        protocol: Name or file.
        constants: The parameters.
        overrides: `key=value` texts of the protocol.

    Raises:
        InvalidInput: The disc or the protocol cannot be used.
        SolverFailed: No equilibrium was found.
    """
    import jax.numpy as jnp

    from pulposus.disc import load_disc
    from pulposus.mechanics import MechanicalDisc
    from pulposus.mechanics._whole_disc import disc_load, require_state
    from pulposus.nutrition import SolverOptions
    from pulposus.simulation import StepControl, disc_mechanics, follow, models_along, plan_of, settle
    from pulposus.simulation._course import SINGLE
    from pulposus.simulation._mechanics_course import equilibrium_of
    from pulposus.simulation._settle import moved_to
    from pulposus.therapy import load_protocol

    chosen = [] if source is None else [f"disc.name={source}"]
    document = load_protocol(protocol, ["numerics.resolution=coarse", *overrides, *chosen])
    name = document.disc.name
    disc = load_disc(name, "coarse", constants)
    plan = plan_of(document, disc, constants, "disc")
    print_note(f"{name}: looking for the stress-free shape, then simulating {document.name} (about a minute)")
    control, options = StepControl(), SolverOptions(tolerance=1e-6)
    model, state = settle(plan, control, options)
    mechanics = disc_mechanics(disc, load_disc(name, "mechanics", constants), model, constants)

    def rest(problem: Any, found: Any) -> MechanicalDisc:
        return MechanicalDisc(mechanics.solid.places, problem, found, jnp.zeros(()), jnp.zeros((), dtype=jnp.int64))

    def taken(course: Any, model: Any, state: Any) -> tuple[Any, Any, MechanicalDisc]:
        print_note(f"{name}: {course.name}")
        changed, states = follow(course, model, state, SINGLE, control, options)
        problem, found = equilibrium_of(
            mechanics, models_along(course, model, states)[-1], states[-1], mechanics.rested
        )
        require_state(found, f"{name} at the end of {course.name}")
        return changed, states[-1], rest(problem, found)

    moments = {_FIRST: rest(mechanics.reference.problem, mechanics.rested)}
    if plan.history is not None:
        model, state, moments["at treatment"] = taken(plan.history, model, moved_to(state, plan.history.times[0]))
    done: dict[int, MechanicalDisc] = {}
    for arm, course in plan.arms.items():
        if arm in MOMENTS and id(course) not in done:
            done[id(course)] = taken(course, model, state)[2]
        if arm in MOMENTS:
            moments[arm] = done[id(course)]
    human = disc.description.species in ("", "human")
    return Treated(
        disc=name,
        protocol=document.name,
        days=float(plan.arms["with_cells"].times[-1]),
        moments=moments,
        force=float(disc_load(disc, "standing", constants).force),
        bone_density=constants.value("mechanics.strength.bone_density") if human else None,
    )


@dataclass(frozen=True)
class Prediction:
    """Numbers of a disc at one moment: mean height [mm], stiffness [N/mm], modulus [MPa]."""

    height: float
    stiffness: float
    modulus: float


def predicted(case: Treated, moment: str) -> Prediction:
    """Height at rest, and stiffness and modulus under the fast standing load."""
    from pulposus.mechanics import read
    from pulposus.mechanics._whole_disc import fast_state, require_state

    disc = case.moments[moment]
    state, stiffness = fast_state(disc, case.force)
    require_state(state, f"{case.disc}, {moment}")
    reading = read(disc.places, disc.problem, disc.rested)
    modulus = float(stiffness * reading.heights.middle / reading.section_area)
    return Prediction(float(reading.heights.mean), float(stiffness), modulus)


def treated_document(case: Treated, constants: ParameterSet) -> dict[str, Any]:
    """The moments as plain data, with the constants that drive the strength."""
    from pulposus.cli._mechanics_strength import strength_constants
    from pulposus.mechanics import FailureLaw
    from pulposus.mechanics._strength import compressive_strength

    law = FailureLaw.from_parameters(constants)
    rows, strengths = [], {}
    for moment, text in MOMENTS.items():
        if moment in case.moments:
            print_note(f"{case.disc}, {text.format(days=case.days)}: stiffness, and the force at which the fibres fail")
            strengths[moment] = compressive_strength(case.moments[moment], law, case.bone_density)
            rows.append(
                _row(text.format(days=case.days), predicted(case, moment), strengths[moment], strengths[_FIRST])
            )
    return {
        "disc": case.disc,
        "protocol": case.protocol,
        "simulated": True,
        "research_use_only": True,
        "stiffness_at_N": case.force,
        "moments": rows,
        "status": NOT_CHECKED if case.animal else SURROGATE,
        "constants": strength_constants(constants, human=not case.animal),
    }


def _row(moment: str, numbers: Prediction, strength: Strength, first: Strength) -> dict[str, Any]:
    return {
        "moment": moment,
        "height_mm": numbers.height,
        "stiffness_N_per_mm": numbers.stiffness,
        "effective_modulus_MPa": numbers.modulus,
        "compressive_strength_N": strength.compressive,
        "compressive_strength_over_intact": strength.compressive / first.compressive,
        "limited_by": strength.limited_by,
        "lower_bound": strength.lower_bound,
    }


def print_treated(document: dict[str, Any]) -> None:
    """The document for people."""
    from pulposus.cli._mechanics_text import constant_lines

    head = (
        "  moment",
        "height [mm]",
        "stiffness [N/mm]",
        "elastic modulus [MPa]",
        "compressive strength [N]",
        "over intact",
    )
    table: list[tuple[str, ...]] = [head]
    for row in document["moments"]:
        bound = "at least " if row["lower_bound"] else ""
        table.append(
            (
                f"  {row['moment']}",
                f"{row['height_mm']:.3g}",
                f"{row['stiffness_N_per_mm']:.4g}",
                f"{row['effective_modulus_MPa']:.2f}",
                f"{bound}{row['compressive_strength_N']:.4g}",
                f"{row['compressive_strength_over_intact']:.2f}",
            )
        )
    print_text(
        f"{document['disc']}: simulated mechanics before and after {document['protocol']}",
        "",
        *aligned(table),
        "",
        f"stiffness, modulus and strength: {document['status']}",
        f"height at rest; stiffness and modulus k h / A under a fast load of {document['stiffness_at_N']:.4g} N; neither shape nor load"
        " acts back on the cells, and a product takes no room",
        "",
        *constant_lines("the strength rests on", document["constants"]),
        "Research use only, not medical advice.",
    )
