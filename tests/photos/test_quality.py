"""The quality of what is encoded again is one that was measured, and the documentation says what was."""

import json
from pathlib import Path

import pytest

from inpainter.photos.write import LOSSY

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("kind", "effort"), [("webp", 4), ("avif", 3)])
def test_the_page_says_what_was_measured(kind: str, effort: int) -> None:
    rows = json.loads((ROOT / "benchmarks" / "results" / "photo_quality.json").read_text())["rows"]
    settings = LOSSY[kind]
    # 4 is the encoder's own effort.
    assert settings.get("effort", 4) == effort
    (row,) = (
        row
        for row in rows
        if (row["format"], row["Q"], row["effort"]) == (kind, settings["Q"], effort)
        and row.get("subsample_mode") == settings.get("subsample_mode")
        and not row.get("smart_subsample")
    )
    told = f"{settings['Q']}, effort {effort}" if kind == "avif" else str(settings["Q"])
    name = {"webp": "WebP", "avif": "AVIF"}[kind]
    line = (
        f"| {name} | {told} | {row['psnr']:.1f} dB | {row['ssim']:.3f} | ×{row['bytes_of_the_source']:.2f} "
        f"| {row['cpu_seconds_a_megapixel']:.2f} |"
    )
    assert line in (ROOT / "docs" / "photos.md").read_text()
