"""What the published evidence or the model says against a treatment (cells_matrix 2.3, 2.5 and 9)."""

from __future__ import annotations

from collections.abc import Iterator

from pulposus.disc import Disc
from pulposus.parameters import ParameterSet
from pulposus.therapy._product import Expansion
from pulposus.therapy._protocol import Protocol


def treatment_warnings(
    protocol: Protocol, disc: Disc, expansion: Expansion, retained_density: float, constants: ParameterSet
) -> tuple[str, ...]:
    """Warnings, each one sentence.

    Args:
        protocol: The protocol.
        disc: The disc.
        expansion: What culture made of the cells.
        retained_density: Retained living cells over the volume of the nucleus [10^6/mL].
        constants: Model constants.
    """
    found = [*protocol.id.notes, *disc.description.warnings, *_delivery_warnings(protocol, disc, constants)]
    if protocol.dose.cells > 0.0:
        found += _product_warnings(protocol, expansion, constants)
        ceiling = constants["therapy.warning.retained_density"]
        if disc.description.species == "human" and retained_density > ceiling.value:
            found.append(
                f"{retained_density:.3g} million retained cells per mL of nucleus: above {ceiling.value:g} ({ceiling.range}) "
                "starvation is expected"
            )
    return tuple(found)


def _product_warnings(protocol: Protocol, expansion: Expansion, constants: ParameterSet) -> Iterator[str]:
    largest_passage = constants.value("cells.expansion.largest_passage")
    if expansion.passages > largest_passage:
        yield f"the cells are at passage {expansion.passages:.3g}; the advice is to use them before passage {largest_passage:g}"
    if expansion.potency < 0.5:
        doublings = f"{expansion.population_doublings:.3g} doublings"
        yield f"only {expansion.potency:.0%} of the growth of young cells is left after {doublings}"
    limit = constants.value("cells.release.hold_limit")
    if protocol.delivery.hold_time > limit:
        waited = f"{protocol.delivery.hold_time * 24:.3g} h"
        yield f"the cells wait {waited} before the injection; the advice is at most {limit * 24:g} h"


def _delivery_warnings(protocol: Protocol, disc: Disc, constants: ParameterSet) -> Iterator[str]:
    delivery, species = protocol.delivery, disc.description.species
    uses_pressure = delivery.route == "needle" and delivery.pressure_model and protocol.dose.volume > 0.0
    if uses_pressure and species != "human":
        yield "the stiffness and permeation constants of the injection are those of a human disc"
    if protocol.dose.is_gel and float(disc.condition.fissure_fraction) > constants.value(
        "therapy.safety.plug_fissure_low"
    ):
        yield "a gel may leave a fissured disc as a plug; the safety signals tell how likely, the fields do not follow it"
