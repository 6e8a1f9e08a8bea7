"""Estimate the shape statistics of human lumbar discs from segmentation masks, and write the file that the program ships.

    python scripts/estimate_shape_statistics.py FOLDER [--out FILE] [--jobs N] [--table FILE]

FOLDER holds one label image per person (`*_lumbar-discs.nii.gz`: 1 = L5-S1, 2 = L4-L5, 3 = L3-L4, 4 = L2-L3, 5 = L1-L2). Every disc is
fitted as `pulposus disc import` does; refused ones are left out and counted. The images stay where they are: only means and covariances are
written. 125 discs take about ten minutes on one core.

The shipped file was made from the masks of Menezes-Reis et al. 2016 (doi 10.21037/qims.2016.08.01), which are published with the repository
fastcleverseg.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from pulposus.disc._shape_statistics import COEFFICIENTS, FILE, coefficients_of, estimate_statistics
from pulposus.errors import InvalidInput
from pulposus.images import import_disc
from pulposus.parameters import ParameterSet, load_parameters

LABELS = {"L1-L2": 5, "L2-L3": 4, "L3-L4": 3, "L4-L5": 2, "L5-S1": 1}
SIZES = ("width_mm", "depth_mm", "height_anterior_mm", "height_middle_mm", "height_posterior_mm", "volume_mm3")
SHIPPED = Path(__file__).parents[1] / "src" / "pulposus" / "data" / "shapes" / FILE
DIGITS = 6
HEAD = """\
# Shapes of human lumbar discs by level: mean and covariance of the coefficients of the closed-form map (see pulposus.disc sample_shapes).
# Made by scripts/estimate_shape_statistics.py from manual segmentations; it holds no image and no data of a person.

coefficients = [{names}]  # mm, and logarithms of heights in mm

[source]
title = "Menezes-Reis et al., Quant Imaging Med Surg 2016;6(4):402-412"
doi = "10.21037/qims.2016.08.01"
data = "masks of the lumbar discs, published with the repository fastcleverseg"
persons = {persons}
status = "derived"
limits = [
    "young adults without symptoms: no degenerated disc, no old one",
    "sagittal slices of 4.4 mm: widths are good to about 4 mm, and partly filled slices round the left and right ends of a disc",
    "lying in the scanner; drawn by hand, discs only: the endplates are the borders of the masks",
    "heights at the rim are those of the rounded edge of a mask, lower than between the corners of the vertebrae",
    "{persons} persons: correlations are shrunk towards independence, and levels of one person are not linked",
]
"""


@dataclass(frozen=True, eq=False)
class Measured:
    """One disc of one person.

    Attributes:
        level: Printed name.
        reasons: Why it was refused; empty for an accepted disc.
        coefficients: `COEFFICIENTS`; empty for a refused disc.
        sizes: `SIZES`; empty for a refused disc.
    """

    level: str
    reasons: tuple[str, ...]
    coefficients: tuple[float, ...] = ()
    sizes: tuple[float, ...] = ()


def person(file: Path) -> list[Measured]:
    """The five discs of a mask."""
    parameters = load_parameters()
    return [disc_of(file, level, label, parameters) for level, label in LABELS.items()]


def disc_of(file: Path, level: str, label: int, parameters: ParameterSet) -> Measured:
    """One disc of a mask."""
    try:
        disc = import_disc(file, level, label, "by-hand", parameters=parameters)
    except InvalidInput as error:
        return Measured(level, (error.what,))
    if disc.refusals:
        return Measured(level, tuple(refusal.code for refusal in disc.refusals))
    record: dict[str, Any] = disc.as_dict()
    return Measured(
        level, (), tuple(coefficients_of(disc.fit.form).tolist()), tuple(float(record[name]) for name in SIZES)
    )


def measured(folder: Path, jobs: int) -> tuple[list[Measured], int]:
    """All discs of a folder, and the number of persons.

    Raises:
        InvalidInput: The folder holds no masks.
    """
    files = sorted(folder.glob("subject-*_lumbar-discs.nii.gz"))
    if not files:
        raise InvalidInput("the folder holds no masks", where=str(folder), allowed="subject-NN_lumbar-discs.nii.gz")
    found: list[Measured] = []
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for file, discs in zip(files, pool.map(person, files), strict=True):
            found += discs
            for disc in discs:
                sys.stderr.write(f"{file.name} {disc.level}: {', '.join(disc.reasons) or 'accepted'}\n")
    return found, len(files)


def digits(values: np.ndarray) -> str:
    """Numbers of a TOML list."""
    return ", ".join(repr(float(f"{value:.{DIGITS}g}")) for value in values)


def table(level: str, discs: list[Measured]) -> str:
    """One level as TOML."""
    accepted = [disc for disc in discs if not disc.reasons]
    found = estimate_statistics(level, np.array([disc.coefficients for disc in accepted]))
    sizes = np.array([disc.sizes for disc in accepted])
    rows = "\n".join(f"    [{digits(row[: number + 1])}]," for number, row in enumerate(found.covariance))
    lines = [
        f'[levels."{level}"]',
        f"discs = {found.discs}",
        f"refused = {len(discs) - found.discs}",
        f"shrinkage = {digits(np.array([found.shrinkage]))}",
        f"mean = [{digits(found.mean)}]",
        f"covariance = [\n{rows}\n]",
        f'[levels."{level}".measured]  # mean and standard deviation',
        *(
            f"{name} = [{mean:.4g}, {deviation:.3g}]"
            for name, mean, deviation in zip(SIZES, sizes.mean(axis=0), sizes.std(axis=0, ddof=1), strict=True)
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fit every disc of a folder and write the statistics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--table", type=Path, help="write one row per disc as well; not for the project")
    options = parser.parse_args()
    discs, persons = measured(options.folder, options.jobs)
    names = ", ".join(f'"{name}"' for name in COEFFICIENTS)
    parts = [HEAD.format(persons=persons, names=names)]
    parts += [table(level, [disc for disc in discs if disc.level == level]) for level in LABELS]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(parts), encoding="utf-8")
    if options.table:
        lines = [",".join(("level", "reasons", *COEFFICIENTS, *SIZES))]
        lines += [
            ",".join(map(str, (one.level, ";".join(one.reasons), *one.coefficients, *one.sizes))) for one in discs
        ]
        options.table.write_text("\n".join([*lines, ""]), encoding="utf-8")
    refused = sum(bool(disc.reasons) for disc in discs)
    sys.stderr.write(f"{options.out}: {len(discs) - refused} discs, {refused} refused\n")


if __name__ == "__main__":
    main()
