"""The features of VGG, of the official weights and of ours."""

import hashlib

import pytest
import torch
from torch import nn
from torch.nn import functional

from inpainter.core import InputError
from inpainter.nn.vgg import VGGFeatures, load_vgg, load_vgg19

WIDTHS = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, 256, "pool", 512)


def official() -> nn.Sequential:
    """torchvision's list of layers as far as relu4_1, written down from its table."""
    layers: list[nn.Module] = []
    incoming = 3
    for width in WIDTHS:
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(incoming, width, 3, padding=1), nn.ReLU()]
            incoming = width
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state dict as torchvision's, of random weights, in a file named as it names them."""
    torch.manual_seed(0)
    layers = official()
    tensors = {f"features.{name}": value for name, value in layers.state_dict().items()}
    tensors |= {"features.28.weight": torch.zeros(1), "classifier.0.weight": torch.zeros(2, 2)}
    folder = tmp_path_factory.mktemp("vgg")
    torch.save(tensors, folder / "plain.pth")
    digest = hashlib.sha256((folder / "plain.pth").read_bytes()).hexdigest()
    named = folder / f"vgg19-{digest[:8]}.pth"
    (folder / "plain.pth").rename(named)
    return layers.eval(), named


def test_official_weights_give_what_torchvisions_layers_give(state):
    layers, path = state
    image = torch.rand(2, 3, 45, 38)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (image - mean[:, None, None]) / std[:, None, None]
    wanted = {}
    with torch.no_grad():
        for number, layer in enumerate(layers):
            x = layer(x)
            wanted[number] = x
        found = load_vgg19(path)(image)
    # relu3_1 is the 12th of the list, relu4_1 the 21st, as the papers' code counts them too.
    torch.testing.assert_close(found[0], wanted[11])
    torch.testing.assert_close(found[1], wanted[20])
    assert [f.shape[1:] for f in found] == [(256, 11, 9), (512, 5, 4)]


def test_a_changed_file_is_refused_by_the_hash_in_its_name(state, tmp_path):
    changed = tmp_path / "vgg19-dcbb9e9d.pth"
    changed.write_bytes(state[1].read_bytes())
    with pytest.raises(InputError, match="does not begin with dcbb9e9d"):
        load_vgg19(changed)
    unnamed = tmp_path / "mine.pth"
    unnamed.write_bytes(state[1].read_bytes())
    assert load_vgg19(unnamed, ("relu3_1",)).taps == ("relu3_1",)


@pytest.mark.parametrize("content", [b"", b"not a file of tensors", None, {"features.0.weight": 1}, [1, 2]])
def test_what_is_no_file_of_these_weights_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "vgg.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"no VGG-19 weights .*give torchvision's vgg19-dcbb9e9d\.pth") as caught:
        load_vgg19(path)
    assert "\n" not in str(caught.value)


def test_nothing_in_a_file_is_run(tmp_path):
    class Runs:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"features.0.weight": Runs()}, tmp_path / "evil.pth")
    with pytest.raises(InputError, match="not a file of tensors"):
        load_vgg19(tmp_path / "evil.pth")


def test_real_weights_give_what_plain_layers_give(data, rng):
    path = data.parent / "weights" / "vgg19_norm_relu3_1.safetensors"
    if not path.exists():
        pytest.skip(f"no {path}")
    features = load_vgg(path)
    image = torch.from_numpy(rng.random((1, 3, 33, 40))).float()
    mean, std = torch.tensor([0.485, 0.456, 0.406]).double(), torch.tensor([0.229, 0.224, 0.225]).double()
    x = (image.double() - mean[:, None, None]) / std[:, None, None]
    weights = {name: value.double() for name, value in features.state_dict().items()}
    for name in ("conv1_1", "conv1_2", "pool", "conv2_1", "conv2_2", "pool", "conv3_1"):
        if name == "pool":
            x = functional.max_pool2d(x, 2, ceil_mode=True)
        else:
            around = functional.pad(x, (1, 1, 1, 1), mode="reflect")
            x = functional.conv2d(around, weights[f"{name}.weight"], weights[f"{name}.bias"]).clamp(min=0)
    torch.testing.assert_close(features(image)[2].double(), x, rtol=1e-4, atol=1e-4)


def test_fused_features_are_the_same():
    torch.manual_seed(0)
    network = VGGFeatures((4, 6, 8, 10), ("relu2_2", "relu4_1"), norm=True)
    network.train()
    for _ in range(3):
        network(torch.rand(4, 3, 32, 32))
    network.eval()
    image = torch.rand(1, 3, 37, 50)
    before = network(image)
    after = network.fused()(image)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
