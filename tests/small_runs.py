"""Trainings that take a second: recipes, pictures, and what a run ends in."""

from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from inpainter.methods import blind_autoencoder, context_encoder

TINY = blind_autoencoder.BlindAutoencoderRecipe(
    size=16, widths=(8, 8), pooled=2, batch=4, epochs=3, average=0.9, precision="32-true", validation=4
)
GAME = context_encoder.ContextEncoderRecipe(
    size=32, masks="centre", width=4, latent=8, overlap=1, batch=4, precision="32-true", nsd=0.1, validation=4
)
"""A training of two players."""


def smooth_pictures(count: int, size: int = 16) -> np.ndarray:
    coarse = np.random.default_rng(5).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC) for picture in coarse])


def last_checkpoint(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((folder / "checkpoints").glob("*.safetensors"))[-1])
