"""A figure of the report: a picture with its words, its table and the data as CSV.

Pictures are drawn with Matplotlib without global state, in colours of viridis and cividis only, and are byte-identical between runs.
"""

from __future__ import annotations

import base64
import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pulposus.report._runs import NATIVE_COURSE, WITH_CELLS, WITHOUT_CELLS
from pulposus.report._tables import csv_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

DOTS_PER_INCH = 150
INK, FAINT = "#1d2733", "#c9d2dc"
# Places on viridis that stay apart in grey and for colour-blind readers, dark to light; the controls are the grey middle and the dark end
# of cividis.
FREE, ATTACHED, DIFFERENTIATED, LEAKED, DEAD = "#440154", "#31688e", "#35b779", "#b5de2b", "#9aa0a6"
WITH, WITHOUT, ALONE = "#31688e", "#7d7c78", "#00224e"
RUN_LINES: dict[str, tuple[str, str]] = {
    WITH_CELLS: (WITH, "-"),
    WITHOUT_CELLS: (WITHOUT, "--"),
    NATIVE_COURSE: (ALONE, ":"),
}
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.edgecolor": "#5b6876",
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e9ee",
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.dpi": DOTS_PER_INCH,
    "svg.fonttype": "path",
    "svg.hashsalt": "pulposus",
}


@dataclass(frozen=True)
class Table:
    """Rows under a head; cells are text already. Rows with the numbers in `marked` stand out."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Figure:
    """A picture of the report.

    Attributes:
        key: Name in the page and of the CSV file.
        image: Picture as a `data:` link.
        alt: What the picture shows, for those who do not see it.
        caption: Title, units, n or members; says "simulated".
        table: The numbers, readable.
        data: The plotted data as a `data:` link to CSV; empty where they are too many and stand in `fields.nc` only.
    """

    key: str
    image: str
    alt: str
    caption: str
    table: Table
    data: str


def data_link(kind: str, content: bytes) -> str:
    """A `data:` link."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


MOST_ROWS = 1500


def csv_link(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """CSV as a `data:` link, empty above 1500 rows; floats keep six digits, which is more than a picture shows."""
    if len(rows) > MOST_ROWS:
        return ""
    rounded = [
        tuple(float(f"{cell:.6g}") if isinstance(cell, float | np.floating) else cell for cell in row) for row in rows
    ]
    return data_link("text/csv;charset=utf-8", csv_text(head, rounded).encode("utf-8"))


@contextlib.contextmanager
def canvas(width: float, height: float) -> Iterator[Canvas]:
    """An empty Matplotlib figure in the report's style; sizes in inches."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context(_STYLE):
        yield Canvas(figsize=(width, height), layout="constrained")


def svg_link(drawn: Canvas) -> str:
    """The drawing as SVG, without a date."""
    target = io.BytesIO()
    drawn.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return data_link("image/svg+xml", compact_svg(target.getvalue().decode("utf-8")).encode("utf-8"))


def compact_svg(text: str) -> str:
    """The same drawing in about two thirds of the bytes: without comments and layout, and with places to a hundredth of a point."""
    text = re.sub(r"<!-- .*? -->", "", text, flags=re.DOTALL)
    text = re.sub(r">\s+<", "><", re.sub(r"\s+", " ", text))
    # Glyphs are drawn in units of 1/64 of a point size: the scale keeps its digits.
    text = re.sub(r"(?<!scale\()\b(\d+\.\d\d)\d+", r"\1", text)
    return text.replace("DejaVuSans-", "f").replace("xlink:href", "href")


def picture_link(drawn: Canvas) -> str:
    """The drawing in pixels as WebP, for pictures of meshes: a quarter of the size of PNG in full colour."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn.set_dpi(DOTS_PER_INCH)
    agg = FigureCanvasAgg(drawn)
    agg.draw()
    target = io.BytesIO()
    Image.fromarray(np.asarray(agg.buffer_rgba())[..., :3]).save(target, format="webp", quality=90, method=4)
    return data_link("image/webp", target.getvalue())


def mark_simulated(drawn: Canvas) -> None:
    """The word that stays with a picture when it is copied out of the report."""
    drawn.supxlabel("simulated", x=0.995, ha="right", fontsize=7.5, color="#5b6876", style="italic")


_TICKS = (
    (0.0, "0"),
    (1.0, "1 d"),
    (7.0, "7 d"),
    (28.0, "28 d"),
    (91.3125, "3 mo"),
    (182.625, "6 mo"),
    (365.25, "12 mo"),
    (730.5, "24 mo"),
    (1826.25, "5 y"),
    (3652.5, "10 y"),
)


def time_axis(axes: Axes, moments: Sequence[float], *, narrow: bool = False) -> None:
    """Time on a logarithmic scale beyond one day, so that the first hours and the last months are both seen.

    Args:
        axes: Axes to change.
        moments: Plotted times in days.
        narrow: Leave out what stands between the fourth week and the end, but for the first year of several, and the label.
    """
    last = float(moments[-1])
    if last <= 0.0:
        return
    axes.set_xscale("symlog", linthresh=1.0, linscale=0.5)
    axes.set_xlim(0.0, last)
    # Beyond some years the second one would run into the first.
    ticks = [(day, name) for day, name in _TICKS if day <= 1.001 * last and not (name == "24 mo" and last > 1.5 * day)]
    if last > 1.3 * ticks[-1][0]:
        ticks.append((last, f"{last:.3g} d"))
    if narrow:
        year = [tick for tick in ticks if tick[1] == "12 mo" and last > 3.0 * tick[0]]
        ticks = [*ticks[:4], *year, *ticks[4:][-1:]]
    else:
        axes.set_xlabel("time since injection (logarithmic beyond 1 d)")
    axes.set_xticks([day for day, _ in ticks], [name for _, name in ticks])
    axes.set_xticks([], minor=True)
