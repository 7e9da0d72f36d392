"""docs/results.md: what the result files say, and the claims above them."""

import json

import pytest

from claims import CLAIMS, claims_table
from results_page import PAGE, RESULTS, results_page


def test_the_results_page_is_what_the_result_files_say():
    assert PAGE.read_text() == results_page(RESULTS)


def test_the_results_page_averages_over_seeds_and_gives_the_ratio(tmp_path):
    def write(split, method, seed, epochs, value):
        folder = tmp_path / f"cifar10-{split}"
        folder.mkdir(exist_ok=True)
        metrics = {name: {"mean": value * factor} for name, factor in
                   (("mse_whole_raw", 1), ("mse_hole", 5), ("mse_whole_composed", 0.5))}  # fmt: skip
        weights = {"method": method, "seed": seed, "epochs": epochs}
        data = {"source": "p", "pictures": 3, "first": 0}
        entry = {"method": f"{method}-{seed}-{epochs}", "weights": weights, "data": data, "mask_hashes": {},
                 "through": "bare", "masks": {"lines": {"metrics": metrics}}}  # fmt: skip
        (folder / f"{entry['method']}.json").write_text(json.dumps(entry))

    for split in ("train", "validation", "test"):
        for seed in range(3):
            write(split, "partial-conv", seed, 20.0, 0.001 * (seed + 1))
            write(split, "blind-autoencoder", seed, 20.0, 0.004)
        write(split, "partial-conv", 0, 100.0, 0.0005)
    page = results_page(tmp_path)
    row = (
        "| partial-conv | 20 | 3 | 0.00200 ± 0.001000 | 0.00200 ± 0.001000 | 0.00200 ± 0.001000 | 0.01000 ± 0.005000 |"
    )
    assert row in page
    assert "| partial-conv | 100 | 1 | 0.00050 | 0.00050 | 0.00050 | 0.00250 | 0.00025 |" in page
    assert "20 epochs: partial-conv / blind-autoencoder = 0.50" in page
    assert "100 epochs:" not in page


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"{claim.document}: {claim.claim[:40]}")
def test_every_claim_has_numbers_of_its_result_files(claim):
    ours, holds = claim.measured()
    assert any(character.isdigit() for character in ours)
    assert holds in (True, False, None)
    row = next(line for line in claims_table().splitlines() if claim.claim in line and claim.theirs in line)
    assert ours in row
