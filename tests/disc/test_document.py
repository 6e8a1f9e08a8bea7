"""disc.yaml: the benchmark discs, overrides, the schema and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError

from pulposus.disc import disc_schema, load_disc, measure
from pulposus.disc._build import import_warnings
from pulposus.disc._document import DiscDocument, PatientFrame, ShapeCoefficients
from pulposus.errors import InvalidInput

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ELLIPTIC = BENCHMARKS / "elliptic_cylinder.yaml"
LAYERED = BENCHMARKS / "layered_cylinder.yaml"
PER_DAY = 86400.0 * 1e6 * 1e-10  # 1e-10 m2/s in mm2/day


def test_elliptic_cylinder_is_the_reference_problem():
    disc = load_disc(ELLIPTIC, "coarse")
    tissue, metabolism = disc.tissue, disc.metabolism
    assert np.asarray(tissue.diffusivity)[:, :2] / PER_DAY == pytest.approx(
        np.array([[19.2, 17.0], [8.9, 7.9], [5.9, 5.2]])
    )
    assert np.asarray(tissue.cell_density)[:2] == pytest.approx([3.2, 6.75])
    assert np.asarray(disc.oxygen_source_factor) == pytest.approx(1.0)
    assert np.asarray(disc.supply.endplate_values) == pytest.approx([5.1, 0.8, 4.0])
    assert np.asarray(disc.supply.annulus_values) == pytest.approx([5.8, 0.9, 5.0])
    assert float(disc.condition.native_rate_factor) == 1.0
    assert float(metabolism.glucose_limiter) == 0.5
    assert float(metabolism.oxygen_solubility) == 0.010268
    assert float(metabolism.neutral_pH) - 2.0 / float(metabolism.lactate_per_pH) == pytest.approx(7.4 - 0.09 * 2.0)
    measures = measure(disc)
    assert measures.outline_area == pytest.approx(np.pi * 25.0 * 18.0)  # ring polygons have the area of the ellipse
    assert measures.nucleus_area_fraction == pytest.approx(0.45)
    assert measures.volume == pytest.approx(1e-3 * np.pi * 25.0 * 18.0 * 10.0)
    assert measures.volumes["endplate"] == 0.0
    assert measures.endplate_thickness == 0.0


def test_layered_cylinder_is_ax1():
    disc = load_disc(str(LAYERED), "coarse")
    measures = measure(disc)
    assert measures.volumes["nucleus"] == pytest.approx(1e-3 * np.pi * 14.0**2 * 12.0)
    assert measures.volumes["annulus"] == pytest.approx(1e-3 * np.pi * (22.0**2 - 14.0**2) * 12.0)
    assert measures.volumes["endplate"] == pytest.approx(1e-3 * 2.0 * np.pi * 18.0**2 * 0.6)
    assert measures.central_height == pytest.approx(13.2)
    assert float(disc.metabolism.glucose_limiter) == 0.0
    assert float(disc.metabolism.lactate_per_pH) == pytest.approx(11.11)
    assert np.asarray(disc.tissue.diffusivity)[2] / PER_DAY == pytest.approx([4.0741, 3.3000, 2.2238], abs=6e-5)
    heights = np.unique(np.round(np.asarray(disc.coordinates)[..., 2], 9))
    assert {-6.6, -6.0, 6.0, 6.6} <= set(heights.tolist())


def test_another_size_density_or_preset_is_an_edit():
    disc = load_disc(
        ELLIPTIC,
        "coarse",
        overrides=["shape.height=8 mm", "tissues.annulus.cell_density=9 million cell/mL", "metabolism.preset=mixture"],
    )
    assert measure(disc).central_height == pytest.approx(8.0)
    assert float(disc.tissue.cell_density[1]) == pytest.approx(9.0)
    # A written diffusivity is that of the tissue water: the preset `mixture` weighs it by the water fraction.
    assert float(disc.tissue.diffusivity[0, 0]) / PER_DAY == pytest.approx(19.2 * 0.80)


def test_hindrance_and_condition_keys():
    disc = load_disc(
        "human/L4-L5",
        "coarse",
        overrides=[
            "tissues.endplate.hindrance={glucose: 0.12}",
            "condition.cytokine=0.7",
            "condition.osmolarity=420 mOsm",
        ],
    )
    free = load_disc("human/L4-L5", "coarse")
    ratio = np.asarray(disc.tissue.diffusivity / free.tissue.diffusivity)
    assert ratio == pytest.approx(np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 0.12]]))
    assert float(disc.condition.cytokine) == 0.7
    assert float(disc.condition.osmolarity) == 420.0


def test_an_anatomical_document(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "schema_version: 1\nname: mine\nnote: measured on MRI\ngrade: 3\n"
        "shape: {kind: anatomical, species: human, level: L45, width: 52 mm, cranial_share: 0.5, endplate_centre: 0.6 mm}\n"
        "supply: {endplate_supply: 0.4}\n".replace("L45", "L4-5")
    )
    disc = load_disc(path, "coarse")
    assert disc.description.name == "mine"
    assert "measured on MRI" in disc.description.text
    assert disc.description.level == "L4-L5"
    assert measure(disc).width == pytest.approx(52.0, rel=0.01)  # polygon of 32 sides
    assert np.asarray(disc.supply.endplate_supply) == pytest.approx(0.4)
    assert float(disc.supply.endplate_thickness.min()) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("source", "override", "message", "hint"),
    [
        ("rat/tail", "shape.width=5", "has no unit", "5 mm"),
        ("rat/tail", "shape.width=5 mM", "cannot be converted", "mm"),
        ("rat/tail", "shape.width=-5 mm", "too small", "more than 0"),
        ("rat/tail", "shape.widht=5 mm", "unknown key", "width"),
        ("rat/tail", "shape.species=rabit", "unknown species", "rabbit"),
        ("rat/tail", "shape.level=tial", "unknown rat level", "tail"),
        ("rat/tail", "grade=7", "cannot be used", "5"),
        ("rat/tail", "metabolism.preset=upf2026", "cannot be used", "upf2025"),
        ("rat/tail", "metabolism.pH={slope: 0.09 1/mM, lactate_per_unit: 11 mM}", "say the same", ""),
        ("human/L4-L5-generic", "shape.width=50 mm", "own shape", "level: L4-L5"),
        ("human/L4-L5", "shape.posterior_height=1 mm", "lowest point", "raise"),
        ("human/L4-L5", "shape.nucleus_offset=0.2", "folds", "offset"),
        (ELLIPTIC, "supply.endplate_supply=0.4", "cartilage endplate", "layered-cylinder"),
        (ELLIPTIC, "shape.nucleus_area_fraction=1.2", "cannot be used", "1"),
        (LAYERED, "shape.endplate_half_width=12 mm", "do not nest", "nucleus_half_width"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_way_out(source, override, message, hint):
    with pytest.raises(InvalidInput) as caught:
        load_disc(source, "coarse", overrides=[override])
    assert message in str(caught.value)
    assert hint in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="does not exist"):
        load_disc(tmp_path / "nope.yaml")


def test_schema_describes_every_key():
    schema = disc_schema()
    json.dumps(schema)
    assert schema["required"] == ["schema_version", "name", "shape"]
    for definition in [schema, *schema["$defs"].values()]:
        for name, field in definition.get("properties", {}).items():
            described = "description" in field or "$ref" in field or name in ("oxygen", "lactate", "glucose")
            assert described, f"{definition['title']}.{name}"


def test_a_disc_whose_import_was_refused_says_so():
    def read(status, reasons):
        return import_warnings(
            DiscDocument.model_construct(
                provenance=SimpleNamespace(fit=SimpleNamespace(status=status, reasons=reasons))
            )
        )

    assert read("accepted", []) == ()
    assert "low-dice" in read("refused", ["low-dice"])[0]


def test_a_frame_is_a_rotation():
    turned = {"origin": ["1 mm", "2 mm", "3 mm"], "axes": [[0, -1, 0], [1, 0, 0], [0, 0, 1]]}
    assert PatientFrame.model_validate(turned).axes[0] == (0.0, -1.0, 0.0)
    for axes in ([[0, 1, 0], [1, 0, 0], [0, 0, 1]], [[2, 0, 0], [0, 1, 0], [0, 0, 1]]):
        with pytest.raises(ValidationError, match="right-handed"):
            PatientFrame.model_validate(turned | {"axes": axes})


def test_both_coordinates_have_as_many_harmonics():
    given = dict.fromkeys(ShapeCoefficients.model_fields)
    with pytest.raises(ValueError, match="as many"):
        ShapeCoefficients.model_construct(
            **given | {"width_harmonics": (1.0, 2.0), "depth_harmonics": (1.0,), "superior": (), "inferior": ()}
        )._same_orders()
