r"""From a protocol and a disc to the numbers of a treatment (cells_matrix 2.2, 2.5 and 5; rulings 14 to 16).

.. math:: N_{injected} = N_0\, v_0\, f_{ndl}, \qquad N_{retained} = (1 - f_{bf})\, N_{injected}

What a disc cannot take is refused here, with the largest dose and volume that fit: a bolus above 60 million cells per mL of tissue, a
volume above the accommodated share of the nucleus, a pressure above that which the annulus holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import equinox as eqx

from pulposus.cells import Product, Switches
from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.therapy._bolus import Front, nucleus_volume
from pulposus.therapy._injection import Hydraulics, Injection, hydraulics, inject, largest_volume, needle_survival
from pulposus.therapy._product import Expansion, expand, viability_after_hold
from pulposus.therapy._protocol import Protocol

# Names of the leak weights in the parameters, by state of the annulus.
_LEAK_WEIGHTS = {"intact": "intact", "punctured": "punctured", "nucleotomy": "nucleotomy", "fissured": "fissure"}
LARGEST_LEAK_WEIGHT = 2.5
"""Upper end of w0 (rulings 14)."""

_APPROACH_ANGLES = {"posterior": 0.0, "lateral": 90.0, "anterior": 180.0}


@dataclass(frozen=True, eq=False)
class TreatmentText:
    """What a treatment is, for people. All compare equal, so that treatments which differ only in words share compiled code.

    Attributes:
        name: Name of the protocol.
        source, relation, carrier: The product in words; empty without cells.
        warnings: What a reader of the result has to know.
    """

    name: str
    source: str
    relation: str
    carrier: str
    warnings: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TreatmentText)

    def __hash__(self) -> int:
        return hash(TreatmentText)


class Treatment(eqx.Module):
    """The numbers of one treatment of one disc; cells in millions, volumes in mL.

    Attributes:
        text: What it is, for people.
        route: needle, fenestration or none.
        product: The product as the cell laws see it.
        switches: Mechanisms on or off.
        expansion: What culture made of the cells.
        nominal_cells: Cells in the syringe, living and dead.
        release_viability: Living share at the injection, after the hold time.
        needle_survival: Share of the living cells that survive the needle.
        backflow_fraction: Share of the injected volume, and of its cells, that leaves through the track at once.
        volume, leaked_volume: Injected volume and the part that leaves.
        accommodated_fraction: Share of the tissue that the injectate occupies.
        bolus_density: Living donor cells per volume of the filled tissue [10^6/mL].
        peak_pressure, burst_pressure: Highest pressure above rest, and what the annulus holds [MPa]; 0 with the pressure model off.
        seal_time: Time in which the track closes [day].
        load_index: Daily loading; 1 is normal.
        needle_radius: Outer radius of the needle [mm]; 0 without a needle.
        entry_angle: Where the needle enters, from the posterior midline to the right [degree].
        tip: Needle tip from the centre of the nucleus, in half widths, depths and heights (right, anterior, cranial).
        sponge: Width, depth and height of the sponge [mm]; zeros without one.
        front: Constants of the front that fills the tissue.
    """

    text: TreatmentText = eqx.field(static=True)
    route: str = eqx.field(static=True)
    product: Product
    switches: Switches
    expansion: Expansion
    nominal_cells: float
    release_viability: float
    needle_survival: float
    backflow_fraction: float
    volume: float
    leaked_volume: float
    accommodated_fraction: float
    bolus_density: float
    peak_pressure: float
    burst_pressure: float
    seal_time: float
    load_index: float
    needle_radius: float
    entry_angle: float
    tip: tuple[float, float, float]
    sponge: tuple[float, float, float]
    front: Front

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the result has to know."""
        return self.text.warnings

    @property
    def concentration(self) -> float:
        """Cells per volume of the syringe [10^6/mL]."""
        return self.nominal_cells / self.volume if self.volume > 0.0 else 0.0

    @property
    def injected_cells(self) -> float:
        """Living cells that leave the needle, N0 v0 f_ndl [million]."""
        return self.nominal_cells * self.release_viability * self.needle_survival

    @property
    def retained_cells(self) -> float:
        """Living cells in the disc right after the injection [million]."""
        return self.injected_cells * (1.0 - self.backflow_fraction)

    @property
    def leaked_cells(self) -> float:
        """Living cells that left with the back-flow [million]: Ltot(0) of the ledger."""
        return self.injected_cells * self.backflow_fraction

    @property
    def filled_volume(self) -> float:
        """Tissue that the injectate fills, (V - V_leak) / phi_acc [mL]; of a sponge, its own volume."""
        if self.route == "fenestration":
            return 1e-3 * math.prod(self.sponge)
        return (self.volume - self.leaked_volume) / self.accommodated_fraction


