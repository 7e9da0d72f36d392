"""Where torch computes."""

import torch

from inpainter.core import InputError


def torch_device(name: str) -> torch.device:
    """The device of this name of `core.DEVICES`; `auto` is the fastest there is. Raises InputError where it is not."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there.get(name, False):
        raise InputError(f"device {name}: torch finds none here: give one of auto, cpu")
    return torch.device(name)


def quick_halves(device: torch.device) -> bool:
    """Whether a processor multiplies bfloat16 numbers; one that does not takes them in the longer way."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
