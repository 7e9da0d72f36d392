"""The nouns of inpainting. No torch, no input or output."""

from inpainter.core.box import Box
from inpainter.core.compose import compose
from inpainter.core.errors import InputError
from inpainter.core.inpainter import Image, Inpainter, Mask, Sizes
from inpainter.core.method import Method

__all__ = ["Box", "Image", "Inpainter", "InputError", "Mask", "Method", "Sizes", "compose"]
