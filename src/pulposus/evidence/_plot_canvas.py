"""The look that all plots of the evidence share, and how they are saved.

Drawn with Matplotlib without global state, in places of viridis that stay apart in grey and for colour-blind readers; shapes and line
styles carry the meaning too. A plot carries its description (alt text) as the label of the figure; saved files are identical between runs.
"""

from __future__ import annotations

import contextlib
import html
import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulposus.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, SOFT, FAINT, PAPER = "#1d2733", "#5b6876", "#c9d2dc", "#ffffff"
STUDY, POOL, PREDICTION, FILLED = "#31688e", "#440154", "#b5651d", "#9aa0a6"
DOTS_PER_INCH = 200
DISCLAIMER = "Research use only, not medical advice"
FORMATS = ("svg", "png")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": 8.5,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "figure.facecolor": PAPER,
    "svg.fonttype": "path",
    "svg.hashsalt": "pulposus",
}


@contextlib.contextmanager
def style() -> Iterator[None]:
    """The look, for as long as something is drawn or saved."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def describe(figure: Figure, text: str) -> None:
    """Give a figure its description for those who do not see it."""
    figure.set_label(text)


def description(figure: Figure) -> str:
    """The description of a figure."""
    return str(figure.get_label())


def plot_bytes(figure: Figure, kind: str) -> bytes:
    """The figure as a file.

    Args:
        figure: A plot of this room.
        kind: `svg` or `png`.

    Raises:
        InvalidInput: Another format.
    """
    if kind not in FORMATS:
        raise InvalidInput(f"plots are not written as {kind!r}", where="format", allowed=", ".join(FORMATS))
    target = io.BytesIO()
    with style():
        if kind == "png":
            figure.savefig(
                target,
                format="png",
                dpi=DOTS_PER_INCH,
                metadata={"Description": description(figure), "Software": "pulposus"},
            )
            return target.getvalue()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    words = html.escape(description(figure), quote=True)
    return target.getvalue().replace(b"<svg ", f'<svg role="img" aria-label="{words}" '.encode(), 1)


def save_plot(figure: Figure, path: Path) -> Path:
    """Write the figure to a file whose name ends in .svg or .png."""
    content = plot_bytes(figure, path.suffix.lstrip(".").lower())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
