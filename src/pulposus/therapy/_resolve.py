r"""From a protocol and a disc to the numbers of a treatment (cells_matrix 2.2, 2.5, 2.7 and 5; rulings 14 to 16).

.. math:: N_{injected} = N_0\, v_0\, f_{ndl}, \qquad N_{retained} = (1 - f_{bf})\, N_{injected}

Of a marrow concentrate :math:`N_0` are the stem cells alone; its other cells take room, are counted beside, and die within days.

What a disc cannot take is refused here, with the largest dose and volume that fit: a bolus above 60 million cells per mL of tissue, a
volume above the accommodated share of the nucleus, a pressure above that which the annulus holds.
"""

from __future__ import annotations

import math

from pulposus.cells import Product, Switches
from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet, load_parameters
from pulposus.therapy._bolus import Front, nucleus_volume
from pulposus.therapy._injection import Hydraulics, Injection, hydraulics, inject, needle_survival
from pulposus.therapy._insults import annulus_state, in_order, needle_insult
from pulposus.therapy._limits import needle_limits, refuse_dense_sponge, refuse_what_does_not_fit
from pulposus.therapy._product import expand, viability_after_hold
from pulposus.therapy._protocol import Protocol
from pulposus.therapy._supplement import supplement_of
from pulposus.therapy._treatment import Treatment, TreatmentText, filled_tissue
from pulposus.therapy._warnings import treatment_warnings

# Names of the leak weights in the parameters, by state of the annulus.
_LEAK_WEIGHTS = {"intact": "intact", "punctured": "punctured", "nucleotomy": "nucleotomy", "fissured": "fissure"}
LARGEST_LEAK_WEIGHT = 2.5
"""Upper end of w0 (rulings 14)."""

_APPROACH_ANGLES = {"posterior": 0.0, "lateral": 90.0, "anterior": 180.0}


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
    gauge = delivery.needle_gauge or round(constants.value("therapy.needle.gauge"))
    angle = _entry_angle(protocol, constants)
    size, survival, radius, burst = (0.0, 0.0, 0.0), 1.0, 0.0, 0.0
    injection = Injection.with_backflow(dose.volume, 0.0)
    if delivery.route == "needle":
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
    stem_cells = dose.cells * _stem_cell_share(protocol, constants)
    stays = 1.0 - injection.backflow_fraction
    filled = filled_tissue(size, dose.volume - injection.leaked_volume, accommodated)
    return Treatment(
        text=TreatmentText(
            name=protocol.name,
            source=origin.source if origin is not None and dose.cells > 0.0 else "",
            relation=protocol.donor.relation if protocol.donor is not None and dose.cells > 0.0 else "",
            carrier=dose.carrier,
            growth_factor=dose.growth_factor_kind,
            warnings=treatment_warnings(
                protocol, disc, expansion, stem_cells * viability * survival * stays / nucleus, constants
            ),
        ),
        route=delivery.route,
        leak_from=delivery.leak_from,
        insults=in_order(protocol.insults),
        needle_insult=needle_insult(protocol, gauge, angle),
        supplement=supplement_of(dose, stays, filled, constants),
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
            paracrine=float(switches.paracrine),
            immune=float(switches.immune),
            leak=float(switches.leak),
        ),
        expansion=expansion,
        dose_times=() if delivery.route == "none" else (0.0, *dose.repeat_at),
        nominal_cells=stem_cells,
        other_cells=dose.cells - stem_cells,
        other_cells_lifetime=constants.value("therapy.concentrate.other_cells_lifetime"),
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
        entry_angle=angle,
        tip=(delivery.tip.right, delivery.tip.anterior, delivery.tip.cranial),
        sponge=size,
        front=Front(
            fissure_gain=constants.value("cells.injection.front_fissure_gain"),
            annulus_reduction=constants.value("cells.injection.front_annulus_reduction"),
        ),
    )


def _stem_cell_share(protocol: Protocol, constants: ParameterSet) -> float:
    """Share of stem cells in the product."""
    if protocol.dose.product == "cells":
        return 1.0
    stated = protocol.dose.stem_cell_fraction
    return constants.value("therapy.concentrate.stem_cell_fraction") if stated is None else stated


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
    name = "fenestration" if protocol.delivery.route == "fenestration" else _LEAK_WEIGHTS[annulus_state(protocol)]
    return min(constants.value(f"cells.leak.weight_{name}"), LARGEST_LEAK_WEIGHT)


def _accommodated_fraction(protocol: Protocol, constants: ParameterSet) -> float:
    """phi_acc: more in the void of a nucleotomy."""
    if protocol.delivery.accommodated_fraction is not None:
        return protocol.delivery.accommodated_fraction
    void = "_void" if annulus_state(protocol) == "nucleotomy" else ""
    return constants.value(f"cells.injection.accommodated_fraction{void}")


def _entry_angle(protocol: Protocol, constants: ParameterSet) -> float:
    approach = protocol.delivery.approach
    angle = (
        constants.value("therapy.needle.posterolateral_angle")
        if approach == "posterolateral"
        else _APPROACH_ANGLES[approach]
    )
    return angle if protocol.delivery.side == "right" else -angle
