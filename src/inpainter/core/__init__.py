"""The nouns of inpainting. No torch, no input or output."""

from inpainter.core.box import Box
from inpainter.core.compose import compose
from inpainter.core.errors import Cancelled, FillNote, InputError
from inpainter.core.inpainter import Codes, Image, Images, Inpainter, Mask, Masks
from inpainter.core.method import DEVICES, Card, Method, Settings
from inpainter.core.view import View
from inpainter.core.work import OnStep, Work

__all__ = [
    "DEVICES",
    "Box",
    "Cancelled",
    "Card",
    "Codes",
    "FillNote",
    "Image",
    "Images",
    "Inpainter",
    "InputError",
    "Mask",
    "Masks",
    "Method",
    "OnStep",
    "Settings",
    "View",
    "Work",
    "compose",
]
