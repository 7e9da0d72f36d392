"""The devices that torch computes on."""

import torch

from inpainter.core import InputError


def torch_device(name: str) -> torch.device:
    """Return the device named, one of `core.DEVICES`; `auto` is the fastest. Raises InputError where it is missing."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there.get(name, False):
        raise InputError(f"device {name}: torch finds none here: give one of auto, cpu")
    return torch.device(name)


def quick_halves(device: torch.device) -> bool:
    """Return whether a device multiplies bfloat16 natively; others are slower with it."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
