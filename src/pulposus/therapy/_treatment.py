"""The numbers of one treatment of one disc (cells_matrix 2.2, 2.5, 2.7 and 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import equinox as eqx

from pulposus.cells import Product, Switches
from pulposus.disc._insult_document import AnnularPuncture, AnyInsult
from pulposus.therapy._bolus import Front
from pulposus.therapy._product import Expansion
from pulposus.therapy._supplement import Supplement


@dataclass(frozen=True, eq=False)
class TreatmentText:
    """What a treatment is, for people. All compare equal, so that treatments which differ only in words share compiled code.

    Attributes:
        name: Name of the protocol.
        source, relation, carrier: The product in words; empty without cells.
        growth_factor: Kind of growth factor; empty without one.
        warnings: What a reader of the result has to know.
    """

    name: str
    source: str
    relation: str
    carrier: str
    growth_factor: str = ""
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
        insults: Injuries of the disc before or at the treatment, the earliest first.
        needle_insult: Injury by the needle of every injection; None without a needle or with `puncture_damage` off.
        product: The product as the cell laws see it.
        supplement: Growth factor, platelets and cytokine of every injection.
        switches: Mechanisms on or off.
        expansion: What culture made of the cells.
        dose_times: Times of the injections [day]; the first is 0. Empty where nothing is done.
        nominal_cells: Cells in the syringe, living and dead; the stem cells of a concentrate.
        other_cells: Nucleated cells of a concentrate that are no stem cells, living and dead.
        other_cells_lifetime: Time by which they are dead [day].
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
    insults: tuple[AnyInsult, ...] = eqx.field(static=True)
    needle_insult: AnnularPuncture | None = eqx.field(static=True)
    product: Product
    supplement: Supplement
    switches: Switches
    expansion: Expansion
    dose_times: tuple[float, ...]
    nominal_cells: float
    other_cells: float
    other_cells_lifetime: float
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
    def retained_other_cells(self) -> float:
        """Living cells of a concentrate that are no stem cells, right after the injection [million]; they are no part of the ledger."""
        return self.other_cells * self.release_viability * self.needle_survival * (1.0 - self.backflow_fraction)

    @property
    def bolus_density(self) -> float:
        """Retained living cells per volume of the filled tissue [10^6/mL]; 0 where nothing is filled."""
        return self.retained_cells / self.filled_volume if self.filled_volume > 0.0 else 0.0

    @property
    def filled_volume(self) -> float:
        """Tissue that the injectate fills, (V - V_leak) / phi_acc [mL]; of a sponge, its own volume."""
        return filled_tissue(self.sponge, self.volume - self.leaked_volume, self.accommodated_fraction)


def filled_tissue(sponge: tuple[float, float, float], stays: float, accommodated: float) -> float:
    """Tissue that an injected volume [mL] fills; of a sponge [mm], its own volume."""
    own = 1e-3 * math.prod(sponge)
    return own if own > 0.0 else stays / accommodated
