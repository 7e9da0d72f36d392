"""How well features tell textures: `python benchmarks/texture.py [FOLDER]`, of a texture network's weights.

Of 3×3 patches at relu3_1, as the synthesis compares them, how many have one of the same picture among their five
nearest, where the patches come from one corner of each picture and those to choose from from the opposite corner:
textures (DTD, 200 of 64 px, corners of 32) and photos (120, the middle 128 px, corners of 64). Ours beside the real
VGG-19 (normalised), ours untrained, and raw 3×3 pixels. Writes results/texture.json.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inpainter.data.sources import read_pictures
from inpainter.methods.patch_synthesis import PATCH_SYNTHESIS
from inpainter.methods.texture_network import TAPS, TextureRecipe, drawn_patches, make_network, retrieval
from inpainter.nn.pretrained import fill_with_weights
from inpainter.nn.vgg import VGGFeatures, load_vgg
from measure import DATA, write
from measure_cifar import ROOT, numbers_into_card

PATCHES = 16
"""Patches of each corner."""
VGG = DATA.parent / "weights" / "vgg19_norm_relu3_1.safetensors"


def ours(folder: Path) -> VGGFeatures:
    """The texture network of a folder of weights, ready for use."""
    recipe = PATCH_SYNTHESIS.recipe_in(folder)
    assert isinstance(recipe, TextureRecipe)
    return fill_with_weights(make_network(recipe), folder).fused()


def untrained() -> VGGFeatures:
    """One like ours with random weights, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make_network(TextureRecipe()).eval().fused()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / "weights" / "patch-synthesis-texture"])
    parser.add_argument("--dry", action="store_true", help="print, and write no result")
    options = parser.parse_args()
    sets = {
        "textures": _corners(f"{DATA}/dtd/dtd-64.parquet[1000:1200]", 64),
        "photos": _corners(f"{DATA}/photos/val.parquet", 128),
    }
    vgg, random = load_vgg(VGG), untrained()
    features: dict[str, Callable[[Tensor], Tensor]] = {
        "VGG-19": lambda x: vgg(x)[-1],
        "ours, untrained": lambda x: random(x)[0],
        "raw pixels": lambda x: x,
    }
    for folder in options.folders:
        network = ours(folder)
        label = "ours" if len(options.folders) == 1 else f"ours, {folder.parent.name}"
        features[label] = lambda x, network=network: network(x)[0]
        features[f"{label}, {TAPS[1]}"] = lambda x, network=network: network(x)[1]
    found = {}
    for label, of in features.items():
        found[label] = {name: round(_score(of, *corners), 4) for name, corners in sets.items()}
        print(label, found[label], flush=True)
    if not options.dry:
        if len(options.folders) == 1:
            numbers_into_card(options.folders[0], {f"retrieval of {k}, relu3_1": v for k, v in found["ours"].items()})
        write("texture", {"patches": PATCHES, "nearest": 5, "retrieval": found}, ("torch",))


def _corners(source: str, side: int) -> tuple[Tensor, Tensor]:
    """Two opposite corners of each picture's middle."""
    middles = []
    for picture in read_pictures(source).pictures:
        y, x = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
        middles.append(picture[y : y + side, x : x + side])
    pictures = torch.from_numpy(np.stack(middles)).permute(0, 3, 1, 2).float() / 255
    return pictures[..., : side // 2, : side // 2], pictures[..., side // 2 :, side // 2 :]


@torch.no_grad()
def _score(features: Callable[[Tensor], Tensor], first: Tensor, second: Tensor) -> float:
    drawing = torch.Generator().manual_seed(0)
    here, there = (
        functional.normalize(drawn_patches(features(part), PATCHES, drawing), dim=2) for part in (first, second)
    )
    return retrieval(here, there)


if __name__ == "__main__":
    main()
