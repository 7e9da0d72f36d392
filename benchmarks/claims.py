"""What the documents claim, what was measured here, and whether it holds: the first screen of docs/results.md."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
HEADS = ("document", "claims", "its numbers", "ours", "", "why")


@dataclass(frozen=True)
class Claim:
    """A claim of a document beside what was measured here."""

    document: str
    claim: str
    theirs: str
    measured: Callable[[], tuple[str, bool | None]]
    """Our numbers, and whether the claim holds here; None: in part."""
    why: str


def claims_table() -> str:
    """Every claim in a row, kept or missed, with one sentence why."""
    rows = []
    for claim in CLAIMS:
        ours, holds = claim.measured()
        verdict = {True: "kept", False: "**missed**", None: "in part"}[holds]
        rows.append((claim.document, claim.claim, claim.theirs, ours, verdict, claim.why))
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in (HEADS, ["---"] * len(HEADS), *rows)] + [""])


def metric(place: str, name: str, kind: str = "centre") -> float:
    """The mean of a metric in evaluation/SET/METHOD.json."""
    return _masks(place)[kind]["metrics"][name]["mean"]


def nsd(place: str, kind: str = "blocks") -> float:
    """The standardised NSD in such a file."""
    return _masks(place)[kind]["nsd"]["standardised"]["mean"]


def _masks(place: str) -> dict:
    return json.loads((RESULTS / "evaluation" / f"{place}.json").read_text())["masks"]


def synthesis(place: str) -> dict[str, float]:
    """The means in patch_synthesis/SET/LABEL.json."""
    return json.loads((RESULTS / "patch_synthesis" / f"{place}.json").read_text())["means"]


# ----------------------------------------------------------------------------------------------------------- A, cascade

THREE = {"psnr_hole": (1, "dB", 2), "ssim_hole": (1, "SSIM", 4), "boundary_gradient_error": (-1, "boundary error", 4)}
"""Metric → whether more is better, its unit, its digits."""


def _better(ours: list[str], base: list[str], kind: str) -> tuple[str, bool | None]:
    """How means over seeds of two networks differ, and whether the first is better by all of THREE."""
    gains, said = [], []
    for name, (sign, unit, digits) in THREE.items():
        mine, theirs = (sum(metric(place, name, kind) for place in places) / len(places) for places in (ours, base))
        gains.append(sign * (mine - theirs))
        said.append(f"{mine - theirs:+.{digits}f} {unit}")
    return ", ".join(said), True if min(gains) > 0 else False if max(gains) < 0 else None


def _seeds(folder: str, name: str, seeds: int) -> list[str]:
    return [f"{folder}/{name}-{seed}" for seed in range(seeds)]


def _nsd_ratios() -> tuple[str, bool]:
    ratios = [
        nsd(f"photos-128-blocks{folder}/{ours}") / nsd(f"photos-128-blocks{folder}/{base}")
        for folder, ours, base in (
            ("", "cascade-128-blocks", "context-encoder-128-blocks"),
            ("-4000", "cascade-128-blocks-half-0", "context-encoder-128-blocks-half-0"),
        )
    ]
    return f"{ratios[0]:.2f}; with a bottleneck of 4000 {ratios[1]:.2f}", max(ratios) <= 0.71


# ------------------------------------------------------------------------------------------------- B, the three losses


def _losses() -> tuple[str, bool | None]:
    energies = [metric(f"cifar10-losses/{name}-0", "gradient_energy_ratio") for name in LOSSES]
    errors = [metric(f"cifar10-losses/{name}-0", "mse_hole") for name in LOSSES]
    said = ", ".join(
        f"{title} {energy:.2f} at an error of {error:.4f}"
        for title, energy, error in zip(LOSSES.values(), energies, errors, strict=True)
    )
    joint_between = energies[0] < energies[1] and errors[0] < errors[1] < errors[2]
    sharp = energies[2] > energies[1]
    return said, joint_between and (sharp or None)


LOSSES = {"l2-only": "L2 alone", "joint": "joint", "adv-only": "adversarial alone"}

# ------------------------------------------------------------------------------------------------- C, latent search


def _search(set_name: str, kind: str, method: str = "latent-search") -> float:
    return metric(f"{set_name}/{method}", "psnr_hole", kind)


def _sizes() -> Iterator[str]:
    for name, title in SETS.items():
        sizes = " > ".join(f"{_search(name, f'centre:side={side}'):.1f}" for side in (10, 20, 30))
        yield f"{title} {sizes}, circle {_search(name, 'circle'):.1f}, scattered {_search(name, 'scatter'):.1f} dB"


def _holes() -> tuple[str, bool]:
    kept = True
    for name in SETS:
        small, middle, large = (_search(name, f"centre:side={side}") for side in (10, 20, 30))
        kept &= small > middle > large and abs(_search(name, "circle") - middle) < 0.5
        kept &= _search(name, "scatter") > small
    return "; ".join(_sizes()), kept


SETS = {"faces-64": "faces", "pets-64": "pets", "textures-64": "textures"}


def _faces() -> tuple[str, bool]:
    found = {title: _search(name, "centre:side=20") for name, title in SETS.items()}
    said = ", ".join(f"{title} {value:.1f}" for title, value in found.items())
    return f"{said} dB; at the document's width, 20,000 steps, faces {_paper():.1f}", found["faces"] == max(
        found.values()
    )


def _paper() -> float:
    return _search("faces-64", "centre:side=20", "latent-search-paper-long")


def _encoder() -> tuple[str, bool | None]:
    gains, energies = [], []
    for side in (10, 20, 30):
        kind = f"centre:side={side}"
        gains.append(_search("faces-64", kind, "context-encoder-each") - _search("faces-64", kind))
        energies += [metric("faces-64/context-encoder-each", "gradient_energy_ratio", kind)
                     - metric("faces-64/latent-search", "gradient_energy_ratio", kind)]  # fmt: skip
    said = f"{min(gains):+.1f} to {max(gains):+.1f} dB; gradient energy {min(energies):+.2f} to {max(energies):+.2f}"
    return said, True if min(gains) > 0 and max(energies) < 0 else None


# ------------------------------------------------------------------------------------------- D, neural patch synthesis


def _gain() -> tuple[str, bool | None]:
    gains = {
        title: synthesis(f"{name}/patch-synthesis")["psnr"] - synthesis(f"{name}/content")["psnr"]
        for name, title in (("large-512", "512 px"), ("photos-384", "384 px"), ("objects-384", "objects"))
    }
    said = ", ".join(f"{title} {gain:+.2f}" for title, gain in gains.items())
    return f"{said} dB", None if min(gains.values()) < 0 < max(gains.values()) else min(gains.values()) > 0


def _looks() -> tuple[str, bool]:
    pairs = {
        title: (synthesis(f"{name}/content")["lpips"], synthesis(f"{name}/patch-synthesis")["lpips"])
        for name, title in (("large-512", "512 px"), ("photos-384", "384 px"), ("objects-384", "objects"))
    }
    said = ", ".join(f"{title} {before:.3f} → {after:.3f}" for title, (before, after) in pairs.items())
    return f"LPIPS {said}", all(after < before for before, after in pairs.values())


def _adversarial_content() -> tuple[str, bool]:
    with_it, without = (synthesis(f"calibration/{name}")["lpips"] for name in
                        ("patch-synthesis", "patch-synthesis-content-l2"))  # fmt: skip
    return f"LPIPS {with_it:.3f}, on L2 alone {without:.3f}, six photos", with_it < without


# ---------------------------------------------------------------------------------------------- E, partial convolution


def _lines(method: str, kind: str = "lines") -> float:
    return metric(f"cifar10-test/{method}", "mse_whole_raw", kind)


def _partial() -> tuple[str, bool]:
    thick, thin = _lines("partial-conv-0"), _lines("partial-conv-0", "lines:thickness=1")
    return f"{thick:.5f} on lines of 1 to 2, {thin:.5f} on lines of 1 px", thin <= 0.0005


def _blind() -> tuple[str, bool]:
    value = _lines("blind-autoencoder-0")
    return f"{value:.5f}", value <= 0.0010


def _half() -> tuple[str, bool]:
    ratio = _lines("partial-conv-0") / _lines("blind-autoencoder-0")
    return f"{ratio:.2f} at equal epochs (20)", ratio <= 0.5


def _ours() -> tuple[str, bool]:
    thick, thin = _lines("partial-conv-cifar10"), _lines("partial-conv-cifar10", "lines:thickness=1")
    return f"{thick:.5f}; 1 px {thin:.6f}", thick <= 0.0005


EQUAL = "128-{}-narrow-5-epochs"


def _residual(masks: str, seeds: int) -> tuple[str, bool | None]:
    folder, name = f"photos-128-{masks}-equal", EQUAL.format(masks)
    ours, base = (_seeds(folder, f"{method}-{name}", seeds) for method in ("cascade-residual", "context-encoder"))
    return _better(ours, base, masks)


CLAIMS = (
    Claim("A", "the cascade's code depends less on the mask: ratio of NSD", ".56 / .79 = .71", _nsd_ratios,
          "What comes in has no hole any more."),
    Claim("A", "its fills are better, random blocks, equal steps", "better",
          lambda: _better(["photos-128-blocks-4000/cascade-128-blocks-half-0"],
                          ["photos-128-blocks-4000/context-encoder-128-blocks-half-0"], "blocks"),
          "With the document's bottleneck of 4000; through the narrow channel-wise one it is slightly worse."),
    Claim("A", "the same, the middle square", "better",
          lambda: _better(["photos-128-centre/cascade-128-centre-narrow-0"],
                          ["photos-128-centre/context-encoder-128-centre-narrow-0"], "centre"),
          "5 epochs of 10,000 photos, channel-wise bottleneck: no difference worth the name."),
    Claim("A, ours", "the residual cascade's fills are better, random blocks, equal steps, three seeds", "not in it",
          lambda: _residual("blocks", 3), "Skip connections: a correction need not pass through the code."),
    Claim("A, ours", "the same, the middle square", "not in it", lambda: _residual("centre", 1), "One seed."),
    Claim("B", "L2 alone is blurred, adversarial alone sharp and incoherent, joint between (gradient energy, 1 is the "
          "truth's)", "pictures", _losses,
          "Judged by its square alone, as in the original, the adversarial loss knows nothing of the surroundings."),
    Claim("C", "smaller holes are better, a circle is about the square, scattered blocks best", "pictures", _holes,
          "Holds on all three sets."),
    Claim("C", "best on faces, poor on textures and pets", "pictures; the original: faces 19.4 dB", _faces,
          "A square of 20; thousands of alike pictures teach a generator, hundreds of unlike ones do not."),
    Claim("C", "the context encoder, trained for the hole, is higher in PSNR and smoother", "21.3 beside 19.4 dB",
          _encoder, "Higher, yes; those for one hole are not smoother, the one for all holes is."),
    Claim("D", "better than the content network's fill upsampled, PSNR", "+0.41 dB", _gain,
          "Much of the gain is colour brought to the rim; at 384 px new texture costs PSNR."),
    Claim("D", "sharper and nearer to the eye than the content network", "pictures", _looks,
          "Texture comes from the photo itself."),
    Claim("D", "an adversarial content network is better than L2 alone", "pictures", _adversarial_content,
          "The texture is the photo's either way: the difference is small."),
    Claim("E", "partial convolutions, test error", "0.0005 (100 epochs)", _partial,
          "Holds on lines of 1 px; the document names no thickness. 20 epochs."),
    Claim("E", "blind autoencoder, test error", "0.0010", _blind,
          "Half of it is error in known pixels, which pass through its code; 20 epochs, as in the document."),
    Claim("E", "partial convolutions at most half the blind autoencoder's error", "0.5", _half,
          "At equal epochs, too."),
    Claim("E, ours", "a smaller network, better on the same lines, test error", "0.0005 (100 epochs)", _ours,
          "Half a million weights correct partial averages; 24 epochs."),
)  # fmt: skip
