"""What the integers of a label image mean (mechanics_imaging 1.6, table of step 1).

The same number means different things in different tools: 100 is the canal (SPIDER), L5-S1 (TotalSpineSeg) or any disc (SPINEPS
subregions); 92 is L1-L2 or the sacrum; 201 is L5-S1 or the canal; 202 is L4-L5 or L5-S1. So a scheme is named by the user. A file that
looks like a scheme is said to look like it, and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pulposus.documents import nearest
from pulposus.errors import InvalidInput

LEVELS = ("L1-L2", "L2-L3", "L3-L4", "L4-L5", "L5-S1")
BY_HAND = "by-hand"


@dataclass(frozen=True)
class Scheme:
    """One tool's labels.

    Attributes:
        name: Name for `--scheme`.
        text: The tool and the source of the table.
        discs: Label of the disc of every level; the same for all where the tool does not tell levels apart.
        vertebrae: Label of L1 to L5 and of the sacrum (S1), where the same file has them.
        canal: Label of the spinal canal.
        other: Further labels that the file may hold.
        all_discs: The label of all discs together; None where every level has its own.
    """

    name: str
    text: str
    discs: dict[str, int]
    vertebrae: dict[str, int] = field(default_factory=dict)
    canal: int | None = None
    other: frozenset[int] = frozenset()
    all_discs: int | None = None

    @property
    def known(self) -> frozenset[int]:
        """Every label of the scheme."""
        found = {*self.discs.values(), *self.vertebrae.values(), *self.other, self.canal, self.all_discs}
        return frozenset(label for label in found if label is not None)

    def neighbours(self, level: str) -> tuple[int | None, int | None]:
        """Labels of the vertebrae below and above a disc."""
        above, below = level.split("-")
        return self.vertebrae.get(below), self.vertebrae.get(above)

    def meaning(self, label: int) -> str:
        """What a label is, in words; empty where the scheme does not know it."""
        words = [f"the disc {level}" for level, number in self.discs.items() if number == label]
        words += ["all discs"] if label == self.all_discs else []
        words += [
            f"vertebra {name}" if name != "S1" else "the sacrum"
            for name, number in self.vertebrae.items()
            if number == label
        ]
        words += ["the spinal canal"] if label == self.canal else []
        return ", ".join(words)


def _from_below(labels: tuple[int, ...]) -> dict[str, int]:
    """Labels of L5-S1, L4-L5, ... L1-L2."""
    return dict(zip(reversed(LEVELS), labels, strict=True))


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            "spider",
            "SPIDER (.mha); counts from the lowest vertebra, so transitional anatomy shifts the names",
            _from_below((201, 202, 203, 204, 205)),
            {"L5": 1, "L4": 2, "L3": 3, "L2": 4, "L1": 5},
            canal=100,
            other=frozenset((*range(6, 26), *range(101, 126), *range(206, 226))),
        ),
        Scheme(
            "totalspineseg",
            "TotalSpineSeg, labels since commit ddab04b",
            _from_below((100, 95, 94, 93, 92)),
            {"L5": 45, "L4": 44, "L3": 43, "L2": 42, "L1": 41, "S1": 50},
            canal=2,
            other=frozenset((1, *range(11, 18), *range(21, 33), *range(63, 68), *range(71, 83), 91)),
        ),
        Scheme(
            "totalspineseg-old",
            "TotalSpineSeg, labels of commit 0284d94",
            _from_below((202, 203, 204, 205, 206)),
            {"L5": 18, "L4": 19, "L3": 20, "L2": 21, "L1": 22, "S1": 92},
            canal=201,
            other=frozenset((200, *range(23, 42), *range(207, 225))),
        ),
        Scheme(
            "spineps",
            "SPINEPS vertebra mask: the disc below vertebra X is 100 + X, its endplate 200 + X",
            _from_below((124, 123, 122, 121, 120)),
            {"L5": 24, "L4": 23, "L3": 22, "L2": 21, "L1": 20, "S1": 26},
            other=frozenset((*range(1, 20), 25, *range(101, 120), 125, 126, *range(201, 227))),
        ),
        Scheme(
            "spineps-subregion",
            "SPINEPS subregion mask: one label for all discs",
            {},
            canal=61,
            other=frozenset((26, *range(41, 51), 60, 62)),
            all_discs=100,
        ),
        Scheme(
            "totalsegmentator-mr",
            "TotalSegmentator total_mr: one label for all discs; vertebrae 19, sacrum 18",
            {},
            other=frozenset(range(1, 51)),
            all_discs=20,
        ),
    )
}

# Labels that together point to a scheme: all of a group have to be there.
_SIGNATURES = {
    "spider": ((201, 202, 1), (201, 202, 100), (202, 203, 1, 100)),
    "totalspineseg": ((95, 94, 44), (100, 95, 94, 2), (95, 94, 93, 92)),
    "totalspineseg-old": ((203, 204, 19), (203, 204, 200), (203, 204, 206, 201)),
    "spineps": ((124, 123, 24), (123, 122, 23)),
    "spineps-subregion": ((100, 62, 49), (100, 60, 61)),
}
_NO_DISCS = (
    ("TotalSegmentator CT, version 2", frozenset((27, 28, 29, 30, 31))),
    ("TotalSegmentator CT, version 1", frozenset((18, 19, 20, 21, 22, 92))),
)


def scheme_named(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        InvalidInput: There is none.
    """
    if name.lower() not in SCHEMES:
        raise InvalidInput(
            f'unknown label scheme "{name}"',
            where="option --scheme",
            allowed=f"{', '.join(SCHEMES)}, {BY_HAND}",
            remedy=nearest(name.lower(), (*SCHEMES, BY_HAND)),
        )
    return SCHEMES[name.lower()]


