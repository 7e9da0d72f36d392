"""Plots side by side as SVG, without a library, and the curves of a training's log."""

import html
import math
from collections.abc import Sequence
from typing import Any

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999")
"""Colours that colour-blind people can distinguish, too (Okabe and Ito)."""
DOTTED = 20
"""At most this many points of a line are marked; more would hide it."""
Points = list[tuple[float, float]]
Line = tuple[str, str, str, Points]
"""A label, a colour, dashes and points."""


def curves(log: Sequence[dict[str, Any]], steps_per_epoch: int) -> str:
    """Return losses and validations of a training over its epochs, as SVG; empty where nothing is logged."""
    panels = []
    for key, title in (("losses", "losses"), ("validation", "on held-out pictures")):
        found: dict[str, Points] = {}
        for entry in log:
            for name, value in entry.get(key, {}).items():
                if math.isfinite(value):
                    found.setdefault(name, []).append((entry["step"] / steps_per_epoch, value))
        lines = [
            (name, COLOURS[i % len(COLOURS)], "", points) for i, (name, points) in enumerate(sorted(found.items()))
        ]
        if lines:
            right = max(points[-1][0] for *_, points in lines)
            panels.append(panel(len(panels), title, "epochs", "", lines, ticks=_round(0, right), legend=70))
    return paper(panels, "Losses and validation over epochs") if panels else ""


def paper(panels: list[str], what: str) -> str:
    """Return an SVG of plots side by side."""
    width = 330 * len(panels)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 260" font-family="sans-serif" role="img">'
    ground = f'<title>{what}</title><rect width="{width}" height="260" fill="#fff"/>'
    return "\n".join([head + ground, *panels, "</svg>", ""])


def panel(
    number: int,
    title: str,
    below: str,
    unit: str,
    lines: Sequence[Line],
    *,
    ticks: Sequence[float] | None = None,
    legend: int = 10,
) -> str:
    """Return one of the plots side by side; it starts at 0.

    `ticks` are the numbers below, the lines' own unless given; `legend` is where the labels begin, px from the left.
    """
    right, top = (max(point[axis] for *_, points in lines for point in points) for axis in (0, 1))
    low = min(0.0, *(y for *_, points in lines for _, y in points))
    left, tall = 330 * number + 50, (top - low) or 1

    def place(x: float, y: float) -> str:
        return f"{left + 260 * x / right:.1f},{215 - 165 * (y - low) / tall:.1f}"

    marks = [f'<text x="{left}" y="22" font-size="13" font-weight="bold">{title}</text>']
    for y in _round(low, top):
        height = place(0, y).split(",")[1]
        marks.append(f'<path d="M{left} {height}h260" stroke="#ddd"/>')
        marks.append(f'<text x="{left - 6}" y="{float(height) + 4:.1f}" font-size="11" text-anchor="end">{y:g}</text>')
    for x in sorted({x for *_, points in lines for x, _ in points if x >= right / 5}) if ticks is None else ticks:
        across = place(x, 0).split(",")[0]
        marks.append(f'<text x="{across}" y="231" font-size="11" text-anchor="middle">{x:g}</text>')
    marks.append(f'<text x="{left + 130}" y="249" font-size="11" text-anchor="middle">{below}</text>')
    marks.append(f'<text x="{left - 6}" y="38" font-size="11" text-anchor="end">{unit}</text>')
    labels = 0
    for label, colour, dashes, points in lines:
        marks += _drawn(colour, dashes, [place(*point) for point in points])
        if label:
            height, dashed = 52 + 17 * labels, _dashed(dashes)
            start = left + legend
            marks.append(f'<path d="M{start} {height - 4}h22" stroke="{colour}" stroke-width="2"{dashed}/>')
            marks.append(f'<text x="{start + 28}" y="{height}" font-size="12">{html.escape(label)}</text>')
            labels += 1
    return "\n".join(marks)


def _round(low: float, high: float) -> list[float]:
    """Return round numbers between `low` and `high`, which are included only where round; at most seven above 0."""
    tall = max(high, -low) or 1.0
    ten = 10 ** math.floor(math.log10(tall / 6))
    step = next(step for factor in (1, 2, 5, 10, 20) if 6 * (step := factor * ten) >= tall)
    return [step * i for i in range(math.ceil(low / step), int(high / step) + 1)]


def _drawn(colour: str, dashes: str, places: Sequence[str]) -> list[str]:
    way = " ".join(places)
    marks = [f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"{_dashed(dashes)}/>']
    for place in places if len(places) <= DOTTED else ():
        x, y = place.split(",")
        marks.append(f'<circle cx="{x}" cy="{y}" r="2.5" fill="{colour}"/>')
    return marks


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""
