"""The card of trained weights, made from what is known about them."""

from typing import Any

from inpainter.core import Card


def model_card(card: Card, facts: dict[str, Any]) -> str:
    """Return the README of a weights folder, in Markdown: description, training, measurements."""
    data, trained = facts.get("data", {}), facts.get("trained", {})
    start = facts.get("start")
    lines = [
        f"# {card.name}: {facts.get('preset') or 'own recipe'}",
        "",
        f"{card.summary} {card.source}.",
        "",
        f"Good for {card.good_for}. Bad for {card.bad_for}.",
        "",
        "Use: `inpainter fill IMAGE MASK --method FOLDER`, or `inpainter.load(FOLDER)` with the path of this folder.",
        "",
        "## Training",
        "",
        *_table({
            "pictures": f"{data.get('pictures', 'unknown')} from {data.get('source', 'unknown')}",
            "fingerprint of the pictures": data.get("fingerprint", "unknown"),
            "seed": facts.get("seed", "unknown"),
            **({"started from": f"{start['folder']}, SHA-256 `{start['sha256']}`"} if start else {}),
            "steps trained": trained.get("steps", "unknown"),
            "epochs trained": trained.get("epochs", "unknown"),
            "minutes of training": trained.get("minutes", "unknown"),
            **facts.get("recipe", {}),
        }),
        "",
        "## Measured",
        "",
        *_measured(facts),
        "",
        *(["## Remarks", "", *(f"- {remark}" for remark in facts["remarks"]), ""] if facts.get("remarks") else []),
        "## Made with",
        "",
        *_table({**facts.get("versions", {}), "git revision": facts.get("git_revision") or "unknown"}),
        "",
        f"Weights: half precision, {facts.get('bytes', 0) / 1e6:.1f} MB, SHA-256 `{facts.get('sha256', 'unknown')}`.",
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _table(rows: dict[str, Any]) -> list[str]:
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


_RENAMED = {"mse_hole": "mse_hole_pooled"}
"""Names in the validation of older runs that are now a metric averaged differently."""


def _measured(facts: dict[str, Any]) -> list[str]:
    validation = facts.get("trained", {}).get("validation", {})
    found = {**{_RENAMED.get(name, name): value for name, value in validation.items()}, **facts.get("measured", {})}
    if not found:
        return ["Not measured."]
    return [
        "Means over pictures, which are in [0, 1]; `mse` is the mean squared error. `raw` is the network's whole "
        "output, `composed` has the known pixels put back, `hole` counts missing pixels only, `pooled` those of all "
        "pictures alike, which makes large holes count more. Without a set named: on pictures held out of the "
        "training.",
        "",
        *_table({name: f"{value:.6f}" if isinstance(value, float) else value for name, value in found.items()}),
    ]