def resolve_treatment(protocol: Protocol, disc: Disc, parameters: ParameterSet | None = None) -> Treatment:
    """Numbers of a protocol in a disc.

    Args:
        protocol: The protocol.
        disc: The disc, not a batch.
        parameters: Model constants; those that ship with the program where left out.

    Raises:
        InvalidInput: The disc cannot take the dose, the volume or the pressure, or the donor does not fit the species.
    """
    constants = load_parameters() if parameters is None else parameters
    immunity = _immunity(protocol, disc)
    expansion = expand(protocol, constants)
    cells, dose, delivery = constants.under("cells"), protocol.dose, protocol.delivery
    release = protocol.characteristics.viability
    viability = viability_after_hold(
        cells["release.viability"].value if release is None else release,
        cells["release.hold_loss"].value,
        delivery.hold_time,
    )
    with_needle = delivery.route == "needle"
    gauge = (
        delivery.needle_gauge if delivery.needle_gauge is not None else round(constants.value("therapy.needle.gauge"))
    )
    survival = needle_survival(constants, gauge) if with_needle else 1.0
    accommodated = _accommodated_fraction(protocol, constants)
    living = dose.cells * viability * survival
    injection, holds = (
        _inject(protocol, disc, gauge, constants) if with_needle else (Injection.with_backflow(dose.volume, 0.0), 0.0)
    )
    sponge = delivery.sponge
    size = (sponge.width, sponge.depth, sponge.height) if sponge is not None else (0.0, 0.0, 0.0)
    room = 1e-3 * math.prod(size) if sponge is not None else dose.volume / accommodated
    density = living / room if room > 0.0 else 0.0
    if with_needle:
        _refuse_what_does_not_fit(protocol, disc, gauge, living, accommodated, injection, constants)
    else:
        _refuse_dense_sponge(protocol, density, constants)
    switches = protocol.numerics.switches
    origin = protocol.origin
    return Treatment(
        text=TreatmentText(
            name=protocol.name,
            source=origin.source if origin is not None and dose.cells > 0.0 else "",
            relation=protocol.donor.relation if protocol.donor is not None and dose.cells > 0.0 else "",
            carrier=dose.carrier,
            warnings=_warnings(protocol, disc, expansion, living * (1.0 - injection.backflow_fraction), constants),
        ),
        route=delivery.route,
        product=Product.from_parameters(
            constants,
            carrier=dose.carrier,
            source=origin.source.replace("-", "_") if origin is not None else "bone_marrow",
            immunity=immunity,
            track_weight=_leak_weight(protocol, constants),
            potency=expansion.potency,
            predifferentiated_fraction=protocol.characteristics.predifferentiated_fraction,
        ),
        switches=Switches(
            death=float(switches.death),
            growth=float(switches.growth),
            differentiation=float(switches.differentiation),
            immune=float(switches.immune),
            leak=float(switches.leak),
        ),
        expansion=expansion,
        nominal_cells=dose.cells,
        release_viability=viability,
        needle_survival=survival,
        backflow_fraction=injection.backflow_fraction,
        volume=dose.volume,
        leaked_volume=injection.leaked_volume,
        accommodated_fraction=accommodated,
        bolus_density=density,
        peak_pressure=injection.peak_pressure,
        burst_pressure=holds,
        seal_time=cells["leak.seal_time"].value,
        load_index=protocol.co_care.load_index,
        needle_radius=0.5 * constants.value(f"therapy.needle.outer_diameter.gauge_{gauge}") if with_needle else 0.0,
        entry_angle=_entry_angle(protocol, constants),
        tip=(delivery.tip.right, delivery.tip.anterior, delivery.tip.cranial),
        sponge=size,
        front=Front(cells["injection.front_fissure_gain"].value, cells["injection.front_annulus_reduction"].value),
    )


