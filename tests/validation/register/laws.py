"""Rows that a law answers without a disc, 29 and 30, and those that wait."""

from __future__ import annotations

import itertools
import math

import numpy as np

from pulposus.cells import CellParameters, Environment
from pulposus.cells._arrays import as_field
from pulposus.cells._death import acid_death, glucose_death
from pulposus.matrix import Load, MatrixParameters, SignalState
from pulposus.matrix._synthesis import synthesis_factors
from pulposus.parameters import load_parameters

from .studies import Entry, judged, percent


def _alive(days: float, glucose: float, pH: float) -> float:
    law = CellParameters.from_parameters(load_parameters()).native
    return math.exp(-days * float(glucose_death(as_field(glucose), law.glucose) + acid_death(as_field(pH), law.acid)))


def bovine_beads() -> list[Entry]:
    """Row 29."""
    found = {(glucose, pH): _alive(3.0, glucose, pH) for glucose in (5.0, 0.0) for pH in (7.4, 6.7, 6.2)}
    text = ", ".join(f"{percent(value)} at {glucose:g} mM and pH {pH:g}" for (glucose, pH), value in found.items())
    holds = found[0.0, 7.4] < 0.5 * found[5.0, 7.4] and found[0.0, 6.2] < min(found[0.0, 7.4], found[5.0, 6.2])
    return [
        Entry(
            "29",
            "bovine nucleus cells in beads, 3 d without glucose, in acid, without oxygen",
            "T",
            "glucose critical, oxygen not, acid adds [V]",
            "no glucose at least halves the living; with acid fewer live than with either alone",
            text,
            judged(holds),
            "oxygen does not enter the law of death",
        )
    ]


def goat_beads() -> list[Entry]:
    """Row 30."""
    law = MatrixParameters.from_parameters(load_parameters()).synthesis
    levels = {"oxygen": (2.03, 5.07), "glucose": (0.5, 1.0), "pH": (6.5, 6.8, 7.1), "osmolarity": (350.0, 500.0)}
    design = list(itertools.product(*levels.values()))
    zero = as_field(0.0)
    quiet, rest = SignalState(zero, zero, zero, zero), Load(0.0, 1.0)
    made = [
        math.log(
            float(
                synthesis_factors(
                    Environment(oxygen=o, glucose=g, pH=p, osmolarity=s, cytokine=0.0), quiet, rest, 0.0, law
                ).glycosaminoglycan
            )
        )
        for o, g, p, s in design
    ]
    living = [_alive(14.0, g, p) for _, g, p, _ in design]
    spans = {}
    for number, (name, values) in enumerate(levels.items()):
        means = [
            [np.mean([result[row] for row, point in enumerate(design) if point[number] == value]) for value in values]
            for result in (made, living)
        ]
        spans[name] = (math.exp(max(means[0]) - min(means[0])), max(means[1]) - min(means[1]))
    text = "; ".join(
        f"{name}: synthesis x {one:.2f}, viability {100 * other:.0f} points" for name, (one, other) in spans.items()
    )
    leads = all(max(spans, key=lambda name: spans[name][part]) == "pH" for part in (0, 1))
    return [
        Entry(
            "30",
            "goat nucleus cells in beads, 14 d: oxygen 2 or 5 %, glucose 0.5 or 1 mM, pH 6.5, 6.8 or 7.1, 350 or 500 mOsm",
            "H",
            "pH dominates viability and GAG [V]",
            "the largest main effect on both",
            text,
            judged(leads),
            "native laws of death and synthesis at clamped conditions",
        )
    ]


def waiting() -> list[Entry]:
    """Rows that need what the program does not have."""
    explant = "an explant in medium has no protocol"
    return [
        Entry(
            "5",
            "bovine nucleus explant, human marrow cells, no factor",
            "T",
            "alive 2 to 28 d; SOX9, aggrecan, collagen II up; no collagen I or X [V]",
            "none",
            "",
            "not computed yet",
            explant,
        ),
        Entry(
            "6",
            "bovine disc in a bioreactor, human marrow cells in fibrin or saline",
            "H, Q",
            "alive at 7 d; fibrin above saline [V]",
            "none",
            "",
            "not computed yet",
            explant,
        ),
        Entry(
            "9",
            "rat tail, NP-MSC in RGD hydrogel",
            "H",
            "height index 87 %, best group at 8 weeks [V]",
            "none",
            "",
            "not computed yet",
            "height and MRI index",
        ),
        Entry(
            "26",
            "minipig, superficial lesion of the annulus",
            "T",
            "collagen II, aggrecan, cells down; MMP, lactate up at 4, 8, 12 weeks [V]",
            "none",
            "",
            "not computed yet",
            "the axis has no annulus",
        ),
    ]
