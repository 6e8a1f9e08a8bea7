"""`pulposus mechanics DISC --load LOAD`: the whole disc under a load, its day, its stability, its strength; as a document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.cli._mechanics_strength import stability_constants, strength_document
from pulposus.cli._mechanics_treated import NOT_CHECKED
from pulposus.cli._output import print_note
from pulposus.errors import InvalidInput
from pulposus.units import parse_quantity

if TYPE_CHECKING:
    from pulposus.disc import Disc
    from pulposus.mechanics import LoadedState, MechanicalDisc, Reading, SpineLoad
    from pulposus.mechanics._cylinder import Cylinder
    from pulposus.parameters import ParameterSet

_RESOLUTIONS = ("mechanics", "mechanics-fine")
_USUAL_LOADS = ("supine", "standing")
_NOT_CHECKED = (
    "compressive strength, stiffness and elastic modulus of animal discs are predictions: no published check found;"
    " --treatment PROTOCOL shows them before and after one"
)
_UNCHECKED = ("stiffness_N_per_mm", "effective_modulus_MPa")
_DISC_ONLY = "the disc alone, without facet joints and ligaments: read motions relative to the healthy disc"


class Subject:
    """What the command computes: a disc that was loaded, or the benchmark, with its loads by name.

    Attributes:
        name: Of the disc.
        loads: By the name that they were asked for.
        warnings: What a reader has to know.
        rested: The disc at rest.
        disc: The loaded disc; None for the benchmark.
        strength: Whether its strength is wanted: unless it was asked for or refused, that of an animal is.
    """

    def __init__(
        self,
        source: str,
        overrides: Sequence[str],
        constants: ParameterSet,
        resolution: str,
        body_mass: float | None,
        load: str,
        *,
        stability: bool,
        strength: bool | None,
    ) -> None:
        from pulposus.disc import load_disc
        from pulposus.mechanics import mechanical_cylinder, mechanical_disc
        from pulposus.mechanics._cylinder import is_cylinder, load_cylinder

        self.constants, self.body_mass = constants, body_mass
        self.disc: Disc | None = None
        self.cylinder: Cylinder | None = None
        self.warnings: list[str] = []
        self.strength = bool(strength)
        if is_cylinder(source):
            _refuse_for_benchmark(body_mass, resolution, stability=stability, strength=strength)
            self.cylinder = load_cylinder(source, overrides, constants)
            self.name = self.cylinder.document.name
        else:
            if resolution not in _RESOLUTIONS:
                raise InvalidInput(
                    f'unknown resolution "{resolution}"', where="option --resolution", allowed=", ".join(_RESOLUTIONS)
                )
            self.disc = loaded = load_disc(source, resolution, constants, overrides)
            self.name = loaded.description.name
            self.warnings = list(loaded.description.warnings)
            if loaded.description.species not in ("", "human"):
                self.warnings.append(_NOT_CHECKED)
                self.strength = strength is None or strength
        # A load that cannot be used is refused before the long search.
        self.loads = {name: self.load(name) for name in ((load,) if load else self.usual_loads())}
        if self.cylinder is not None:
            print_note(f"{self.name}: equilibrium under the load of the night")
            self.rested: MechanicalDisc = mechanical_cylinder(self.cylinder)
        elif self.disc is not None:
            print_note(f"{self.name}: looking for the stress-free shape behind the supine one (about half a minute)")
            self.rested = mechanical_disc(self.disc, constants, body_mass=body_mass)

    def load(self, text: str) -> SpineLoad:
        """A posture, or an axial force with its unit.

        Raises:
            InvalidInput: It is neither, or has no meaning for this disc.
        """
        from pulposus.mechanics import POSTURES, SpineLoad
        from pulposus.mechanics._whole_disc import disc_load

        if text in POSTURES:
            if self.disc is None:
                raise InvalidInput(
                    "a posture has no meaning for the benchmark",
                    where="option --load",
                    allowed='a force such as "500 N"',
                )
            return disc_load(self.disc, text, self.constants, self.body_mass)
        if not text[:1].isdigit():
            raise InvalidInput(
                f'there is no load "{text}"',
                where="option --load",
                allowed=f'{", ".join(POSTURES)}, or a force such as "500 N"',
            )
        return SpineLoad(parse_quantity(text, "N", "option --load"))

    @property
    def section_area(self) -> float:
        """Of the disc at rest [mm2]."""
        from pulposus.mechanics import read

        return float(read(self.rested.places, self.rested.problem, self.rested.rested).section_area)

    def usual_loads(self) -> tuple[str, ...]:
        """The loads when none is asked for."""
        if self.cylinder is None:
            return _USUAL_LOADS
        day = self.cylinder.document.day
        return f"{day.night_load:g} N", f"{day.load:g} N"


def _refuse_for_benchmark(body_mass: float | None, resolution: str, *, stability: bool, strength: bool | None) -> None:
    if body_mass is not None:
        raise InvalidInput("a body mass has no meaning for the benchmark", where="option --body-mass")
    if resolution != _RESOLUTIONS[0]:
        raise InvalidInput(
            "the benchmark has its own mesh", where="option --resolution", remedy="use --set mesh=cylinder-coarse"
        )
    if stability:
        raise InvalidInput("half of the benchmark is computed, which cannot be bent", where="option --stability")
    if strength:
        raise InvalidInput("the benchmark has no activities and no bone", where="option --strength")


def disc_document(subject: Subject, load: str, *, day: bool, stability: bool) -> tuple[dict[str, Any], LoadedState]:
    """The document of a disc: one load, or supine and standing under `loads`; and the last state, for a file.

    Raises:
        InvalidInput: The load cannot be used.
        SolverFailed: No equilibrium was found; says the load that was reached.
    """
    from pulposus.mechanics._whole_disc import under_load

    document: dict[str, Any] = {
        "disc": subject.name,
        "simulated": True,
        "research_use_only": True,
        "stress_free_residual_mm": float(subject.rested.residual),
        "passes": int(subject.rested.passes),
    }
    states = {}
    for name, target in subject.loads.items():
        print_note(f"{subject.name}: under {name}")
        states[name] = under_load(subject.rested, target)
    animal = subject.disc is not None and subject.disc.description.species not in ("", "human")
    checks = {"checks": dict.fromkeys(_UNCHECKED, NOT_CHECKED)} if animal else {}
    parts = [load_document(name, state) | checks for name, state in states.items()]
    document |= parts[0] if load else {"loads": parts}
    if day:
        document["day"] = _day_document(subject)
    if stability:
        document["stability"] = _stability_document(subject)
        assert subject.disc is not None
        document["stability_constants"] = stability_constants(subject.constants, subject.disc)
    if subject.strength and subject.disc is not None:
        document |= strength_document(subject, subject.disc)
    return document | {"warnings": subject.warnings + ([_DISC_ONLY] if stability else [])}, list(states.values())[-1]


def load_document(name: str, state: LoadedState) -> dict[str, Any]:
    """The readouts of one load as plain data."""
    from pulposus.mechanics._disc_places import DEPTHS, SECTORS

    drained_share, fast_share = state.shares
    moment = 1e-3 * float(state.load.moment)
    reading, fast = state.reading, state.fast_reading
    by_part = reading.fibre_stretch_by_part
    return {
        "load": {
            "name": name,
            "force_N": float(state.load.force),
            "moment_N_m": moment,
            "reached_moment_N_m": {"drained": drained_share * moment, "fast": fast_share * moment},
        },
        "height_mm": _heights(reading),
        "intradiscal_pressure_MPa": float(reading.pressure),
        "stiffness_N_per_mm": float(state.stiffness),
        "effective_modulus_MPa": float(state.effective_modulus),
        "bulge_mm": float(reading.bulge.largest),
        "fibre_stretch_p95": float(reading.fibre_stretch),
        "water_volume_mm3": float(reading.volumes.water),
        "status": "converged" if drained_share == fast_share == 1.0 else "moment-not-reached",
        "fast": {
            "height_mm": _heights(fast),
            "intradiscal_pressure_MPa": float(fast.pressure),
            "bulge_mm": float(fast.bulge.largest),
            "fibre_stretch_p95": float(fast.fibre_stretch),
            "load_share": float(fast.load_share),
        },
        "details": {
            "load_share": float(reading.load_share),
            "disc_volume_mm3": float(reading.volumes.total),
            "nucleus_volume_mm3": float(reading.volumes.nucleus),
            "section_area_mm2": float(reading.section_area),
            "bulge_by_sector_mm": dict(zip(SECTORS, reading.bulge.by_sector.tolist(), strict=True)),
            "fibre_stretch_p95_by_sector": {
                sector: dict(zip(DEPTHS, row, strict=True))
                for sector, row in zip(SECTORS, by_part.tolist(), strict=True)
            },
            "radial_strain_p95": float(reading.radial_strain),
            "in_plane_shear_p95_rad": float(reading.in_plane_shear),
            "annulus_axial_stress_p95_MPa": float(reading.axial_stress),
        },
    }


def _heights(reading: Reading) -> dict[str, float]:
    heights = reading.heights
    return {name: float(getattr(heights, name)) for name in ("anterior", "middle", "posterior", "mean")}


def _day_document(subject: Subject) -> dict[str, Any]:
    from pulposus.errors import SolverFailed
    from pulposus.mechanics import day_outcome, follow_days, step_lengths
    from pulposus.mechanics._day import CREEP_HOURS
    from pulposus.mechanics._homogeneous import CONVERGED
    from pulposus.mechanics._whole_disc import disc_day

    rested = subject.rested
    if subject.cylinder is not None:
        cycle = subject.cylinder.cycle
    else:
        assert subject.disc is not None
        cycle = disc_day(subject.disc, subject.constants, subject.body_mass)
    steps = step_lengths(rested.places, rested.problem, subject.constants)

    def progress(time: float, end: float) -> None:
        print_note(f"{subject.name}: hour {24.0 * time:.0f} of {24.0 * end:.0f}")

    course = follow_days(rested.places, rested.problem, cycle, rested.rested, steps, progress=progress)
    if course.status != CONVERGED:
        last = course.phases[-1]
        raise SolverFailed(
            f"{subject.name}: no equilibrium found {24.0 * (last.begin + (last.times[-1] if len(last.times) else 0.0)):.1f} h into the day,"
            f" under {last.force:g} N",
            remedy="apply less load",
        )
    outcome = day_outcome(course)
    times = [24.0 * (phase.begin + time) for phase in course.phases for time in phase.times]

    def series(of: Callable[[Reading], Any]) -> list[float]:
        return [value for phase in course.phases for value in phase.series(of).tolist()]

    return {
        "load_N": {"day": float(cycle.day.force), "night": float(cycle.night.force)},
        "day_length_h": 24.0 * float(cycle.day_length),
        "morning": {"height_mm": outcome.morning_height, "intradiscal_pressure_MPa": outcome.morning_pressure},
        "evening": {"height_mm": outcome.evening_height, "intradiscal_pressure_MPa": outcome.evening_pressure},
        "lying_down": {"height_mm": outcome.lying_down_height, "intradiscal_pressure_MPa": outcome.lying_down_pressure},
        "night_end": {"height_mm": outcome.night_end_height, "intradiscal_pressure_MPa": outcome.night_end_pressure},
        "overnight_volume_percent": 100.0 * outcome.overnight_volume,
        "overnight_height_mm": outcome.overnight_height,
        "half_recovery_h": 24.0 * outcome.half_recovery,
        "creep_done": {f"{hour:g} h": done for hour, done in zip(CREEP_HOURS, outcome.creep_done, strict=True)},
        "course": {
            "time_h": times,
            "height_mm": series(lambda one: one.heights.mean),
            "intradiscal_pressure_MPa": series(lambda one: one.pressure),
            "volume_mm3": series(lambda one: one.volumes.total),
        },
    }


def _stability_document(subject: Subject) -> dict[str, Any]:
    from pulposus.mechanics import STATUS_TEXT
    from pulposus.mechanics._stability import PLANES, Moments, stability

    moments = Moments.from_parameters(subject.constants)
    found = {}
    for plane in PLANES:
        print_note(f"{subject.name}: {plane}")
        result = stability(subject.rested, plane, moments)
        found[plane] = {
            "moment_N_m": (1e-3 * result.moments).tolist(),
            "rotation_degree": result.rotation.tolist(),
            "translation_mm": result.translation.tolist(),
            "neutral_zone_degree": float(result.neutral_zone),
            "range_of_motion_degree": float(result.range_of_motion),
            "laxity": float(result.laxity),
            "translation_mm_per_degree": float(result.translation_per_degree),
            "status": STATUS_TEXT[int(result.status)],
        }
    return found


def prepare_folder(folder: Path) -> None:
    """Make the folder for the files, and refuse one that holds such files."""
    from pulposus.report import prepare_mechanics_folder

    prepare_mechanics_folder(folder)


def write_files(folder: Path, subject: Subject, state: LoadedState, document: dict[str, Any]) -> None:
    """Write `mechanics.json` and `deformed.vtu`."""
    from pulposus.report import write_mechanics

    for path in write_mechanics(folder, subject.rested, state, document):
        print_note(f"wrote {path}")
