"""Stored states: written whole, read back bit by bit, refused where they do not belong."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellParameters, CellState, Product
from pulposus.disc import Disc
from pulposus.errors import InvalidInput
from pulposus.nutrition import Kinetics, SolverOptions
from pulposus.parameters import ParameterSet
from pulposus.simulation import Course, DiscModel, Plan, SimulationState, StepControl, follow, plan_of, well_mixed_model
from pulposus.simulation._checkpoint import Checkpoints
from pulposus.simulation._course import SINGLE, on_host
from pulposus.simulation._model import Surroundings
from pulposus.therapy import load_protocol

TIMES = [0.0, 0.5, 1.0, 3.0, 7.0]
CONTROL, OPTIONS = StepControl(), SolverOptions(tolerance=1e-6)


@pytest.fixture(scope="module")
def point(product: Product, cell_parameters: CellParameters, kinetics: Kinetics) -> DiscModel:
    """One well-mixed node: the cheapest run there is."""
    zero = jnp.zeros(())
    around = Surroundings(jnp.asarray(405.0), jnp.asarray(0.4), zero, zero, zero, jnp.ones(()))
    cells = CellState.without_donor(jnp.asarray(3.2), jnp.asarray(0.4)).with_injected(jnp.asarray(1.0))
    solutes = jnp.array([2.0, 4.0, 1.2])
    return well_mixed_model(product, cell_parameters, kinetics, around, solutes, cells, 1000.0, 1.0, 0.0)


def run(point: DiscModel, checkpoints: Checkpoints | None = None, times: list[float] = TIMES, **more: object) -> list:
    start = SINGLE.start(point, CONTROL.first, OPTIONS)
    return follow(Course("point", times), point, start, SINGLE, CONTROL, OPTIONS, checkpoints=checkpoints, **more)[1]


def assert_same_bits(one: SimulationState, other: SimulationState) -> None:
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(left), np.asarray(right))


@pytest.fixture(scope="module")
def uninterrupted(point: DiscModel) -> list[SimulationState]:
    return run(point)


@pytest.fixture
def kept(point: DiscModel, tmp_path: Path) -> Checkpoints:
    """Checkpoints of a finished run."""
    checkpoints = Checkpoints(tmp_path / "checkpoints", "point")
    run(point, checkpoints)
    return checkpoints


def test_every_stored_time_is_a_file(kept: Checkpoints) -> None:
    assert [file.name for file in sorted(kept.folder.iterdir())] == [f"point_{number:04d}.state" for number in range(5)]


def test_a_state_is_read_back_bit_by_bit(kept: Checkpoints, uninterrupted: list[SimulationState]) -> None:
    read = kept.load(uninterrupted[0], TIMES)
    assert len(read) == len(TIMES)
    for one, other in zip(read, uninterrupted, strict=True):
        assert_same_bits(one, other)


@pytest.mark.parametrize("left", [1, 3, 5])
def test_a_run_goes_on_with_the_same_bits(
    kept: Checkpoints, point: DiscModel, uninterrupted: list[SimulationState], left: int
) -> None:
    for number in range(left, len(TIMES)):
        kept.path(number).unlink()
    told = []
    states = run(point, kept, progress=told.append)
    assert [step.time for step in told] == TIMES[left:]
    for one, other in zip(states, uninterrupted, strict=True):
        assert_same_bits(one, other)


def test_states_after_a_gap_are_not_used(kept: Checkpoints, uninterrupted: list[SimulationState]) -> None:
    kept.path(2).unlink()
    assert len(kept.load(uninterrupted[0], TIMES)) == 2


def test_a_state_that_was_not_written_to_the_end_is_absent(
    kept: Checkpoints, point: DiscModel, uninterrupted: list[SimulationState], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill while a file is written leaves the temporary file, never half a state."""

    def killed(path: Path, state: SimulationState) -> None:
        path.write_bytes(b"half a st")
        raise KeyboardInterrupt

    kept.path(4).unlink()
    monkeypatch.setattr(eqx, "tree_serialise_leaves", killed)
    with pytest.raises(KeyboardInterrupt):
        run(point, kept)
    assert not kept.path(4).exists()
    monkeypatch.undo()
    assert_same_bits(run(point, kept)[-1], uninterrupted[-1])


