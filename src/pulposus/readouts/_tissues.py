"""The tissues of a scene and the points that are given to them (mechanics_imaging 4.1, 4.3).

Labels follow TotalSpineSeg (commit ddab04b): discs 92 to 95 and 100, vertebrae 41 to 45, sacrum 50, canal 2, cord 1; a body that has no
name there is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from pulposus.readouts._disc_view import OUTSIDE
from pulposus.readouts._findings import Findings, FindingSizes, MarrowChange
from pulposus.readouts._relaxation import RelaxationLaws
from pulposus.readouts._spine import Spine

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

TISSUES = ("csf", "marrow", "muscle", "fat", "cord", "ligament", "blood")
CSF, MARROW, MUSCLE, FAT, CORD, LIGAMENT, BLOOD = range(len(TISSUES))
# What is not one of the tissues above: places of a disc, and nothing at all.
DISC, NOTHING = 100, -1
DISC_LABELS = {"L1-L2": 92, "L2-L3": 93, "L3-L4": 94, "L4-L5": 95, "L5-S1": 100}
VERTEBRA_LABELS = {"L1": 41, "L2": 42, "L3": 43, "L4": 44, "L5": 45, "S1": 50}
CORD_LABEL, CANAL_LABEL = 1, 2
# Water of composition stays inside the range of its law where a node touches a void.
LEAST_WATER = 0.3


@dataclass(frozen=True)
class TissueTable:
    """Proton density, T1 and T2 [ms] of the tissues that are not disc, in the order of `TISSUES`."""

    proton_density: Float[np.ndarray, "tissues"]
    longitudinal: Float[np.ndarray, "tissues"]
    transverse: Float[np.ndarray, "tissues"]

    @classmethod
    def from_parameters(cls, parameters: ParameterSet) -> TissueTable:
        """Read the parameter set."""
        names = ("proton_density", "t1", "t2")
        return cls(*(np.array([parameters.value(f"imaging.tissue.{one}.{name}") for one in TISSUES]) for name in names))


@dataclass(frozen=True, eq=False)
class Scene:
    """A spine with the laws that turn its tissues into signal.

    Attributes:
        spine: Discs and bodies in the space of the patient.
        laws: Relaxation of the disc.
        tissues: Relaxation of everything else.
        findings: Findings by lumbar level.
        sizes, marrow_change: Constants of the findings.
    """

    spine: Spine
    laws: RelaxationLaws
    tissues: TissueTable
    findings: Mapping[str, Findings]
    sizes: FindingSizes
    marrow_change: MarrowChange

    @classmethod
    def of(cls, spine: Spine, parameters: ParameterSet, findings: Mapping[str, Findings] | None = None) -> Scene:
        """A spine with the constants of the parameter set."""
        return cls(
            spine=spine,
            laws=RelaxationLaws.from_parameters(parameters),
            tissues=TissueTable.from_parameters(parameters),
            findings={} if findings is None else findings,
            sizes=FindingSizes.from_parameters(parameters),
            marrow_change=MarrowChange.from_parameters(parameters),
        )


@dataclass(eq=False)
class Samples:
    """Tissue at points of space; filled step by step by `sample`.

    Attributes:
        points: Positions [mm], (points, 3).
        kind: Index in `TISSUES`, `DISC`, or `NOTHING`, (points,).
        proton_density: Water that gives signal.
        longitudinal, transverse: T1 and T2 [ms].
        label: TotalSpineSeg label.
        disc: Number of the disc from below, -1 elsewhere.
        disc_tissue: 0 nucleus, 1 annulus, 2 cartilage endplate, -2 elsewhere.
        water, glycosaminoglycan, fixed_charge: Composition inside discs, 0 elsewhere.
    """

    points: Float[np.ndarray, "points 3"]
    kind: Int[np.ndarray, "points"] = field(init=False)
    proton_density: Float[np.ndarray, "points"] = field(init=False)
    longitudinal: Float[np.ndarray, "points"] = field(init=False)
    transverse: Float[np.ndarray, "points"] = field(init=False)
    label: Int[np.ndarray, "points"] = field(init=False)
    disc: Int[np.ndarray, "points"] = field(init=False)
    disc_tissue: Int[np.ndarray, "points"] = field(init=False)
    water: Float[np.ndarray, "points"] = field(init=False)
    glycosaminoglycan: Float[np.ndarray, "points"] = field(init=False)
    fixed_charge: Float[np.ndarray, "points"] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.points)
        self.kind = np.full(count, NOTHING)
        self.disc, self.disc_tissue = np.full(count, -1), np.full(count, OUTSIDE)
        self.label = np.zeros(count, dtype=np.int16)
        self.proton_density, self.water, self.glycosaminoglycan, self.fixed_charge = (np.zeros(count) for _ in range(4))
        self.longitudinal, self.transverse = np.ones(count), np.ones(count)

    @property
    def free(self) -> Bool[np.ndarray, "points"]:
        """Points that nothing has taken yet."""
        return self.kind == NOTHING

    def take(self, which: Bool[np.ndarray, "points"], kind: int, label: int = 0) -> None:
        """Give the free ones of some points to a tissue."""
        chosen = which & self.free
        self.kind[chosen] = kind
        self.label[chosen] = label
