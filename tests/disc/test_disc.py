"""Tissues, condition, supply and metabolism of discs; batches."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.disc import Description, central_column, effective_diffusivity, load_disc, node_coordinates, stack_discs
from pulposus.errors import InvalidInput

# Table of transport 2.3 [1e-10 m2/s], glucose, nucleus / annulus / endplate by grade.
GLUCOSE = {
    1: (4.0741, 3.3000, 2.2238),
    2: (3.7470, 2.9639, 1.9384),
    3: (3.4435, 2.6578, 1.6837),
    4: (3.1618, 2.3790, 1.4564),
    5: (2.9004, 2.1251, 1.2540),
}
PER_DAY = 86400.0 * 1e6 * 1e-10  # 1e-10 m2/s in mm2/day


@pytest.mark.parametrize("grade", range(1, 6))
def test_diffusivities_of_the_grades(grade):
    diffusivity = np.asarray(load_disc(f"human/L4-L5/grade{grade}", "coarse").tissue.diffusivity)
    assert diffusivity[2] / PER_DAY == pytest.approx(GLUCOSE[grade], abs=6e-5)  # four printed decimals
    # Oxygen and lactate carry the same tortuosity (transport 2.3).
    assert diffusivity[0] / diffusivity[2] == pytest.approx([30.0 / 9.16667] * 3, rel=1e-6)  # six printed digits
    assert diffusivity[1] / diffusivity[2] == pytest.approx([13.9 / 9.16667] * 3, rel=1e-6)


def test_healthy_oxygen_and_lactate_diffusivity():
    diffusivity = np.asarray(load_disc("human/L4-L5", "coarse").tissue.diffusivity) / PER_DAY
    assert diffusivity[0] == pytest.approx([13.3333, 10.8000, 7.2778], abs=6e-5)  # transport 2.1
    assert diffusivity[1] == pytest.approx([6.1778, 5.0040, 3.3720], abs=6e-5)


def test_porosity_presets():
    water = np.array([0.80, 0.75, 0.66])
    discs = {
        name: load_disc("human/L4-L5", "coarse", overrides=[f"metabolism.preset={name}"])
        for name in ("upf2025", "field", "mixture")
    }
    # The table of transport 1.2: upf2025 weighs the oxygen sink, mixture storage and diffusion.
    assert np.asarray(discs["upf2025"].oxygen_source_factor) == pytest.approx(water)
    assert np.asarray(discs["field"].oxygen_source_factor) == pytest.approx(np.ones(3))
    assert np.asarray(discs["mixture"].oxygen_source_factor) == pytest.approx(np.ones(3))
    assert np.asarray(discs["upf2025"].storage) == pytest.approx(np.ones(3))
    assert np.asarray(discs["mixture"].storage) == pytest.approx(water)
    ratio = np.asarray(discs["mixture"].tissue.diffusivity / discs["field"].tissue.diffusivity)
    assert ratio == pytest.approx(np.broadcast_to(water, (3, 3)))


def test_effective_diffusivity_is_differentiable_in_the_water_fraction():
    free, hindrance = jnp.array([3.0, 1.4, 0.9]), jnp.ones((3, 3))

    def total(water):
        return jnp.sum(effective_diffusivity(free, water, hindrance, 1.0))

    water = jnp.array([0.8, 0.75, 0.66])
    step = 1e-6
    for tissue in range(3):
        direction = jnp.zeros(3).at[tissue].set(step)
        difference = (total(water + direction) - total(water - direction)) / (2.0 * step)
        # Truncation of a central difference, 1e-12 of third derivatives of order 10, and rounding of 1e-16/1e-6.
        assert float(jax.grad(total)(water)[tissue]) == pytest.approx(float(difference), rel=1e-8)


def test_condition_of_the_grades():
    healthy, severe = (load_disc(f"human/L4-L5/grade{grade}", "coarse") for grade in (1, 4))
    assert float(healthy.condition.native_rate_factor) == 1.0
    assert float(severe.condition.native_rate_factor) == pytest.approx(0.75 * 1.6)  # ruling 30
    assert np.asarray(severe.tissue.cell_density) == pytest.approx([3.6, 5.55, 13.5])  # ruling 4, flat over grades
    assert np.asarray(severe.tissue.senescent_share) == pytest.approx([0.2] * 3)
    assert float(severe.condition.cytokine) == 1.0
    assert float(severe.condition.osmolarity) == 375.0
    assert float(severe.condition.fissure_fraction) == 0.5
    assert float(severe.condition.annulus_order) == 0.55
    assert np.asarray(severe.supply.endplate_supply) == pytest.approx(0.5)


def test_structural_preset_leaves_supply_and_demand():
    disc = load_disc("human/L4-L5/grade4", "coarse", overrides=["grade_preset=structural"])
    assert np.asarray(disc.supply.endplate_supply) == pytest.approx(1.0)
    assert float(disc.condition.metabolic_multiplier) == 1.0
    assert float(disc.condition.native_rate_factor) == pytest.approx(0.75)  # fewer active cells are structure


@pytest.mark.parametrize(
    ("name", "density", "notochordal"),
    [("mouse/tail", 20.0, False), ("rat/tail", 15.0, True), ("rabbit/lumbar", 10.0, True), ("dog/lumbar", 8.0, True),
     ("goat/lumbar", 6.0, False), ("sheep/lumbar", 6.0, False), ("pig/lumbar", 8.0, True), ("cow/tail", 3.6, False)],
)  # fmt: skip
def test_species(name, density, notochordal):
    disc = load_disc(name, "coarse")
    assert float(disc.tissue.cell_density[0]) == density  # ruling 8; cow has none and takes the table's
    assert disc.description.notochordal == notochordal
    assert float(disc.condition.consumption_factor) == (1.5 if notochordal else 1.0)
    assert float(disc.condition.glucose_threshold) == (0.8 if notochordal else 0.5)


def test_supply_values_and_vascular_reduction():
    disc = load_disc("human/L4-L5", "coarse", overrides=["supply.endplate_vessels=0.8"])
    assert np.asarray(disc.supply.endplate_values) == pytest.approx([5.1 * 0.8, 0.8 * 1.2, 4.0 * 0.8])  # transport 3.3
    assert np.asarray(disc.supply.annulus_values) == pytest.approx([5.8, 0.9, 5.0])


def test_supply_patch():
    disc = load_disc(
        "human/L4-L5",
        "coarse",
        overrides=["supply.patches=[{face: superior, radius: 5 mm, y: -4 mm, endplate_supply: 0.2}]"],
    )
    points = np.asarray(disc.coordinates)[:, 0, :2]
    inside = np.hypot(points[:, 0], points[:, 1] + 4.0) <= 5.0
    supply = np.asarray(disc.supply.endplate_supply)
    assert 0 < inside.sum() < len(points)
    assert supply[1] == pytest.approx(np.where(inside, 0.2, 1.0))
    assert supply[0] == pytest.approx(1.0)


def test_a_patch_beside_the_disc_is_refused():
    override = "supply.patches=[{face: inferior, radius: 1 mm, x: 90 mm, endplate_supply: 0.2}]"
    with pytest.raises(InvalidInput, match="covers no node"):
        load_disc("human/L4-L5", "coarse", overrides=[override])


def test_written_numbers_are_marked_as_given():
    disc = load_disc("human/L4-L5", "coarse", overrides=["shape.width=52 mm"])
    values = {value.name: value for value in disc.description.values}
    assert (values["width"].value, values["width"].status) == (52.0, "given")
    assert values["depth"].status == "prior"
    assert values["depth"].source


def test_a_written_height_is_not_reduced_by_the_grade():
    disc = load_disc("human/L4-L5/grade4", "coarse", overrides=["shape.central_height=9 mm"])
    column = central_column(disc)
    assert float(column.positions[-1] - column.positions[0]) == pytest.approx(9.0)


def test_parameters_replace_constants(parameters):
    changed = parameters.replace({"nutrition.boundary.endplate.glucose": 3.0})
    assert float(load_disc("human/L4-L5", "coarse", parameters=changed).supply.endplate_values[2]) == 3.0


def test_stack_keeps_every_disc():
    discs = [load_disc(name, "coarse") for name in ("human/L4-L5/grade2", "human/L1-L2/grade4", "rat/tail")]
    batch = stack_discs(discs)
    assert batch.coordinates.shape == (3, *discs[0].coordinates.shape)
    for index, disc in enumerate(discs):
        lane = jax.tree.map(lambda leaf, index=index: leaf[index], batch)
        for one, other in zip(jax.tree.leaves(lane), jax.tree.leaves(disc), strict=True):
            assert (np.asarray(one) == np.asarray(other)).all()
    assert [member.name for member in batch.description.members] == [disc.description.name for disc in discs]


def test_stack_refuses_different_meshes():
    with pytest.raises(InvalidInput, match="different meshes"):
        stack_discs([load_disc("rat/tail", "coarse"), load_disc("rat/tail", "standard")])
    with pytest.raises(InvalidInput, match="at least one"):
        stack_discs([])


def test_discs_of_a_kind_share_compiled_code():
    traces = []

    @jax.jit
    def volume_scale(disc):
        traces.append(1)
        return jnp.sum(disc.coordinates**2) + disc.condition.native_rate_factor

    for name in ("human/L4-L5/grade2", "sheep/lumbar", "human/L5-S1/grade5"):
        volume_scale(load_disc(name, "coarse"))
    assert len(traces) == 1


def test_every_leaf_is_a_float64_array():
    for leaf in jax.tree.leaves(load_disc("human/L4-L5", "coarse")):
        assert isinstance(leaf, jax.Array)
        assert leaf.dtype == jnp.float64
        assert not leaf.weak_type


def test_central_column():
    disc = load_disc("human/L4-L5/grade3", "coarse")
    column = central_column(disc)
    plate = disc.topology.plan.plate
    assert float(column.positions[-1] - column.positions[0]) == pytest.approx(0.95 * 12.0)
    assert column.tissue.tolist() == [2] * plate + [0] * disc.topology.plan.core + [2] * plate
    assert np.asarray(column.endplate_thickness) == pytest.approx([0.54, 0.54])
    assert float(column.positions[plate] - column.positions[0]) == pytest.approx(0.54)
    assert np.asarray(column.endplate_supply) == pytest.approx([0.7, 0.7])


def test_coordinates_are_differentiable_in_the_shape(generic):
    import dataclasses

    disc = load_disc("human/L4-L5-generic", "coarse")

    def moment(central, width, thickness):
        superior = jnp.asarray(generic.superior).at[0].set(central)
        form = dataclasses.replace(generic, superior=superior, half_width=width, endplate_centre=thickness)
        nodes = node_coordinates(disc.layout, form)
        return jnp.mean(nodes[..., 0] ** 2) + jnp.mean(nodes[..., 2] ** 2)

    start = [jnp.asarray(float(value)) for value in (generic.superior[0], generic.half_width, generic.endplate_centre)]
    gradient = jax.grad(moment, argnums=(0, 1, 2))(*start)
    for position, value in enumerate(start):
        step = 1e-5 * value
        up = [entry + step if index == position else entry for index, entry in enumerate(start)]
        down = [entry - step if index == position else entry for index, entry in enumerate(start)]
        difference = (moment(*up) - moment(*down)) / (2.0 * step)
        # Quadratic in every input but rational in the height: truncation 1e-10, rounding 1e-16 * 1e2 / 1e-5.
        assert float(gradient[position]) == pytest.approx(float(difference), rel=1e-7)


def test_descriptions_are_equal_and_never_equal_to_other_things():
    one = load_disc("rat/tail", "coarse").description
    other = load_disc("cow/tail", "coarse").description
    assert one == other
    assert hash(one) == hash(other)
    assert one != "rat/tail"
    assert isinstance(one, Description)