@pytest.mark.parametrize("content", [b"", b"not a state", None], ids=["empty", "text", "cut short"])
def test_a_damaged_file_is_named(
    kept: Checkpoints, uninterrupted: list[SimulationState], content: bytes | None
) -> None:
    whole = kept.path(3).read_bytes()
    kept.path(3).write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(InvalidInput, match=r"point_0003\.state is damaged") as caught:
        kept.load(uninterrupted[0], TIMES)
    assert caught.value.where == str(kept.folder)
    assert "remove this file" in caught.value.remedy
    kept.path(3).unlink()
    assert len(kept.load(uninterrupted[0], TIMES)) == 3


def test_states_of_another_mesh_are_refused(kept: Checkpoints, uninterrupted: list[SimulationState]) -> None:
    wide = eqx.tree_at(lambda state: state.solutes, uninterrupted[0], np.zeros((3, 2, 2)))
    with pytest.raises(InvalidInput, match="belongs to another run"):
        kept.load(wide, TIMES)


def test_states_of_other_times_are_refused(kept: Checkpoints, uninterrupted: list[SimulationState]) -> None:
    with pytest.raises(InvalidInput, match=r"point_0002\.state belongs to another run"):
        kept.load(uninterrupted[0], [0.0, 0.5, 2.0])


def test_states_of_another_dose_are_refused(kept: Checkpoints, point: DiscModel) -> None:
    """Without this, a second protocol in the same folder would silently give the result of the first."""
    other = eqx.tree_at(lambda model: model.initial_cells.free, point, 2.0 * point.initial_cells.free)
    with pytest.raises(InvalidInput, match=r"point_0000\.state belongs to another run"):
        run(other, kept)


def test_rounding_of_another_machine_is_no_other_run(kept: Checkpoints, uninterrupted: list[SimulationState]) -> None:
    nearly = eqx.tree_at(
        lambda state: state.cells.native, uninterrupted[0], uninterrupted[0].cells.native * (1.0 + 1e-14)
    )
    assert len(kept.load(nearly, TIMES)) == len(TIMES)


def test_a_folder_that_cannot_be_written(tmp_path: Path, uninterrupted: list[SimulationState]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"cannot write the checkpoint point_0000\.state") as caught:
        Checkpoints(tmp_path / "file" / "checkpoints", "point").save(0, uninterrupted[0])
    assert "--out" in caught.value.remedy


def test_states_are_kept_in_host_memory(uninterrupted: list[SimulationState]) -> None:
    assert all(isinstance(leaf, np.ndarray) for state in uninterrupted for leaf in jax.tree.leaves(on_host(state)))
    assert all(not isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(uninterrupted[-1]))


# A disc with signals and matrix, a needle and two injections: everything that a run holds is kept and read.


@pytest.fixture(scope="module")
def busy(human_disc: Disc, constants: ParameterSet) -> Plan:
    settings = ["dose.repeat_at=[2 day]", "disc.ageing=cytokine"]
    return plan_of(load_protocol("orozco-2011", settings), human_disc, constants, "slab", 5.0)


@pytest.mark.parametrize("left", [1, 3, 5, 6])
def test_a_treated_disc_goes_on_with_the_same_bits(
    busy: Plan, settled: tuple[DiscModel, SimulationState], tmp_path: Path, left: int
) -> None:
    """States before and after the second injection; the constants that the events have changed are found again."""
    model, start = settled
    course, kept = busy.arms["with_cells"], Checkpoints(tmp_path, "with_cells")
    assert len(course.times) == 7
    ends = [follow(course, model, start, SINGLE, CONTROL, OPTIONS, checkpoints=kept)]
    for number in range(left, len(course.times)):
        kept.path(number).unlink()
    ends.append(follow(course, model, start, SINGLE, CONTROL, OPTIONS, checkpoints=kept))
    straight, restarted = ((jax.tree.leaves(changed), states) for changed, states in ends)
    for one, other in zip(straight[0], restarted[0], strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    for one, other in zip(straight[1], restarted[1], strict=True):
        assert_same_bits(one, other)
    assert int(restarted[1][-1].steps) > 0
