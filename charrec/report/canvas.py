"""A themed canvas, built from matplotlib objects without global state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from charrec.report import typefaces
from charrec.report.theme import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def style(theme: Theme) -> dict[Any, Any]:
    """matplotlib's settings for a theme, for `rc_context`."""
    typefaces.install()
    muted = {f"{axis}tick.{part}": theme.muted for axis in "xy" for part in ("color", "labelcolor")}
    general = {
        "font.family": [typefaces.SANS, "DejaVu Sans"],
        "font.size": 10,
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "axes.edgecolor": theme.rule,
        "axes.labelcolor": theme.muted,
        "axes.titlecolor": theme.ink,
        "text.color": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": theme.rule,
        "grid.linewidth": 0.6,
        "xtick.major.size": 3,
        "ytick.major.size": 0,
        "ytick.alignment": "center",
        "lines.solid_capstyle": "round",
    }
    return muted | general


def blank(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure on an Agg canvas, sized in inches, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()
