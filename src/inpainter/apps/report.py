"""The report of an evaluation: a JSON file a method, a Markdown page, one self-contained HTML page, and figures."""

import base64
import html
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inpainter.apps.figures import comparison, extremes, given, png, under_masks
from inpainter.core import Image, InputError
from inpainter.engine.evaluation import Result
from inpainter.engine.plots import COLOURS
from inpainter.metrics import METRICS, Metric
from inpainter.photos.files import write_whole

NOT_MEASURED = "not measured"
COLUMNS = METRICS | {
    "nsd_standardised": Metric("NSD, standardised", "normalized squared-distortion, the share of the latent code's "
                               "variance that the mask decides and not the picture: every latent dimension scaled to "
                               "variance 1 first, constant ones left out; 0 to 1, and 0 by construction for a kind "
                               "that draws one mask only",
                               "lower", False, None, 3),
    "nsd_raw": Metric("NSD, raw", "the same as published, without the scaling, so that it grows with the latents' "
                      "scale: not to be compared between networks", "neither", False, None),
}  # fmt: skip
"""The columns of the tables: the metrics, and NSD, which is not a metric of picture and fill."""
PLOTTED = ("psnr_hole", "ssim_hole", "mse_hole", "lpips_whole_composed")
"""Metrics that are drawn by cover."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td.best { font-weight: 700; background: #eaf5ea; }
.spread { color: #595959; font-size: 85%; font-weight: 400; }
.pictures td { text-align: center; padding: .2rem .4rem .8rem; border: 0; font-size: 85%; white-space: normal;
  vertical-align: top; }
.pictures img { width: 128px; image-rendering: pixelated; display: block; margin-bottom: 2px; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; } figcaption { font-size: 85%; }
"""


def write_report(results: Sequence[Result], folder: Path) -> None:
    """Write `METHOD.json` for every method, `report.md` and `report.html` into `folder`, which is made.

    For every kind of mask also `comparison-KIND.png`, methods side by side, and, where PSNR in the hole was measured,
    `extremes-KIND.png`, each method's best and worst fills; where NSD was, `masks-KIND.png`, one picture under several
    masks.

    Raises InputError when the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror}): give another folder") from error
    plain = [result.to_dict() for result in results]
    for entry in plain:
        name = _title(entry).replace(":", "-")
        write_whole(folder / f"{name}.json", (json.dumps(entry, indent=1) + "\n").encode())
    write_whole(folder / "report.md", markdown_page(plain).encode())
    write_whole(folder / "report.html", html_page(results).encode())
    write_figures(results, folder)


def write_figures(results: Sequence[Result], folder: Path) -> None:
    """Write the figures of `write_report`."""
    for kind in _kinds([result.to_dict() for result in results]):
        for name, draw in (("comparison", comparison), ("extremes", extremes), ("masks", under_masks)):
            if (figure := draw(results, kind)) is not None:
                write_whole(folder / f"{name}-{kind.replace(':', '-')}.png", png(figure))


def read_results(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Results from their JSON files; raises InputError on a file that is none."""
    found = []
    for path in files:
        try:
            entry = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as JSON: make it again") from error
        if not isinstance(entry, dict) or not {"method", "data", "masks", "mask_hashes", "through"} <= entry.keys():
            raise InputError(f"{path}: not a result of an evaluation: make it again")
        found.append(entry)
    return found


# ------------------------------------------------------------------------------------------------------------ tables


def _kinds(results: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(kind for result in results for kind in result["masks"]))


def _metrics(results: Sequence[dict[str, Any]], kind: str) -> list[str]:
    taken = {name for result in results for name in result["masks"].get(kind, {}).get("metrics", {})}
    # LPIPS, which needs a file, has its column also where that was not given, to say so.
    found = [name for name in METRICS if name in taken or (METRICS[name].measure is None and _asked(results, name))]
    return found + [name for name in COLUMNS if name not in METRICS and _nsd(results, kind)]


def _asked(results: Sequence[dict[str, Any]], name: str) -> bool:
    """Whether a metric was to be taken; older results do not say which, and were asked for all."""
    return any(name in result.get("metrics", METRICS) for result in results)