def resembling(present: frozenset[int]) -> tuple[Scheme, ...]:
    """Schemes that a file may follow: it has their signature, and no label that they do not know."""
    return tuple(
        SCHEMES[name]
        for name, groups in _SIGNATURES.items()
        if any(set(group) <= present for group in groups) and present <= SCHEMES[name].known
    )


@dataclass(frozen=True)
class Choice:
    """Which voxels are the disc.

    Attributes:
        label: Label of the disc.
        scheme: The scheme; None where the user named the label by hand.
        component: Which piece of a label that holds all discs, counted from the lowest; None where the label is one disc.
        notes: What a reader has to know.
    """

    label: int
    scheme: Scheme | None
    component: int | None
    notes: tuple[str, ...] = ()


def choose(
    voxels: NDArray[np.int64], level: str, label: int | None, scheme: str | None, component: int | None, where: str
) -> Choice:
    """The label of a level, as the user named it.

    Raises:
        InvalidInput: The user named too little, or what was named contradicts the file; says what the file looks like.
    """
    present = frozenset(int(value) for value in np.unique(voxels) if value != 0)
    if not present:
        raise InvalidInput("the mask is empty: every voxel is 0", where=where)
    listed = ", ".join(str(value) for value in sorted(present)[:40]) + (" ..." if len(present) > 40 else "")
    if scheme is not None and scheme.lower() != BY_HAND:
        return _by_scheme(scheme_named(scheme), present, listed, level, label, component, where)
    like = resembling(present)
    if label is None:
        looks = f"; they look like {' or '.join(item.name for item in like)}" if like else ""
        raise InvalidInput(
            f"which label is {level} is not said; the file holds {listed}{looks}",
            where=where,
            allowed="--label N, or --scheme NAME",
            remedy=f"confirm with --scheme {like[0].name}"
            if like
            else f"give --label, or one of the schemes {', '.join(SCHEMES)}",
        )
    if label not in present or label == 0:
        raise InvalidInput(f"no voxel has the label {label}", where=where, allowed=listed)
    if scheme is None:
        for item in like:
            meaning = item.meaning(label)
            if meaning and item.discs.get(level) != label:
                raise InvalidInput(
                    f"the file looks like {item.name}, where {label} is {meaning}, not the disc {level}",
                    where=where,
                    allowed=f"in {item.name} {level} is {item.discs[level]}" if level in item.discs else "",
                    remedy=f"confirm the scheme with --scheme {item.name}, or your own labels with --scheme {BY_HAND}",
                )
    notes = () if not like else (f"the labels look like {like[0].name}; the label was taken as the user named it",)
    confirmed = next((item for item in like if item.discs.get(level) == label), None) if scheme is None else None
    return Choice(label, confirmed, component, notes)


def _by_scheme(
    scheme: Scheme,
    present: frozenset[int],
    listed: str,
    level: str,
    label: int | None,
    component: int | None,
    where: str,
) -> Choice:
    for text, group in _NO_DISCS:
        if scheme.name.startswith("totalsegmentator") and group <= present and scheme.all_discs not in present:
            raise InvalidInput(
                f"this looks like {text}, which has no discs",
                where=where,
                remedy="run TotalSegmentator with --task total_mr",
            )
    if scheme.all_discs is not None:
        expected = scheme.all_discs
        if component is None:
            raise InvalidInput(
                f"{scheme.name} has one label for all discs, which says no level",
                where=where,
                allowed="--component N: 1 is the lowest disc in the image",
                remedy="look which disc is the lowest; transitional anatomy shifts the count",
            )
    else:
        expected = scheme.discs.get(level, -1)
        if expected == -1:
            raise InvalidInput(f'{scheme.name} has no level "{level}"', where=where, allowed=", ".join(scheme.discs))
    if label is not None and label != expected:
        meaning = scheme.meaning(label)
        raise InvalidInput(
            f"in {scheme.name} the disc {level} is {expected}, not {label}" + (f" ({meaning})" if meaning else ""),
            where=where,
            remedy=f"leave --label out, or use --scheme {BY_HAND}",
        )
    if expected not in present:
        raise InvalidInput(f"no voxel has the label {expected} ({level} in {scheme.name})", where=where, allowed=listed)
    notes = (
        ("SPIDER counts from the lowest vertebra: check the level for transitional anatomy",)
        if scheme.name == "spider"
        else ()
    )
    return Choice(expected, scheme, component, notes)