def _immunity(protocol: Protocol, disc: Disc) -> str:
    """Name of the immune constants; the donor's species has to fit the disc's."""
    donor, species = protocol.donor, disc.description.species
    if donor is None:
        return "autologous"
    if species and donor.species is not None and (donor.species == species) == (donor.relation == "xenogeneic"):
        raise InvalidInput(
            f"{donor.relation} cells of a {donor.species} donor do not fit a {species} disc",
            where=f"protocol {protocol.name}, field donor",
            allowed=f"autologous or allogeneic with species {species}, or xenogeneic with another species",
            remedy='change "relation" or "species", or choose another disc',
        )
    return "xenogeneic_dog" if donor.relation == "xenogeneic" and species == "dog" else donor.relation


def _leak_weight(protocol: Protocol, constants: ParameterSet) -> float:
    """w0 of the annulus, of the fenestration, or as the protocol states it."""
    if protocol.disc.leak_weight is not None:
        return protocol.disc.leak_weight
    name = "fenestration" if protocol.delivery.route == "fenestration" else _LEAK_WEIGHTS[protocol.disc.annulus]
    return min(constants.value(f"cells.leak.weight_{name}"), LARGEST_LEAK_WEIGHT)


def _accommodated_fraction(protocol: Protocol, constants: ParameterSet) -> float:
    """phi_acc: more in the void of a nucleotomy."""
    if protocol.delivery.accommodated_fraction is not None:
        return protocol.delivery.accommodated_fraction
    void = "_void" if protocol.disc.annulus == "nucleotomy" else ""
    return constants.value(f"cells.injection.accommodated_fraction{void}")


def _entry_angle(protocol: Protocol, constants: ParameterSet) -> float:
    approach = protocol.delivery.approach
    angle = (
        constants.value("therapy.needle.posterolateral_angle")
        if approach == "posterolateral"
        else _APPROACH_ANGLES[approach]
    )
    return angle if protocol.delivery.side == "right" else -angle


def _duration(protocol: Protocol, constants: ParameterSet) -> float:
    stated = protocol.delivery.duration
    return constants.value("therapy.injection.duration") if stated is None else stated


def _hydraulics(protocol: Protocol, disc: Disc, gauge: int, constants: ParameterSet) -> Hydraulics:
    return hydraulics(
        constants, gauge=gauge, fissure=float(disc.condition.fissure_fraction), gelled=protocol.dose.is_gel
    )


def _inject(protocol: Protocol, disc: Disc, gauge: int, constants: ParameterSet) -> tuple[Injection, float]:
    """The injection and the burst pressure; with the pressure model off, the back-flow of the carrier's table."""
    volume = protocol.dose.volume
    if not protocol.delivery.pressure_model:
        fraction = constants.value(f"cells.carrier.{protocol.dose.carrier}.backflow_fraction") if volume > 0.0 else 0.0
        injection, burst = Injection.with_backflow(volume, fraction), 0.0
    else:
        law = _hydraulics(protocol, disc, gauge, constants)
        largest = constants.value("cells.injection.largest_backflow")
        injection, burst = (
            inject(volume, _duration(protocol, constants), protocol.delivery.dwell_time, law, largest),
            law.burst_pressure,
        )
    return (injection if protocol.numerics.switches.leak else injection.without_leak()), burst