def _nsd(results: Sequence[dict[str, Any]], kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Of each method whose NSD was measured its title and what was found."""
    found = [(_title(result), result["masks"].get(kind, {}).get("nsd")) for result in results]
    return [(title, facts) for title, facts in found if facts]


def _nsd_note(results: Sequence[dict[str, Any]], kind: str) -> str:
    """Of what the NSD of a table is, and for which methods there is none; empty where it was not asked for."""
    found = _nsd(results, kind)
    measured = {title for title, _ in found}
    # Only of what says that it was asked for: older results do not, and a page may be of several evaluations.
    asked = dict.fromkeys(_title(result) for result in results if "nsd" in result.get("metrics", ()))
    without = [title for title in asked if title not in measured]
    undefined = f"NSD is not defined for {', '.join(without)}: no code to measure." if without else ""
    if not found:
        return undefined
    facts = found[0][1]
    of_what = ("pictures", "masks", "mask_hash", "fingerprint")
    same = all(other[name] == facts[name] for _, other in found for name in of_what)
    latents = "; ".join(
        f"{title} {of['dimensions']} ({of['constant_dimensions']} constant), {of['seconds']:.1f} s"
        for title, of in found
    )
    return (
        f"NSD: {facts['pictures']} pictures (fingerprint `{facts['fingerprint'][:12]}`) under {facts['masks']} masks "
        f"each (hash `{facts['mask_hash'][:12]}`){'' if same else ', NOT the same for all'}. "
        f"Latent dimensions: {latents}. {undefined}"
    ).strip()


def _number(metric: Metric, found: dict[str, Any] | None) -> tuple[str, str]:
    """(mean, spread) as text."""
    if not found or found["mean"] is None:
        return NOT_MEASURED, ""
    return f"{found['mean']:.{metric.digits}f}", f"± {found['spread']:.{metric.digits}f}"


def _best(metric: Metric, values: list[float | None]) -> set[int]:
    """Which of the values is best; ties are all best, one value alone is not."""
    known = {i: value for i, value in enumerate(values) if value is not None and math.isfinite(value)}
    if metric.better == "neither" or len(known) < 2:
        return set()
    score = {"lower": lambda v: v, "higher": lambda v: -v, "one": lambda v: abs(math.log(max(v, 1e-9)))}[metric.better]
    least = min(score(value) for value in known.values())
    return {i for i, value in known.items() if score(value) == least}


def _column(results: Sequence[dict[str, Any]], kind: str, name: str) -> list[dict[str, Any] | None]:
    table = "nsd" if name.startswith("nsd_") else "metrics"
    return [result["masks"].get(kind, {}).get(table, {}).get(name.removeprefix("nsd_")) for result in results]


def markdown_page(results: Sequence[dict[str, Any]]) -> str:
    """The tables in Markdown, a row a method, the best of a column in bold."""
    lines = ["# Methods side by side", "", _on_what(results), ""]
    for kind in _kinds(results):
        names = _metrics(results, kind)
        rows = [[_title(result), result["through"]] for result in results]
        for name in names:
            column = _column(results, kind, name)
            best = _best(COLUMNS[name], [found["mean"] if found else None for found in column])
            for i, found in enumerate(column):
                mean, spread = _number(COLUMNS[name], found)
                rows[i].append(f"**{mean}** {spread}" if i in best else f"{mean} {spread}".strip())
        for i, result in enumerate(results):
            rows[i].append(_seconds(result, kind))
        heads = ["method", "through", *(COLUMNS[name].title for name in names), "seconds a picture"]
        lines += [f"## Masks: {kind}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
        if note := _nsd_note(results, kind):
            lines += [note, ""]
    lines += ["## What the columns say", "", *_explained(results), ""]
    return "\n".join(lines)


_THROUGH = [
    "- through: `fill`, every picture is filled as `inpainter fill` does it, hole by hole; `bare`, the method sees the "
    "whole picture at once."
]


def _explained(results: Sequence[dict[str, Any]]) -> list[str]:
    names = {name for kind in _kinds(results) for name in _metrics(results, kind)}
    lines = [f"- {COLUMNS[name].title}: {COLUMNS[name].what}." for name in COLUMNS if name in names]
    return [*lines, *_THROUGH, "- ±: standard deviation over pictures. Bold: the best mean of a column."]


def _title(result: dict[str, Any]) -> str:
    return Path(result["method"]).name


def _seconds(result: dict[str, Any], kind: str) -> str:
    found = result["masks"].get(kind, {}).get("seconds")
    if not found or found["mean"] is None:
        return NOT_MEASURED
    graphics = result["machine"].get("graphics")
    return f"{found['mean']:.4f}" + (f" ({graphics})" if graphics else "")


def _on_what(results: Sequence[dict[str, Any]]) -> str:
    data, hashes = results[0]["data"], results[0]["mask_hashes"]
    masks = ", ".join(f"{kind} `{value[:12]}`" for kind, value in hashes.items())
    same = all(r["data"]["fingerprint"] == data["fingerprint"] and r["mask_hashes"] == hashes for r in results)
    words = "The same pictures and masks for every method" if same else "NOT the same pictures and masks for all"
    left_out = f", {len(data['left_out'])} left out" if data["left_out"] else ""
    return (
        f"{words}: {data['pictures']} pictures of {data['source']} from number {data['first']} on{left_out} "
        f"(fingerprint `{data['fingerprint'][:12]}`); masks, with their hash: {masks}."
    )


# -------------------------------------------------------------------------------------------------------------- HTML


def html_page(results: Sequence[Result]) -> str:
    """One page with tables, pictures and plots, which needs no other file and no network."""
    plain = [result.to_dict() for result in results]
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width, initial-scale=1'>",
        f"<title>Methods side by side</title><style>{STYLE}</style></head><body>",
        f"<h1>Methods side by side</h1><p>{_code(_on_what(plain))}</p>",
    ]
    for kind in _kinds(plain):
        parts.append(f"<h2>Masks: {html.escape(kind)}</h2>")
        parts.append(_html_table(plain, kind))
        if note := _nsd_note(plain, kind):
            parts.append(f"<p>{_code(note)}</p>")
        parts.append(_html_plots(plain, kind))
        parts.append(_html_pictures(results, kind))
        parts.append(_html_extremes(results, kind))
        parts.append(_html_masks(results, kind))
    explained = "".join(f"<li>{html.escape(line[2:])}</li>" for line in _explained(plain))
    parts.append(f"<h2>What the columns say</h2><ul>{explained}</ul></body></html>")
    return "\n".join(parts)


def _code(text: str) -> str:
    pieces = html.escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces))


def _html_table(results: Sequence[dict[str, Any]], kind: str) -> str:
    """A row a metric and a column a method: there are more metrics than a screen is wide."""
    rows = ["<tr><th>metric</th>" + "".join(f"<th>{html.escape(_title(r))}</th>" for r in results) + "</tr>"]
    rows.append("<tr><td>through</td>" + "".join(f"<td>{r['through']}</td>" for r in results) + "</tr>")
    for name in _metrics(results, kind):
        column = _column(results, kind, name)
        best = _best(COLUMNS[name], [found["mean"] if found else None for found in column])
        cells = []
        for i, found in enumerate(column):
            mean, spread = _number(COLUMNS[name], found)
            style = " class='best'" if i in best else ""
            cells.append(f"<td{style}>{mean} <span class='spread'>{spread}</span></td>")
        rows.append(f"<tr><td>{html.escape(COLUMNS[name].title)}</td>{''.join(cells)}</tr>")
    seconds = "".join(f"<td>{_seconds(result, kind)}</td>" for result in results)
    return f"<table>{''.join(rows)}<tr><td>seconds a picture</td>{seconds}</tr></table>"


# ---------------------------------------------------------------------------------------------------------- pictures


def _html_pictures(results: Sequence[Result], kind: str) -> str:
    """A row a picture: what is given, every method's fill over its error, four times as strong, and the truth."""
    shown = [result.shown.get(kind, []) for result in results]
    if not all(shown):
        return ""
    names = [html.escape(_title({"method": result.method})) for result in results]
    rows = [_html_row(["given", *(f"{name}, and its error\u00a0×\u00a04" for name in names), "truth"])]
    for pictures in zip(*shown, strict=True):
        truth = pictures[0].truth
        cells = [_picture(given(truth, pictures[0].mask), "given")]
        for picture, name in zip(pictures, names, strict=True):
            error = np.clip(4 * np.abs(picture.answer - truth), 0, 1)
            cells.append(_picture(picture.answer, name) + _picture(error, f"error of {name}"))
        rows.append(_html_row([*cells, _picture(truth, "truth")]))
    return f"<table class='pictures'>{''.join(rows)}</table>"


def _html_extremes(results: Sequence[Result], kind: str) -> str:
    """Each method's best and worst fills, under what was given."""
    rows = []
    for result in results:
        if found := result.extremes.get(kind):
            name = html.escape(_title({"method": result.method}))
            rows.append(_html_row(["given", *(_picture(given(one.truth, one.mask), "given") for _, one in found)]))
            cells = [f"{_picture(one.answer, name)}{psnr:.1f} dB" for psnr, one in found]
            rows.append(_html_row([name, *cells]))
    if not rows:
        return ""
    words = "The best fills of each method, then its worst, by PSNR in the hole."
    return f"<p>{words}</p><table class='pictures'>{''.join(rows)}</table>"


def _html_masks(results: Sequence[Result], kind: str) -> str:
    """One picture under several masks: a row for what is given, and one for each method's fills and distances."""
    measured = [result for result in results if result.under_masks.get(kind)]
    if not measured:
        return ""
    shown = measured[0].under_masks[kind]
    rows = [_html_row(["given", *(_picture(given(one.truth, one.mask), "given") for one in shown)])]
    for result in measured:
        name = html.escape(_title({"method": result.method}))
        cells = [f"{_picture(one.answer, name)}{one.distance:.4f}" for one in result.under_masks[kind]]
        rows.append(_html_row([name, *cells]))
    return (
        "<p>One picture under several masks. Beneath each answer: the squared distance of its latent to the picture's "
        f"mean latent over all its masks, per dimension.</p><table class='pictures'>{''.join(rows)}</table>"
    )


def _html_row(cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _picture(image: Image, what: str) -> str:
    return f"<img alt='{what}' src='data:image/png;base64,{base64.b64encode(png(image)).decode()}'>"


# ------------------------------------------------------------------------------------------------------------- plots


def _html_plots(results: Sequence[dict[str, Any]], kind: str) -> str:
    if not any(result["masks"].get(kind, {}).get("by_cover") for result in results):
        return ""
    figures = [_plot(results, kind, name) for name in PLOTTED]
    return f"<div class='plots'>{''.join(figure for figure in figures if figure)}</div>"


def _plot(results: Sequence[dict[str, Any]], kind: str, name: str) -> str:
    """A metric over the share that is missing, a line a method, as SVG."""
    lines = []
    for result in results:
        points = []
        for entry in result["masks"].get(kind, {}).get("by_cover", []):
            found = entry["metrics"].get(name)
            if found and found["mean"] is not None:
                points.append(((entry["from"] + entry["to"]) / 2, found["mean"]))
        lines.append(points)
    values = [value for points in lines for _, value in points]
    if not values:
        return ""
    low, high = min(values), max(values)
    high = high if high > low else low + 1
    right = max(x for points in lines for x, _ in points) * 1.05

    def place(x: float, y: float) -> tuple[float, float]:
        return 60 + 280 * x / right, 190 - 160 * (y - low) / (high - low)

    marks = []
    for i, (points, result) in enumerate(zip(lines, results, strict=True)):
        colour, places = COLOURS[i % len(COLOURS)], [place(*point) for point in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        marks.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
        marks += [f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>" for x, y in places]
        label = html.escape(_title(result))
        marks.append(f"<text x='350' y='{40 + 18 * i}' fill='{colour}' font-size='12'>{label}</text>")
    digits = METRICS[name].digits
    marks += [f"<text x='54' y='{place(0, y)[1] + 4:.1f}' font-size='11' text-anchor='end'>{y:.{digits}f}</text>"
              for y in (low, high)]  # fmt: skip
    marks += [f"<text x='{place(x, low)[0]:.1f}' y='208' font-size='11' text-anchor='middle'>{x:.0%}</text>"
              for x in (0, right / 2, right)]  # fmt: skip
    axes = "<path d='M60 25V195H345' fill='none' stroke='#595959'/>"
    title = html.escape(METRICS[name].title)
    return (
        f"<figure><svg viewBox='0 0 500 220' width='500' role='img' aria-label='{title} by cover'>{axes}"
        f"{''.join(marks)}</svg><figcaption>{title}, by the share of the picture that is missing</figcaption></figure>"
    )
