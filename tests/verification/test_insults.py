"""Verification 6.13 of cells_matrix: what an insult takes appears in its ledger, and no needle changes nothing."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pulposus.cells import CellState
from pulposus.disc import Lesion, apply_insult, lesion_of, load_disc
from pulposus.disc._document import DiscDocument
from pulposus.disc._places import nucleus_volume
from pulposus.documents import read_document
from pulposus.matrix._insults import InsultLedger, injure, ledger_of
from pulposus.matrix._matrix_state import MatrixState
from pulposus.nutrition import tissue_volumes
from pulposus.parameters import load_parameters

INSULTS = {
    "puncture": "{kind: annular-puncture, needle_gauge: 21}",
    "nucleotomy": "{kind: nucleotomy, removed_fraction: 0.5}",
    "discectomy": "{kind: discectomy, removed_fraction: 0.2, opening: 5 mm}",
    "wound": "{kind: superficial-annular-lesion}",
    "fracture": "{kind: endplate-fracture, face: inferior, radius: 4 mm}",
    "fissure": "{kind: radial-fissure, width: 3 mm}",
    "herniation": "{kind: herniation, volume: 0.4 mL, tears_annulus: true, width: 4 mm}",
    "enzyme": "{kind: enzymatic, aggrecan_left: 0.4}",
}
# Where each insult sends what it takes: outside, bone, surgeon.
DESTINATION = {"puncture": 0, "nucleotomy": 2, "discectomy": 2, "fracture": 1, "herniation": 0}


def insult_of(text: str):
    head = "schema_version: 1\nname: mine\nshape: {kind: anatomical, species: human, level: L4-L5}\ninsults:\n"
    return read_document(f"{head}  - {text}\n", DiscDocument).insults[0]


@pytest.fixture(scope="module", params=["coarse", "standard"])
def disc(request):
    return load_disc("human/L4-L5/grade3", request.param)


def state(disc) -> tuple[MatrixState, CellState]:
    """Nucleus and annulus of round numbers, as means over the tissues that meet in a node."""
    volumes = tissue_volumes(disc)

    def nodal(nucleus: float, annulus: float, endplate: float) -> jnp.ndarray:
        return volumes.average(jnp.array([nucleus, annulus, endplate]))

    matrix = MatrixState(
        aggrecan=nodal(30.0, 15.0, 10.0),
        fragments=nodal(20.0, 10.0, 5.0),
        collagen_II=nodal(35.0, 70.0, 60.0),
        collagen_I=nodal(3.0, 130.0, 0.0),
        annulus_order=jnp.ones(volumes.total.shape),
        fissure=jnp.zeros(volumes.total.shape),
    )
    return matrix, CellState.without_donor(nodal(3.2, 5.0, 12.0), nodal(0.4, 0.5, 1.5))


def account(disc, text: str) -> tuple[Lesion, InsultLedger]:
    lesion = lesion_of(disc, insult_of(text), load_parameters())
    matrix, cells = state(disc)
    none = Lesion.none(disc.topology.columns, disc.topology.levels)
    return lesion, ledger_of(none, lesion, matrix, cells.native_alive, tissue_volumes(disc).total)


@pytest.mark.parametrize("name", INSULTS)
def test_6_13_what_left_is_in_the_ledger(disc, name):
    lesion, ledger = account(disc, INSULTS[name])
    matrix, cells = state(disc)
    volume = tissue_volumes(disc).total
    injured, survivors = injure(matrix, cells, lesion)
    for pool in ("aggrecan", "fragments", "collagen_II", "collagen_I"):
        entry = getattr(ledger, pool)
        before, after = (1e-3 * float((volume * getattr(one, pool)).sum()) for one in (matrix, injured))
        # 6.13: before = after + left; sums of 5,000 to 15,000 nodes of one sign.
        gone = float(entry.removed.sum() + entry.digested)
        assert before - after - gone == pytest.approx(0.0, abs=1e-12 * before)
    left = 1e-3 * float((volume * survivors.native_alive).sum())
    dead = 1e-3 * float((volume * survivors.dead).sum())
    everyone = 1e-3 * float((volume * cells.native_alive).sum())
    gone = float(ledger.native.removed.sum())
    assert everyone - left - gone - float(ledger.native.killed) == pytest.approx(0.0, abs=1e-12 * everyone)
    # A cell is killed before or after the tissue leaves: those that die in the disc are its dead cells.
    assert dead == pytest.approx(float(ledger.native.killed), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", INSULTS)
def test_what_left_went_to_one_place(disc, name):
    _, ledger = account(disc, INSULTS[name])
    expected = {"nucleotomy": 0.5, "discectomy": 0.2, "fracture": 0.05, "herniation": 0.4 / nucleus_volume(disc)}
    tissue = np.asarray(ledger.tissue)
    for place in range(3):
        if place == DESTINATION.get(name):
            assert tissue[place] > 0.0
            assert float(ledger.aggrecan.removed[place]) > 0.0
            assert float(ledger.native.removed[place]) > 0.0
        else:
            assert tissue[place] == 0.0
    if name in expected:
        # The asked share of the nucleus, on any mesh.
        assert tissue.sum() == pytest.approx(expected[name] * 1e3 * nucleus_volume(disc), rel=1e-12)


def test_6_13_a_puncture_without_a_needle_changes_nothing(disc):
    needle = insult_of("{kind: annular-puncture, needle_diameter: 0 mm}")
    same = apply_insult(disc, needle, load_parameters())
    for mine, other in zip(jax.tree.leaves(disc), jax.tree.leaves(same), strict=True):
        np.testing.assert_array_equal(mine, other)
    matrix, cells = state(disc)
    injured, survivors = injure(matrix, cells, same.lesion)
    for mine, other in zip(jax.tree.leaves((matrix, cells)), jax.tree.leaves((injured, survivors)), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_thin_needle_tends_to_no_needle():
    disc = load_disc("human/L4-L5/grade3", "coarse")
    losses = [
        float(account(disc, f"{{kind: annular-puncture, needle_diameter: {size} mm}}")[1].aggrecan.removed.sum())
        for size in (0.5, 0.05, 0.005)
    ]
    # The law is a power of the diameter, ln(0.15/0.02) / ln(2.108/0.1842) = 0.826.
    power = np.log(0.15 / 0.02) / np.log(2.108 / 0.1842)
    np.testing.assert_allclose(np.diff(np.log(losses)), [-power * np.log(10.0)] * 2, rtol=1e-9)
