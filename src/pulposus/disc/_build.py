"""From a validated disc document to a disc: sizes, tissues, supply and metabolism, each number with its origin."""

from __future__ import annotations

from pulposus.disc._anatomy import check_map
from pulposus.disc._build_supply import build_supply, supply_warnings
from pulposus.disc._build_tissue import build_tissue
from pulposus.disc._disc import PORE_MODELS, Condition, Description, Disc, Metabolism
from pulposus.disc._document import AnatomicalShape, DiscDocument
from pulposus.disc._insults import apply_insults
from pulposus.disc._layout import Layout, layout
from pulposus.disc._lesion import Lesion
from pulposus.disc._library import GENERIC, canonical_place, numeral
from pulposus.disc._mesh import node_coordinates
from pulposus.disc._shape import anatomical_map, cylinder_map
from pulposus.disc._sheet import Sheet
from pulposus.errors import InvalidInput
from pulposus.parameters import ParameterSet

NOTOCHORDAL = ("rat", "rabbit", "pig", "dog")  # rulings 8


def build_disc(document: DiscDocument, resolution: str, parameters: ParameterSet, where: str) -> Disc:
    """The disc that a document describes.

    Args:
        document: Validated document.
        resolution: Name of a mesh resolution.
        parameters: Model constants.
        where: File or name, for errors.

    Raises:
        InvalidInput: Unknown species, level or resolution, an impossible shape, or an insult that does not fit the disc.
    """
    sheet = Sheet(parameters, document.grade)
    shape = document.shape
    species, level = "", ""
    if isinstance(shape, AnatomicalShape):
        species, level = canonical_place(shape.species, shape.level, parameters, where)
        form = anatomical_map(shape, species, level, sheet, where)
    else:
        form = cylinder_map(shape, where)
    check_map(form, parameters.value("geometry.minimum_determinant_ratio"), where)
    arrangement = _layout(resolution, document, where)
    disc_metabolism = _metabolism(document, sheet)
    notochordal = species in NOTOCHORDAL
    tissue = build_tissue(document, species, level, disc_metabolism, arrangement, form, sheet)
    condition = _condition(document, notochordal, sheet)
    supply = build_supply(document, arrangement, form, sheet, where)
    disc = Disc(
        layout=arrangement,
        coordinates=node_coordinates(arrangement, form),
        tissue=tissue,
        condition=condition,
        supply=supply,
        metabolism=disc_metabolism,
        lesion=Lesion.none(arrangement.topology.columns, arrangement.topology.levels),
        description=Description(
            name=document.name,
            species=species,
            level=level,
            grade=document.grade,
            grade_preset=document.grade_preset,
            notochordal=notochordal,
            pore_model=document.metabolism.preset,
            text=f"{_text(document, species, level)}{'; ' if document.note else ''}{document.note}",
            values=tuple(sheet.values),
            warnings=(*import_warnings(document), *supply_warnings(document.supply, supply)),
        ),
    )
    return apply_insults(disc, document.insults, parameters, where)


def import_warnings(document: DiscDocument) -> tuple[str, ...]:
    """What a reader of a result in an imported disc has to know."""
    record = document.provenance
    if record is None or record.fit.status == "accepted":
        return ()
    return (
        f"the import of this disc was refused ({', '.join(record.fit.reasons)}): its shape does not follow the image",
    )


def _text(document: DiscDocument, species: str, level: str) -> str:
    grade = f"Pfirrmann grade {numeral(document.grade)}, {document.grade_preset}"
    if document.stress_test != "none":
        grade += f", stress test {document.stress_test}"
    if not species:
        return f"{document.shape.kind}; constants that are not written: {grade}"
    fitted = ", fitted to a published finite-element disc" if level.endswith(GENERIC) else ""
    borrowed = "" if species == "human" else " (human grade table)"
    return f"{species} {level.removesuffix(GENERIC)}{fitted}; {grade}{borrowed}"


def _layout(resolution: str, document: DiscDocument, where: str) -> Layout:
    try:
        return layout(resolution, document.shape.kind, document.supply.annulus_sealed)
    except KeyError:
        raise InvalidInput(
            f'unknown resolution "{resolution}"', where=where, allowed="coarse, standard, fine"
        ) from None


def _metabolism(document: DiscDocument, sheet: Sheet) -> Metabolism:
    keys = document.metabolism
    neutral = sheet.take("pH at zero lactate", "nutrition.kinetics.neutral_pH", keys.pH.neutral)
    per_unit = keys.pH.lactate_per_unit if keys.pH.slope is None else 1.0 / keys.pH.slope
    oxygen, storage, diffusion = PORE_MODELS[keys.preset]
    return Metabolism(
        glucose_limiter=sheet.take("glucose limiter", "nutrition.glucose_limiter", keys.glucose_limiter),
        oxygen_solubility=sheet.take("oxygen solubility", "nutrition.oxygen_solubility", keys.oxygen_solubility),
        neutral_pH=neutral,
        lactate_per_pH=sheet.take("lactate per unit of pH", "nutrition.kinetics.lactate_per_pH", per_unit),
        oxygen_water_exponent=oxygen,
        storage_water_exponent=storage,
        diffusion_water_exponent=diffusion,
    )


def _condition(document: DiscDocument, notochordal: bool, sheet: Sheet) -> Condition:
    keys, metabolism, preset = document.condition, document.metabolism, document.grade_preset
    cells = "cells.notochordal" if notochordal else "cells.native"
    consumption = sheet.take("consumption factor", "nutrition.notochordal_weight") if notochordal else 1.0
    multiplier = sheet.graded("metabolic multiplier", f"metabolic_multiplier.{preset}", metabolism.multiplier)
    if document.stress_test == "hindered":
        multiplier *= sheet.take("factor of the stress test", "nutrition.hindered_preset.metabolic_multiplier")
    return Condition(
        metabolically_active_fraction=sheet.graded(
            "metabolically active fraction", "metabolically_active_fraction", metabolism.active_fraction
        ),
        metabolic_multiplier=multiplier,
        consumption_factor=consumption,
        glucose_threshold=sheet.take("glucose threshold of native cells", f"{cells}.glucose_threshold"),
        cytokine=sheet.graded("cytokine", "cytokine", keys.cytokine),
        osmolarity=sheet.graded("osmolarity", "osmolarity", keys.osmolarity),
        fissure_fraction=sheet.graded("fissure fraction", "fissure_fraction", keys.fissure_fraction),
        annulus_order=sheet.graded("annulus order", "annulus_order", keys.annulus_order),
    )
