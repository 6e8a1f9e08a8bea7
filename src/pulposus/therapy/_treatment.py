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
from pulposus.therapy._injection import Hydraulics, Injection, hydraulics, inject, needle_survival
from pulposus.therapy._limits import needle_limits, refuse_dense_sponge, refuse_what_does_not_fit
from pulposus.therapy._product import Expansion, expand, viability_after_hold
from pulposus.therapy._protocol import Protocol
from pulposus.therapy._warnings import treatment_warnings

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
        leak_from: cleft or track.
        product: The product as the cell laws see it.
        switches: Mechanisms on or off.
        expansion: What culture made of the cells.
        nominal_cells: Cells in the syringe, living and dead.
        release_viability: Living share at the injection, after the hold time.
        needle_survival: Share of the living cells that survive the needle.
        backflow_fraction: Share of the injected volume, and of its cells, that leaves through the track at once.
        volume, leaked_volume: Injected volume and the part that leaves.
        accommodated_fraction: Share of the tissue that the injectate occupies.
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
    leak_from: str = eqx.field(static=True)
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
    def bolus_density(self) -> float:
        """Retained living cells per volume of the filled tissue [10^6/mL]; 0 where nothing is filled."""
        return self.retained_cells / self.filled_volume if self.filled_volume > 0.0 else 0.0

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
    dose, delivery, switches, origin = protocol.dose, protocol.delivery, protocol.numerics.switches, protocol.origin
    immunity = _immunity(protocol, disc)
    expansion = expand(protocol, constants)
    viability = _viability(protocol, constants)
    accommodated = _accommodated_fraction(protocol, constants)
    largest_density = constants.value("cells.injection.largest_density")
    nucleus = nucleus_volume(disc)
    size, survival, radius, burst = (0.0, 0.0, 0.0), 1.0, 0.0, 0.0
    injection = Injection.with_backflow(dose.volume, 0.0)
    if delivery.route == "needle":
        gauge = delivery.needle_gauge or round(constants.value("therapy.needle.gauge"))
        radius = 0.5 * constants.value(f"therapy.needle.outer_diameter.gauge_{gauge}")
        survival = needle_survival(constants, gauge)
        law = _pressure_law(protocol, disc, gauge, constants)
        duration = constants.value("therapy.injection.duration") if delivery.duration is None else delivery.duration
        injection = _inject(protocol, law, duration, constants)
        burst = law.burst_pressure if law is not None else 0.0
        limits = needle_limits(nucleus, accommodated, largest_density, law, duration)
        living = dose.cells * viability * survival
        refuse_what_does_not_fit(protocol, disc.description.name, limits, living, injection.peak_pressure)
    elif delivery.sponge is not None:
        size = (delivery.sponge.width, delivery.sponge.depth, delivery.sponge.height)
        refuse_dense_sponge(protocol, 1e3 * dose.cells * viability / math.prod(size), largest_density)
    retained = dose.cells * viability * survival * (1.0 - injection.backflow_fraction)
    return Treatment(
        text=TreatmentText(
            name=protocol.name,
            source=origin.source if origin is not None and dose.cells > 0.0 else "",
            relation=protocol.donor.relation if protocol.donor is not None and dose.cells > 0.0 else "",
            carrier=dose.carrier,
            warnings=treatment_warnings(protocol, disc, expansion, retained / nucleus, constants),
        ),
        route=delivery.route,
        leak_from=delivery.leak_from,
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
        peak_pressure=injection.peak_pressure,
        burst_pressure=burst,
        seal_time=constants.value("cells.leak.seal_time"),
        load_index=protocol.co_care.load_index,
        needle_radius=radius,
        entry_angle=_entry_angle(protocol, constants),
        tip=(delivery.tip.right, delivery.tip.anterior, delivery.tip.cranial),
        sponge=size,
        front=Front(
            fissure_gain=constants.value("cells.injection.front_fissure_gain"),
            annulus_reduction=constants.value("cells.injection.front_annulus_reduction"),
        ),
    )


def _viability(protocol: Protocol, constants: ParameterSet) -> float:
    """Living share at the injection: at release, less what the hold time takes."""
    stated = protocol.characteristics.viability
    release = constants.value("cells.release.viability") if stated is None else stated
    return viability_after_hold(release, constants.value("cells.release.hold_loss"), protocol.delivery.hold_time)


def _pressure_law(protocol: Protocol, disc: Disc, gauge: int, constants: ParameterSet) -> Hydraulics | None:
    """Constants of the pressure model; None where it is off."""
    if not protocol.delivery.pressure_model:
        return None
    fissure = float(disc.condition.fissure_fraction)
    return hydraulics(constants, gauge=gauge, fissure=fissure, gelled=protocol.dose.is_gel)


def _inject(protocol: Protocol, law: Hydraulics | None, duration: float, constants: ParameterSet) -> Injection:
    """The injection; with the pressure model off, the back-flow of the carrier's table."""
    volume = protocol.dose.volume
    if law is None:
        fraction = constants.value(f"cells.carrier.{protocol.dose.carrier}.backflow_fraction") if volume > 0.0 else 0.0
        injection = Injection.with_backflow(volume, fraction)
    else:
        largest = constants.value("cells.injection.largest_backflow")
        injection = inject(volume, duration, protocol.delivery.dwell_time, law, largest)
    return injection if protocol.numerics.switches.leak else injection.without_leak()


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
