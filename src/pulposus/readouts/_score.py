"""Histology scores computed from fields (cells_matrix 8): eight items of 0 to 2 points, Masuda's four of 1 to 3, Thompson's grade.

A person scores what they see on a slide; here every item is a limit on a field, so the raw value stands beside the points, and the error
of a reader (SD 0.8 points of 16, prior) beside the sum. All limits are judgement (prior): they have not been calibrated on graded images,
and two discs that differ by a point are not different. A rabbit score of the ORS type has seven features, a rat score five categories and
16 points; the sum here is neither of them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.cells._arrays import as_field
from pulposus.matrix import MatrixParameters
from pulposus.matrix._structure import nucleus_cleft
from pulposus.parameters import GRADES
from pulposus.readouts._disc_view import ANNULUS, NUCLEUS

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet
    from pulposus.readouts._disc_view import DiscView

_MOST_POINTS = 16


@dataclass(frozen=True)
class Item:
    """An item of the score.

    Attributes:
        item: Name.
        score: 0, 1 or 2.
        value: The number it comes from.
        rule: What the number is.
    """

    item: str
    score: int
    value: float
    rule: str


@dataclass(frozen=True)
class SlideScore:
    """Scores of a slide, with the fields behind them.

    Attributes:
        items: The eight items.
        total: Their sum, 0 to 16.
        reader_total: What a reader with an error says.
        reader_deviation: Standard deviation of that error [points].
        masuda: Masuda's sum, 4 to 12.
        thompson: Nearest grade of the grade table, 1 to 5.
        fields: Means of the raw fields, by name with unit.
    """

    items: tuple[Item, ...]
    total: int
    reader_total: float
    reader_deviation: float
    masuda: int
    thompson: int
    fields: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"items": [asdict(item) for item in self.items]}


def score_slide(disc: DiscView, parameters: ParameterSet, seed: int = 0) -> SlideScore:
    """Score a disc from its fields.

    Args:
        disc: The disc at one moment.
        parameters: The loaded parameters.
        seed: Of the reader.
    """
    items = _items(disc, parameters)
    total = sum(item.score for item in items)
    deviation = parameters.value("imaging.score.reader_deviation")
    error = np.random.Generator(np.random.Philox(seed)).standard_normal()
    by_name = {item.item: item.score for item in items}
    read = ("annulus structure", "border of nucleus and annulus", "cells of the nucleus", "nucleus matrix area")
    return SlideScore(
        items=items,
        total=total,
        reader_total=float(np.clip(total + deviation * error, 0.0, _MOST_POINTS)),
        reader_deviation=deviation,
        masuda=sum(1 + by_name[name] for name in read),
        thompson=thompson_grade(disc, parameters),
        fields=mean_fields(disc),
    )


def mean_fields(disc: DiscView) -> dict[str, float]:
    """Means of nucleus and annulus by name with unit: the raw numbers beside the score."""
    named = {
        "glycosaminoglycan_mg_per_mL": disc.glycosaminoglycan,
        "collagen_II_mg_per_mL": disc.fields["collagen_II"],
        "collagen_I_mg_per_mL": disc.fields["collagen_I"],
        "water_fraction": disc.fields["water_fraction"],
        "native_million_per_mL": disc.fields["native"],
        "senescent_million_per_mL": disc.fields["senescent"],
        "donor_million_per_mL": sum(disc.fields[name] for name in ("free", "attached", "differentiated")),
        "dead_million_per_mL": disc.fields["dead"],
    }
    means = {f"nucleus_{name}": disc.mean(field, NUCLEUS) for name, field in named.items()}
    if disc.nodal_volumes[ANNULUS].sum() > 0.0:
        means |= {f"annulus_{name}": disc.mean(field, ANNULUS) for name, field in named.items()}
        means |= {f"annulus_{name}": disc.mean(disc.fields[name], ANNULUS) for name in ("annulus_order", "fissure")}
        means["annulus_order"] = means.pop("annulus_annulus_order")
    return means


def continuity_lost(disc: DiscView, parameters: ParameterSet) -> np.ndarray:
    """Lost continuity of the nucleus (w_NP) at every node, 0 to 1."""
    return np.asarray(nucleus_cleft(as_field(disc.glycosaminoglycan), MatrixParameters.from_parameters(parameters)))


def healthy_glycosaminoglycan(parameters: ParameterSet) -> float:
    """Glycosaminoglycan of the healthy nucleus [mg/mL]."""
    return parameters.value("grades.glycosaminoglycan.nucleus.I")


def _items(disc: DiscView, parameters: ParameterSet) -> tuple[Item, ...]:
    def limit(key: str) -> float:
        return parameters.value(f"imaging.score.{key}")

    def falling(name: str, value: float, key: str, rule: str) -> Item:
        return Item(name, int(value <= limit(f"{key}.first")) + int(value < limit(f"{key}.second")), value, rule)

    def rising(name: str, value: float, key: str, rule: str) -> Item:
        return Item(name, int(value >= limit(f"{key}.first")) + int(value > limit(f"{key}.second")), value, rule)

    fields = disc.fields
    rich = disc.glycosaminoglycan > limit("nucleus_matrix_share") * healthy_glycosaminoglycan(parameters)
    area = disc.mean(rich.astype(np.float64), NUCLEUS) * disc.height_ratio
    senescent, native = disc.mean(fields["senescent"], NUCLEUS), disc.mean(fields["native"], NUCLEUS)
    share = senescent / (native + senescent) if native + senescent > 0.0 else 0.0
    cells = (native + disc.mean(fields["attached"] + fields["differentiated"], NUCLEUS)) / disc.healthy_cell_density
    return (
        falling(
            "nucleus matrix area",
            area,
            "nucleus_area",
            "area with more than half the healthy glycosaminoglycan, over health",
        ),
        rising(
            "nucleus continuity",
            disc.mean(continuity_lost(disc, parameters), NUCLEUS),
            "nucleus_continuity",
            "mean lost continuity",
        ),
        Item(
            "cells of the nucleus",
            _cell_points(cells, limit),
            cells,
            "native and attached donor cells over healthy ones",
        ),
        rising("cell clusters", share, "clusters", "senescent share of native cells"),
        _border(disc, limit),
        falling("annulus structure", disc.mean(fields["annulus_order"], ANNULUS), "annulus_order", "mean order"),
        _tears(disc, limit),
        _endplate(disc, limit),
    )


def _cell_points(cells: float, limit: Any) -> int:
    if limit("nucleus_cells.low") <= cells <= limit("nucleus_cells.high"):
        return 0
    return 1 if limit("nucleus_cells.least") <= cells <= limit("nucleus_cells.most") else 2


def _border(disc: DiscView, limit: Any) -> Item:
    """Step of collagen I over all collagen from nucleus to annulus."""
    first, second = disc.fields["collagen_I"], disc.fields["collagen_II"]
    shares = [
        disc.mean(first, tissue) / (disc.mean(first, tissue) + disc.mean(second, tissue))
        for tissue in (NUCLEUS, ANNULUS)
    ]
    step = shares[1] - shares[0]
    points = 0 if step >= limit("border.sharp") else 1 if step >= limit("border.lost") else 2
    return Item("border of nucleus and annulus", points, step, "step of collagen I over all collagen")


def _tears(disc: DiscView, limit: Any) -> Item:
    """The longest way through the annulus along fissured nodes, over its thickness."""
    widest = crossing(disc, limit("tear.partial"))
    whole = crossing(disc, limit("tear.full")) >= limit("tear.crossing")
    points = 2 if whole else 1 if widest > 0.0 else 0
    return Item(
        "annulus tears", points, widest, "depth that a connected fissure takes, over the thickness of the annulus"
    )


def crossing(disc: DiscView, fissure: float) -> float:
    """Largest share of the annulus' thickness that a connected set of fissured nodes takes.

    Args:
        disc: The disc.
        fissure: Nodes with more than this count.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    torn = (disc.fields["fissure"] > fissure) & (disc.nodal_volumes[ANNULUS] > 0.0)
    if not torn.any():
        return 0.0
    columns, levels = torn.shape
    number = np.arange(columns * levels).reshape(columns, levels)
    beside = disc.topology.neighbours[:, 1:]
    pairs = [
        np.stack([np.repeat(number, beside.shape[1], axis=0).ravel(), number[beside.reshape(-1)].ravel()]),
        np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
    ]
    one, other = np.concatenate(pairs, axis=1)
    kept = torn.ravel()[one] & torn.ravel()[other]
    graph = coo_array((np.ones(kept.sum()), (one[kept], other[kept])), shape=(torn.size, torn.size))
    _, part = connected_components(graph, directed=False)
    rho = np.hypot(*disc.reference.T)
    depth = np.broadcast_to(((rho - disc.nucleus_radius) / (1.0 - disc.nucleus_radius))[:, None], torn.shape).ravel()
    low, high = np.full(torn.size, np.inf), np.full(torn.size, -np.inf)
    chosen = torn.ravel()
    np.minimum.at(low, part[chosen], np.clip(depth[chosen], 0.0, 1.0))
    np.maximum.at(high, part[chosen], np.clip(depth[chosen], 0.0, 1.0))
    return float((high - low)[np.isfinite(low)].max())


