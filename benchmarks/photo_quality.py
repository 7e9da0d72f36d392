"""The quality at which lossy WebP and AVIF photos are encoded again: what it keeps, and what it costs.

Each source is a photo as programs save it (WebP at 80, AVIF at 60 with halved chroma); it is decoded, encoded again
without any change, and compared with what it was: this is what a fill does to all pixels outside its mask.
"""

import io
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity

import measure

PHOTOS = sorted((measure.DATA / "large").glob("*.jpg"))
SOURCES: dict[str, dict[str, Any]] = {
    "webp": {"quality": 80, "method": 4},
    "avif": {"quality": 60, "subsampling": "4:2:0", "speed": 6},
}
SAVERS = {"webp": "webpsave_buffer", "avif": "heifsave_buffer"}
TRIED: dict[str, list[dict[str, Any]]] = {
    "webp": [{"Q": q, "effort": effort} for q in (80, 85, 90, 95, 100) for effort in (2, 4)]
    + [{"Q": q, "effort": 4, "smart_subsample": True} for q in (90, 95)],
    "avif": [{"Q": q, "effort": effort, "subsample_mode": "off"} for q in (80, 85, 90, 95) for effort in (0, 2, 3, 4)]
    + [{"Q": q, "effort": 2, "subsample_mode": "on"} for q in (85, 90, 95)],
}


def main() -> None:
    """Measure, and write results/photo_quality.json."""
    rows = []
    for kind, tried in TRIED.items():
        sources = [source(path, kind) for path in PHOTOS]
        for settings in tried:
            runs = [encoded_again(data, samples, kind, settings) for data, samples in sources]
            rows.append({"format": kind, **settings} | {name: round(float(np.mean([run[name] for run in runs])), 4)
                                                        for name in runs[0]})  # fmt: skip
            print(rows[-1], flush=True)
    result = {"sources": SOURCES, "photos": [path.name for path in PHOTOS], "rows": rows}
    measure.write("photo_quality", result, ("pyvips", "pyvips-binary", "pillow", "scikit-image"))


def source(path: Path, kind: str) -> tuple[bytes, NDArray[np.uint8]]:
    """A photo of 3 megapixels as a program saves it, and its samples."""
    photo = cv2.resize(np.asarray(Image.open(path).convert("RGB")), (2000, 1500), interpolation=cv2.INTER_AREA)
    out = io.BytesIO()
    Image.fromarray(photo).save(out, kind.upper(), **SOURCES[kind])
    return out.getvalue(), decoded(out.getvalue())


def decoded(data: bytes) -> NDArray[np.uint8]:
    """The samples of a photo, as libvips decodes it."""
    return pyvips.Image.new_from_buffer(data, "").numpy()


def encoded_again(data: bytes, samples: NDArray[np.uint8], kind: str, settings: dict[str, Any]) -> dict[str, float]:
    """What is kept of a photo that is encoded again with these settings."""
    image = pyvips.Image.new_from_array(samples).copy(interpretation="srgb")
    compression = {"compression": "av1"} if kind == "avif" else {}
    start = time.process_time()
    again = getattr(image, SAVERS[kind])(keep="none", **compression, **settings)
    seconds = time.process_time() - start
    after = decoded(again)
    error = np.square(after.astype(np.float32) - samples).mean()
    greys = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (samples, after)]
    return {
        "psnr": float(10 * np.log10(255**2 / error)),
        "ssim": float(structural_similarity(*greys)),  # pyright: ignore[reportArgumentType]
        "bytes_of_the_source": len(again) / len(data),
        "cpu_seconds_a_megapixel": seconds / (samples.shape[0] * samples.shape[1] / 1e6),
    }


if __name__ == "__main__":
    main()