def _refuse_what_does_not_fit(
    protocol: Protocol,
    disc: Disc,
    gauge: int,
    living: float,
    accommodated: float,
    injection: Injection,
    constants: ParameterSet,
) -> None:
    """Refuse a volume, pressure or density that the disc cannot take, and name what fits (rulings 16)."""
    dose = protocol.dose
    nucleus = nucleus_volume(disc)
    fits = capacity = accommodated * nucleus
    law = _hydraulics(protocol, disc, gauge, constants)
    if protocol.delivery.pressure_model:
        fits = min(capacity, largest_volume(_duration(protocol, constants), law))
    densest = constants.value("cells.injection.largest_density")
    volume = min(dose.volume, _rounded_down(fits))
    remedy = f"the largest volume that fits is {_volume_text(fits)}"
    if living > 0.0:
        largest = _rounded_down(densest * volume / accommodated * dose.cells / living)
        remedy += f"; the largest dose in {_volume_text(volume)} is {largest:g} million cells"
    where = f"protocol {protocol.name}, field dose.volume"
    if dose.volume > capacity:
        raise InvalidInput(
            f"{_volume_text(dose.volume)} is more than the nucleus of {disc.description.name} can take",
            where=where,
            allowed=f"at most {accommodated:g} of its {_volume_text(nucleus)}",
            remedy=remedy,
        )
    if protocol.delivery.pressure_model and injection.peak_pressure > law.burst_pressure:
        raise InvalidInput(
            f"the injection would reach {injection.peak_pressure:.3g} MPa",
            where=where,
            allowed=f"at most {law.burst_pressure:.3g} MPa, which this annulus holds",
            remedy=f"{remedy}; or inject more slowly (delivery.duration)",
        )
    density = living * accommodated / dose.volume if dose.volume > 0.0 else 0.0
    if density > densest:
        raise InvalidInput(
            f"the bolus would hold {density:.3g} million cells per mL of tissue",
            where=f"protocol {protocol.name}, field dose.cells",
            allowed=f"at most {densest:g} million cells per mL",
            remedy=remedy,
        )


def _refuse_dense_sponge(protocol: Protocol, density: float, constants: ParameterSet) -> None:
    densest = constants.value("cells.injection.largest_density")
    if density > densest:
        raise InvalidInput(
            f"the sponge would hold {density:.3g} million cells per mL",
            where=f"protocol {protocol.name}, field dose.cells",
            allowed=f"at most {densest:g} million cells per mL",
            remedy=f"the largest dose in this sponge is {_rounded_down(protocol.dose.cells * densest / density):g} million cells",
        )


def _rounded_down(value: float) -> float:
    """Three significant digits, never more than the value, so that what a message offers is accepted."""
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.floor(value / step) * step:.3g}")


def _volume_text(volume: float) -> str:
    """A volume [mL] as a protocol would state it, rounded down."""
    if volume <= 0.0:
        return "0 mL"
    return f"{_rounded_down(volume):g} mL" if volume >= 0.1 else f"{_rounded_down(1e3 * volume):g} uL"


def _warnings(
    protocol: Protocol, disc: Disc, expansion: Expansion, retained: float, constants: ParameterSet
) -> tuple[str, ...]:
    """What the published evidence or the model says against this treatment (cells_matrix 2.3, 2.5 and 9)."""
    found: list[str] = []
    dose, delivery, species = protocol.dose, protocol.delivery, disc.description.species
    if dose.cells > 0.0:
        largest_passage = constants.value("cells.expansion.largest_passage")
        if expansion.passages > largest_passage:
            found.append(
                f"the cells are at passage {expansion.passages:.3g}; the advice is to use them before passage {largest_passage:g}"
            )
        if expansion.potency < 0.5:
            found.append(
                f"only {expansion.potency:.0%} of the growth of young cells is left after {expansion.population_doublings:.3g} doublings"
            )
        limit = constants.value("cells.release.hold_limit")
        if delivery.hold_time > limit:
            found.append(
                f"the cells wait {delivery.hold_time * 24:.3g} h before the injection; the advice is at most {limit * 24:g} h"
            )
        density = retained / nucleus_volume(disc)
        ceiling = constants["therapy.warning.retained_density"]
        if species == "human" and density > ceiling.value:
            found.append(
                f"{density:.3g} million retained cells per mL of nucleus: above {ceiling.value:g} ({ceiling.range}) starvation is expected"
            )
    if delivery.route == "needle" and delivery.pressure_model and dose.volume > 0.0 and species != "human":
        found.append("the stiffness and permeation constants of the injection are those of a human disc")
    if dose.is_gel and float(disc.condition.fissure_fraction) > 0.3:
        found.append("a gel may leave a fissured disc as a plug; this is not represented")
    return tuple(found)