def _endplate(disc: DiscView, limit: Any) -> Item:
    supply = disc.endplate_supply
    points = int(supply < limit("endplate.irregular")) + int(supply < limit("endplate.defect"))
    rule = "supply through the endplates over intact ones; a fracture counts as a defect"
    return Item("endplate", 2 if disc.endplate_fractured else points, supply, rule)


def thompson_grade(disc: DiscView, parameters: ParameterSet) -> int:
    """The grade of the grade table whose glycosaminoglycan, fissure, order, collagen ratio and height are nearest.

    Each is measured in units of its span from grade I to V.
    """
    rows = {
        "glycosaminoglycan.nucleus": disc.mean(disc.glycosaminoglycan, NUCLEUS),
        "fissure_fraction": disc.mean(disc.fields["fissure"], ANNULUS),
        "annulus_order": disc.mean(disc.fields["annulus_order"], ANNULUS),
        "collagen_ratio": disc.mean(disc.fields["collagen_I"], NUCLEUS)
        / disc.mean(disc.fields["collagen_II"], NUCLEUS),
        "height_factor": disc.height_ratio,
    }
    squares = np.zeros(len(GRADES))
    for key, value in rows.items():
        table = np.array(parameters.by_grade(f"grades.{key}"))
        squares += ((value - table) / (table[-1] - table[0])) ** 2
    return 1 + int(np.argmin(squares))
