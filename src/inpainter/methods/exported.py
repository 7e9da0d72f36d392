"""A model in an ONNX file of our convention, run by ONNX Runtime on the processor or the GPU.

The convention, which `docs/methods/onnx.md` shows with a complete example:

- input `image`, float32 `(1, 3, H, W)` in [0, 1], 0 where pixels are missing; input `mask`, float32 `(1, 1, H, W)`,
  1 where pixels are missing and 0 elsewhere; output `filled`, shaped and scaled like `image`;
- H and W are numbers in the graph where the model takes one size only;
- metadata, all optional: `inpainter.multiple` and `inpainter.minimum` (whole numbers: what H and W must be multiples
  of, and at least), `inpainter.fills_everything` (`true` or `false`), and for the card `inpainter.name`,
  `inpainter.summary`, `inpainter.source`, `inpainter.good_for`, `inpainter.bad_for`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from inpainter.core import Card, Image, Inpainter, InputError, Mask, View, Work
from inpainter.core.paths import is_file

FLOAT = "tensor(float)"


class Exported(Inpainter):
    """A model of our export convention, ready to fill."""

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Open the file. Raises InputError when it or the device is missing, or it is not ONNX of the convention."""
        self._path = path
        self._session = _open(path, device)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.view = _view(self._session, metadata, path)
        self.card = _card(metadata, path)

    def predict(self, image: Image, mask: Mask, work: Work) -> Image:
        feed = {
            "image": np.ascontiguousarray(image.transpose(2, 0, 1)[None]),
            "mask": mask[None, None].astype(np.float32),
        }
        try:
            filled = np.asarray(self._session.run(["filled"], feed)[0])
        except Exception as error:  # ONNX Runtime's errors have no common ancestor but this
            size = f"{mask.shape[0]}×{mask.shape[1]}"
            raise InputError(f"{self._path}: the model fails on a picture of {size}: {_line(error)}") from error
        if filled.shape != feed["image"].shape:
            raise InputError(
                f"{self._path}: the model returns {filled.shape} for an image {feed['image'].shape}; "
                "export it so that `filled` is shaped like `image`"
            )
        return filled[0].transpose(1, 2, 0)


PROVIDERS = {"cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider", "cpu": "CPUExecutionProvider"}
"""Device → ONNX Runtime's name for it."""


def _open(path: Path, device: str) -> onnxruntime.InferenceSession:
    if not is_file(path):
        raise InputError(f"{path}: there is no such model file; give a method's name or the path of an .onnx file")
    there = onnxruntime.get_available_providers()
    wanted = list(PROVIDERS.values()) if device == "auto" else [PROVIDERS[device]]
    providers = [provider for provider in wanted if provider in there]
    if not providers:
        raise InputError(f"device {device}: this ONNX Runtime has none; give one of auto, cpu")
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    # Only errors: everything else would be printed on a user's screen.
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors have no common ancestor but this
        raise InputError(
            f"{path}: ONNX Runtime cannot open this model ({_line(error)}); "
            "is the file whole, with its external data beside it?"
        ) from error


def _view(session: onnxruntime.InferenceSession, metadata: Mapping[str, str], path: Path) -> View:
    """Return the sizes that graph and metadata allow; raises InputError where the graph breaks the convention."""
    inputs = {node.name: node for node in session.get_inputs()}
    outputs = {node.name: node for node in session.get_outputs()}
    if inputs.keys() != {"image", "mask"} or "filled" not in outputs:
        raise InputError(
            f"{path}: wanted inputs `image` and `mask` and an output `filled`, "
            f"not inputs {_names(inputs)} and outputs {_names(outputs)}; rename them when exporting"
        )
    for node, channels in ((inputs["image"], 3), (inputs["mask"], 1), (outputs["filled"], 3)):
        _check(node, channels, path)
    height, width = (_fixed(inputs["image"].shape[axis], inputs["mask"].shape[axis], path) for axis in (2, 3))
    if (height is None) != (width is None):
        raise InputError(f"{path}: height and width must both be fixed numbers or both be free; export it again so")
    if height is not None and width is not None:
        return View(fixed=(height, width))
    return View(_whole(metadata, "inpainter.minimum", path), _whole(metadata, "inpainter.multiple", path))


def _check(node: Any, channels: int, path: Path) -> None:
    """Raise InputError unless this input or output is float32 and `(1, channels, H, W)`, as far as the graph says."""
    shape = node.shape
    # A graph may leave any length open (a name or None), and omit an output's shape altogether.
    fits = len(shape) == 4 and all(
        have == want or not isinstance(have, int) for have, want in zip(shape[:2], (1, channels), strict=True)
    )
    if node.type != FLOAT or not (fits or (node.name == "filled" and not shape)):
        raise InputError(
            f"{path}: `{node.name}` must be float32 (1, {channels}, H, W), not {node.type} {tuple(shape)}; "
            "export it again so"
        )


def _fixed(of_image: int | str | None, of_mask: int | str | None, path: Path) -> int | None:
    """Return the length that both inputs fix, None where neither does."""
    fixed = {length for length in (of_image, of_mask) if isinstance(length, int)}
    if len(fixed) > 1:
        raise InputError(f"{path}: `image` and `mask` have different sizes {sorted(fixed)}; export it again with one")
    return fixed.pop() if fixed else None


def _whole(metadata: Mapping[str, str], key: str, path: Path) -> int:
    text = metadata.get(key, "1").strip()
    # Not str.isdigit: that takes ² and other writing systems too.
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= 65536:
        raise InputError(f"{path}: the metadata {key} must be a whole number of at least 1, not {text!r}")
    return int(text)


def _card(metadata: Mapping[str, str], path: Path) -> Card:
    return Card(
        name=metadata.get("inpainter.name") or path.stem,
        summary=metadata.get("inpainter.summary") or f"The model in {path.name}.",
        source=metadata.get("inpainter.source") or "not stated in the file",
        good_for=metadata.get("inpainter.good_for") or "not stated in the file",
        bad_for=metadata.get("inpainter.bad_for") or "not stated in the file",
        fills_everything=metadata.get("inpainter.fills_everything", "false").strip().lower() == "true",
    )


def _names(nodes: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in nodes) or "none"


def _line(error: Exception) -> str:
    """Return an error of ONNX Runtime as one line of reasonable length."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:199] + "…"
