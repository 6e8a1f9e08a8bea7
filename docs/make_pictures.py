"""Make the pictures of the documentation: the rat that heals its losses, and where nutrition sets the ceiling in man.

Run from the root of the repository (about ten minutes on two cores):

    python docs/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from pulposus.disc import load_disc
from pulposus.parameters import load_parameters
from pulposus.simulation import SimulationResult, simulate
from pulposus.therapy import load_protocol

FOLDER = Path(__file__).parent / "pictures"
DOSES = {"1e6 cell": 1e6, "1e7 cell": 1e7, "1e8 cell": 1e8}
POPULATIONS = {"free": "#bcbddc", "attached": "#807dba", "differentiated": "#3f007d"}


def share(result: SimulationResult, name: str) -> np.ndarray:
    """A population over the injected number at the stored times."""
    rows = result.with_cells.cell_rows()
    return np.array([row[name] / row["injected"] for row in rows])


def populations(axes: plt.Axes, result: SimulationResult, title: str) -> None:
    """Stacked populations over the injected number."""
    times = result.with_cells.times
    axes.stackplot(
        times,
        *(share(result, name) for name in POPULATIONS),
        labels=list(POPULATIONS),
        colors=list(POPULATIONS.values()),
    )
    axes.axhline(1.0, color="black", linewidth=0.8, linestyle="--")
    axes.set(
        xlabel="time since injection [day]",
        ylabel="donor cells / injected [-]",
        title=title,
        xlim=(0, times[-1]),
        ylim=(0, 1.4),
    )


def rat() -> None:
    """Crevensten in the rat tail."""
    result = simulate("crevensten-2004", until=28.0)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    populations(left, result, "rat tail, allogeneic cells in hyaluronan")
    left.plot(
        [28], [1.0], "o", color="#d94801", clip_on=False, zorder=5, label="reported at day 28 (recalled, tuned to)"
    )
    left.legend(loc="upper center", ncols=2, fontsize=8)
    times = result.with_cells.times
    for name, label, colour in (
        ("leaked", "leaked", "#fdae6b"),
        ("dead", "died", "#a63603"),
        ("born", "born", "#238b45"),
    ):
        right.plot(times, share(result, name), label=label, color=colour)
    right.set(
        xlabel="time since injection [day]",
        ylabel="cumulative cells / injected [-]",
        title="why: early loss, then growth",
        xlim=(0, 28),
    )
    right.legend(fontsize=8)
    figure.suptitle(
        "Simulated in 3D. Dose and volume are not stated: priors. Growth and leak rates were tuned to this study.",
        fontsize=9,
    )
    figure.savefig(FOLDER / "crevensten_rat.png", dpi=130)


def ceiling() -> None:
    """The same product in a human grade III disc at three doses, with two widths of the acid switch."""
    usual = load_parameters()
    sharp = usual.replace(
        {
            "cells.donor.acid_width": usual["cells.donor.acid_width"].low,
            "cells.native.acid_width": usual["cells.native.acid_width"].low,
        }
    )
    figure, (alive, glucose, native) = plt.subplots(1, 3, figsize=(13, 4.8), layout="constrained")
    colours = ("#6baed6", "#2171b5", "#08306b")
    for constants, style, note in ((usual, "-", ""), (sharp, ":", ", narrow acid switch")):
        disc = load_disc("human/L4-L5/grade3", "standard", constants)
        for (text, dose), colour in zip(DOSES.items(), colours, strict=True):
            protocol = load_protocol("crevensten-in-human", [f"dose.cells={text}", "dose.cells_range=null"])
            result = simulate(protocol, disc, constants, until=365.25)
            times = result.with_cells.times
            label = f"{dose:.0e} cells{note}"
            alive.plot(times, share(result, "alive"), style, color=colour, label=label)
            lowest = [row["glucose_mM"]["min"] for row in result.with_cells.nutrition_rows()]
            glucose.plot(times, lowest, style, color=colour)
            fractions = [
                one["native_alive_fraction"] / other["native_alive_fraction"]
                for one, other in zip(result.with_cells.cell_rows(), result.sham.cell_rows(), strict=True)
            ]
            native.plot(times, fractions, style, color=colour)
    glucose.axhline(0.5, color="black", linewidth=0.8, linestyle="--")
    glucose.annotate(
        "death begins below", (0.98, 0.5), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize=8
    )
    for axes, label in (
        (alive, "living donor cells / injected [-]"),
        (glucose, "lowest glucose [mM]"),
        (native, "native cells / disc without cells [-]"),
    ):
        axes.set(xlabel="time since injection [day]", ylabel=label, xscale="symlog", xlim=(0, 365))
    figure.legend(*alive.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(
        "Simulated: the same product in a human grade III disc (L4-L5), 3D. More cells: a smaller share lives.",
        fontsize=9,
    )
    figure.savefig(FOLDER / "dose_ceiling.png", dpi=130)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    rat()
    ceiling()
