"""Make docs/pictures/disc-3d.png: a disc with its nucleus and cartilage endplates, and where injected cells live in it.

Run from the root of the repository (about five minutes on two cores):

    python docs/make_disc_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from pulposus.disc import load_disc
from pulposus.report._anatomy import DonorCells
from pulposus.report._anatomy_picture import paint_parts
from pulposus.report._fields import DONOR, field_values
from pulposus.simulation import simulate

PICTURE = Path(__file__).parent / "pictures" / "disc-3d.png"
DAYS = (0.0, 7.0, 28.0)


def main() -> None:
    """Three moments of the built-in protocol of Orozco 2011."""
    disc = load_disc("human/L4-L5/grade4")
    course = simulate("orozco-2011", disc, until=DAYS[-1]).with_cells
    indices = [int(np.argmin(np.abs(course.times - day))) for day in DAYS]
    densities = field_values(course.dataset, DONOR.key)[indices]
    donors = DonorCells(disc, list(densities))
    figure = Figure(figsize=(13.0, 4.4), dpi=120, layout="constrained")
    legend: list[Artist] = []
    for panel, (index, axes) in enumerate(zip(indices, figure.subplots(1, len(DAYS)), strict=True)):
        legend = paint_parts(axes, disc, donors.dots(panel))
        millions = donors.totals[panel] / 1e6
        axes.set_title(
            f"day {course.times[index]:g}: {millions:.1f} million live injected cells", fontsize=10, loc="left"
        )
    figure.legend(handles=legend, loc="outside lower center", ncols=len(legend), frameon=False, fontsize=9)
    figure.suptitle(
        f"Simulated: human L4-L5 disc, Pfirrmann grade IV, cells as in Orozco 2011; one dot is {donors.per_dot:,.0f} cells."
        " Research use only, not medical advice.",
        fontsize=10,
        x=0.01,
        ha="left",
    )
    figure.savefig(PICTURE)


if __name__ == "__main__":
    main()
