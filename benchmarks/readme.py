"""Put the tables into README.md and pages of docs/methods: what the methods are, and the numbers measured."""

import json
import re
from pathlib import Path

from inpainter.methods import METHODS

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "service.md",
    *(ROOT / "docs" / "methods" / f"{name}.md" for name in ("exemplar", "latent-search", "patch-synthesis")),
)
HOLES = ("scratch, 2-4 px", "text, 3 px", "stroke, 8-16 px", "blob, 32 px", "blob, 64 px", "blob, 128 px")


def main() -> None:
    """Write the tables into the pages."""
    for path in PAGES:
        path.write_text(filled_in(path.read_text()))


def filled_in(text: str) -> str:
    """Return a page with each table between its marks made again."""
    makers = {"methods": methods_table, "numbers": numbers, "exemplar": exemplar, "parts": parts, "costs": costs,
              "searches": searches, "beside-encoders": beside_encoders, "textures": textures, "syntheses": syntheses,
              "calibration": calibration, "service": service}  # fmt: skip
    for name, make in makers.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        text = re.sub(f"{start}.*?{end}", lambda _, s=start, m=make, e=end: s + m() + e, text, flags=re.DOTALL)
    return text


def result(name: str) -> dict:
    """Return what a benchmark measured."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def methods_table() -> str:
    """List the methods."""
    rows = [
        f"| [`{name}`](docs/methods/{name}.md) | {entry.summary} | {f'`[{entry.extra}]`' if entry.extra else ''} |"
        for name, entry in METHODS.items()
    ]
    return "\n".join(["| method | what it is | extra |", "|---|---|---|", *rows, ""])


def numbers() -> str:
    """Say how soon a fill is done and how near the methods come."""
    start, large, holes = result("start"), result("large_hole")["methods"], result("classical")["holes"]
    photo = start["twelve_megapixels"]
    lines = [
        "| | |",
        "|---|---|",
        f"| `import inpainter` | {start['import_seconds']:.2f} s |",
        f"| `inpainter --help` | {start['help_seconds']:.2f} s |",
        f"| base install | {start['install']['megabytes']} MB, no torch |",
        f"| a 12-megapixel JPEG with a hole of 600×600 by `telea`, whole process | {photo['seconds']:.2f} s, "
        f"{photo['megabytes']:.0f} MB: {photo['ratio']:.2f} times a bare OpenCV script, which re-encodes the photo |",
        "",
        "How different from the truth a fill looks (LPIPS of the whole picture × 1000, lower is better), mean over 40 "
        "photos, and seconds for a hole of 600×600:",
        "",
        "| method | " + " | ".join(HOLES) + " | 600×600 |",
        "|---|" + "---|" * (len(HOLES) + 1),
    ]
    for name in large:
        if name not in next(iter(holes.values()))["methods"]:
            continue
        values = [holes[hole]["methods"][name]["lpips"] for hole in HOLES]
        best = [min(of["lpips"] for of in holes[hole]["methods"].values()) for hole in HOLES]
        cells = [f"**{1000 * v:.1f}**" if v == top else f"{1000 * v:.1f}" for v, top in zip(values, best, strict=True)]
        lines.append(f"| `{name}` | " + " | ".join(cells) + f" | {large[name]['seconds']:.1f} s |")
    return "\n".join([*lines, ""])


def service() -> str:
    """Say what the service costs."""
    found = result("service")
    cost, load = found["overhead"], found["load"]
    clients = (
        f"{load['clients']} clients, {load['fills']} photos of 1 to 4 megapixels; {load['leaving']} clients leave "
        f"midway, {load['hostile']} send hostile files, one worker is killed"
    )
    rows = [
        ["12 megapixels by `telea`, over HTTP and in Python",
         f"{cost['service_seconds']:.2f} s and {cost['python_seconds']:.2f} s"],
        [f"{clients}: half and 95 % of the others are filled within",
         f"{load['p50_seconds']:.2f} s and {load['p95_seconds']:.2f} s"],
        ["wrong replies, errors of the killed worker",
         f"{len(load['wrong_replies'])}, {len(load['errors_of_the_killed_worker'])}"],
        ["memory of service and workers before and after",
         f"{load['megabytes_before']} MB and {load['megabytes_after']} MB"],
    ]  # fmt: skip
    return table([f"on {found['measured_on']['cores']} cores, by benchmarks/service.py", ""], rows)


def exemplar() -> str:
    """Hold the default fill against what people install for it."""
    found = result("exemplar")
    lines = ["| holes | fill | LPIPS | beside PyPatchMatch | PSNR, dB | SSIM | boundary | gradient energy | seconds |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    titles = {"pypatchmatch": "PyPatchMatch 2.2", "patchmatch-cython": "patchmatch-cython 0.2.1",
              "fsr": "OpenCV FSR, fast", "telea": "OpenCV Telea"}  # fmt: skip
    for kind, methods in found["kinds"].items():
        for name, of in methods.items():
            ratio = of["lpips"] / methods["pypatchmatch"]["lpips"]
            cells = [kind, titles.get(name, f"`auto:quality={name}`"), f"{of['lpips']:.4f}", f"{ratio:.2f}",
                     f"{of['psnr']:.2f}", f"{of['ssim']:.3f}", f"{of['boundary_gradient_error']:.3f}",
                     f"{of['gradient_energy_ratio']:.2f}", f"{of['seconds']:.2f}"]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def parts() -> str:
    """Say what each part of the default fill brings."""
    kinds = result("exemplar_parts")["kinds"]
    heads = [f"{kind}: {what}" for kind in kinds for what in ("LPIPS × 1000", "PSNR, dB", "gradient energy")]
    rows = []
    for part in next(iter(kinds.values())):
        found = [of[part] for of in kinds.values()]
        cells = [cell for of in found for cell in (f"{1000 * of['lpips']:.1f}", f"{of['psnr']:.2f}",
                                                   f"{of['gradient_energy_ratio']:.2f}")]  # fmt: skip
        rows.append([part, *cells, f"{sum(of['processor_seconds'] for of in found) / len(found):.2f}"])
    return table(["", *heads, "seconds of processor"], rows)


def costs() -> str:
    """Say what the default fill costs."""
    found = result("costs")
    cold, holes = found["cold"]["holes"], found["hole"]
    photos = {hole: of["balanced"] for hole, of in found["photo"].items()}
    runs = [[hole, *(f"{run['seconds']:.2f} s, {run['megabytes']:.0f} MB" for run in of.values())]
            for hole, of in cold.items()]  # fmt: skip
    shares = [[f"`{quality}`", *(f"{seconds:.2f}" for seconds in of.values())] for quality, of in holes.items()]
    sizes = [[hole, *(f"{run['seconds']:.1f} s, {run['megabytes']:.0f} MB" for run in of.values())]
             for hole, of in photos.items()]  # fmt: skip
    asked = found["cold"]["asked_seconds"]
    return "\n".join([
        f"Whole processes, `inpainter fill` from JPEG to JPEG, 512×512 (asked: at most {asked} s):", "",
        table(["hole", *(f"`{quality}`" for quality in holes)], runs),
        "The same photo in process, seconds, by the share that is missing:", "",
        table(["quality", *next(iter(holes.values()))], shares),
        "Whole processes by the size of the photo, `balanced`:", "",
        table(["hole", *(f"{size} MP" for size in next(iter(photos.values())))], sizes),
    ])  # fmt: skip


def searches() -> str:
    """Say what a latent search takes, and what it comes to."""
    heads = ["search", "steps", "seconds a picture", "beside plain", "loss", "at most plain's", "PSNR of the hole, dB"]
    rows = [
        [f"{name} of {of['pictures']}" if "batch" in name else name, str(of["steps"]),
         f"{of['seconds_a_picture']:.2f}", f"{of['time_of_plain']:.3f}", f"{of['loss']:.4f}",
         f"{of['loss_at_most_plain']:.0%}, within a hundredth {of['loss_within_a_hundredth']:.0%}",
         f"{of['psnr_hole']:.2f}"]
        for name, of in result("latent_search")["speed"].items()
    ]  # fmt: skip
    return table(heads, rows)


SEARCHED = {"faces-64": "faces", "textures-64": "textures", "pets-64": "pets"}
BESIDE = {"latent-search": "latent search", "latent-search-best-of-4": "best of 4",
          "latent-search-paper": "the document's width, 15 epochs", "latent-search-paper-long": "20,000 steps of it",
          "context-encoder-each":
          "context encoder, one a mask", "context-encoder-all": "context encoder, one for all", "telea": "Telea",
          "auto": "`auto`"}  # fmt: skip


def beside_encoders() -> str:
    """Say how the latent search stands beside context encoders: PSNR of the hole, and its gradient energy."""
    found = {(folder, name): result(f"evaluation/{folder}/{name}")["masks"] for folder in SEARCHED for name in BESIDE}
    rows = []
    for folder, title in SEARCHED.items():
        for kind in found[folder, "latent-search"]:
            means = [{metric: of["mean"] for metric, of in found[folder, name][kind]["metrics"].items()}
                     for name in BESIDE]  # fmt: skip
            cells = [f"{of['psnr_hole']:.2f} / {of['gradient_energy_ratio']:.2f}" for of in means]
            rows.append([title, kind, *cells])
    return table(["", "hole", *BESIDE.values()], rows)


def textures() -> str:
    """Say how well features tell textures apart."""
    found = result("texture")["retrieval"]
    rows = [[name, *(f"{of[kind]:.3f}" for kind in ("textures", "photos"))] for name, of in found.items()]
    return table(["features", "textures (DTD)", "photos"], rows)


SYNTHESES = {"photos-384": "36 photos, hole 192 in 384 px", "objects-384": "the same, blobs of 4 to 10 %",
             "large-512": "30 crops of three photos, hole 256 in 512 px"}  # fmt: skip
FILLS = {"content": "content network alone, scaled up", "patch-synthesis": "**`patch-synthesis`**",
         "content-exemplar": "`patch-synthesis:content=exemplar`", "exemplar": "`exemplar`", "telea": "`telea`",
         "partial-conv": "`partial-conv`"}  # fmt: skip


def syntheses() -> str:
    """Say how near neural patch synthesis comes to the truth, beside others."""
    rows = [
        [title, fill, *_synthesis_cells(f"{folder}/{label}")]
        for folder, title in SYNTHESES.items()
        for label, fill in FILLS.items()
        if (ROOT / "benchmarks" / "results" / "patch_synthesis" / folder / f"{label}.json").exists()
    ]
    return table(["holes", "fill", *SYNTHESIS_HEADS, "seconds"], rows)


SYNTHESIS_HEADS = ("L1, %", "L2, %", "PSNR, dB", "SSIM", "LPIPS", "boundary error", "gradient energy")


def _synthesis_cells(name: str) -> list[str]:
    of = result(f"patch_synthesis/{name}")["means"]
    return [f"{100 * of['l1']:.2f}", f"{100 * of['l2']:.2f}", f"{of['psnr']:.2f}", f"{of['ssim']:.3f}",
            f"{of['lpips']:.4f}", f"{of['boundary_gradient_error']:.4f}", f"{of['gradient_energy_median']:.2f}",
            f"{of['seconds']:.1f}"]  # fmt: skip


def calibration() -> str:
    """Say what each setting of neural patch synthesis brings, on six photos."""
    folder = ROOT / "benchmarks" / "results" / "patch_synthesis" / "calibration"
    order = ["content", "patch-synthesis", "content-exemplar", "content-exemplar-one-scale", "exemplar"]
    names = sorted(
        (path.stem for path in folder.glob("*.json")), key=lambda n: (order.index(n) if n in order else 9, n)
    )
    return table(
        ["", *SYNTHESIS_HEADS, "seconds"], [[name, *_synthesis_cells(f"calibration/{name}")] for name in names]
    )


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in (heads, ["---"] * len(heads), *rows)] + [""])


if __name__ == "__main__":
    main()
