"""Models in ONNX files: the convention, its documented example, and every kind of file that is not of it."""

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from conftest import ROOT
from inpainter.core import InputError, View
from inpainter.methods import load

FLOAT = TensorProto.FLOAT
PAGE = ROOT / "docs/methods/onnx.md"


def value(name: str, channels: int, size: tuple = ("H", "W"), kind: int = FLOAT):
    return helper.make_tensor_value_info(name, kind, [1, channels, *size])


def write(path: Path, nodes, inputs=None, outputs=None, weights=(), metadata=None) -> Path:
    inputs = inputs or [value("image", 3), value("mask", 1)]
    outputs = outputs or [value("filled", 3)]
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


def blur(path: Path, size: tuple = ("H", "W"), **options) -> Path:
    """Fills with the mean of the known pixels in a window of 31: convolution over convolution."""
    side = 31
    kernels = [
        numpy_helper.from_array(np.ones((3, 1, side, side), np.float32), "colour"),
        numpy_helper.from_array(np.ones((1, 1, side, side), np.float32), "ones"),
        numpy_helper.from_array(np.float32([1]), "one"),
        numpy_helper.from_array(np.float32([1e-6]), "tiny"),
    ]
    pads = [side // 2] * 4
    nodes = [
        helper.make_node("Sub", ["one", "mask"], ["known"]),
        helper.make_node("Conv", ["image", "colour"], ["sum"], group=3, pads=pads),
        helper.make_node("Conv", ["known", "ones"], ["count"], pads=pads),
        helper.make_node("Max", ["count", "tiny"], ["safe"]),
        helper.make_node("Div", ["sum", "safe"], ["filled"]),
    ]
    inputs = [value("image", 3, size), value("mask", 1, size)]
    return write(path, nodes, inputs, [value("filled", 3, size)], kernels, **options)


def identity(path: Path, **options) -> Path:
    return write(path, [helper.make_node("Identity", ["image"], ["filled"])], **options)


def hole(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 2, width // 3 : width // 2] = True
    return mask


def test_the_documented_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), {})
    assert load("mean.onnx").card.summary == "Fills with the mean colour of what is known."


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (1, 5)])
def test_a_model_of_free_size_fills_as_its_formula_says(tmp_path, rng, size):
    image, mask = rng.random((*size, 3)).astype(np.float32), hole(*size)
    mask[0, 0] = True
    filled = load(blur(tmp_path / "blur.onnx"))(image, mask)
    for row, column in np.argwhere(mask):
        window = np.s_[max(0, row - 15) : row + 16, max(0, column - 15) : column + 16]
        expected = image[window][~mask[window]].mean(axis=0)
        np.testing.assert_allclose(filled[row, column], expected, atol=1e-5)
    np.testing.assert_array_equal(filled[~mask], image[~mask])


def test_a_model_of_one_size_takes_that_size_only(tmp_path, rng):
    inpainter = load(blur(tmp_path / "blur.onnx", (24, 40)))
    assert inpainter.view == View(fixed=(24, 40))
    image = rng.random((24, 40, 3)).astype(np.float32)
    assert inpainter(image, hole(24, 40)).shape == (24, 40, 3)
    with pytest.raises(ValueError, match="24×40"):
        inpainter(image.transpose(1, 0, 2).copy(), hole(40, 24))


def test_the_metadata_says_which_sizes_and_fills_the_card(tmp_path, rng):
    metadata = {
        "inpainter.multiple": "8",
        "inpainter.minimum": "16",
        "inpainter.fills_everything": "true",
        "inpainter.name": "blurred",
        "inpainter.source": "tests",
    }
    inpainter = load(blur(tmp_path / "x.onnx", metadata=metadata))
    assert inpainter.view == View(minimum=16, multiple=8)
    assert inpainter.card.name == "blurred"
    assert inpainter.card.source == "tests"
    assert inpainter.card.bad_for == "not stated in the file"
    image = rng.random((24, 16, 3)).astype(np.float32)
    assert inpainter(image, np.ones((24, 16), bool)).shape == image.shape
    with pytest.raises(ValueError, match="multiples of 8"):
        inpainter(rng.random((20, 16, 3)).astype(np.float32), hole(20, 16))


def test_a_file_without_metadata_is_named_after_itself(tmp_path):
    inpainter = load(identity(tmp_path / "my-model.onnx"))
    assert inpainter.card.name == "my-model"
    assert inpainter.view == View()
    assert not inpainter.card.fills_everything


def test_the_same_input_gives_the_same_bits(tmp_path, rng):
    image, mask = rng.random((64, 64, 3)).astype(np.float32), hole(64, 64)
    path = blur(tmp_path / "blur.onnx")
    np.testing.assert_array_equal(load(path)(image, mask), load(path)(image, mask))


def test_an_output_whose_shape_the_graph_leaves_open_is_checked_when_it_answers(tmp_path, rng):
    starts, ends, axes = (numpy_helper.from_array(np.int64([n]), s) for n, s in ((0, "s"), (-1, "e"), (2, "a")))
    open_shape = helper.make_tensor_value_info("filled", FLOAT, None)
    slice_off = [helper.make_node("Slice", ["image", "s", "e", "a"], ["filled"])]
    inpainter = load(write(tmp_path / "short.onnx", slice_off, outputs=[open_shape], weights=[starts, ends, axes]))
    with pytest.raises(InputError, match=r"returns \(1, 3, 8, 9\) for an image \(1, 3, 9, 9\)"):
        inpainter(rng.random((9, 9, 3)).astype(np.float32), hole(9, 9))


def test_a_model_that_fails_on_a_size_says_so_in_one_line(tmp_path, rng):
    wide = numpy_helper.from_array(np.ones((1, 3, 8, 8), np.float32), "w")
    path = write(tmp_path / "picky.onnx", [helper.make_node("Add", ["image", "w"], ["filled"])], weights=[wide])
    with pytest.raises(InputError, match="fails on a picture of 9×9") as caught:
        load(path)(rng.random((9, 9, 3)).astype(np.float32), hole(9, 9))
    assert "\n" not in str(caught.value)


def _text(path: Path) -> None:
    path.write_text("not a model at all")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    blur(path)
    path.write_bytes(path.read_bytes()[:900])


def _other_names(path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    write(path, [node], [value("x", 3)], [value("y", 3)])


def _one_input(path: Path) -> None:
    write(path, [helper.make_node("Identity", ["image"], ["filled"])], [value("image", 3)])


def _third_input(path: Path) -> None:
    node = helper.make_node("Add", ["image", "noise"], ["filled"])
    write(path, [node], [value("image", 3), value("mask", 1), value("noise", 3)])


def _half_precision(path: Path) -> None:
    kind = TensorProto.FLOAT16
    node = helper.make_node("Identity", ["image"], ["filled"])
    write(path, [node], [value("image", 3, kind=kind), value("mask", 1)], [value("filled", 3, kind=kind)])


def _four_channels(path: Path) -> None:
    node = helper.make_node("Identity", ["image"], ["filled"])
    write(path, [node], [value("image", 4), value("mask", 1)], [value("filled", 4)])


def _no_batch(path: Path) -> None:
    flat = [helper.make_tensor_value_info(name, FLOAT, [3, "H", "W"]) for name in ("image", "mask", "filled")]
    write(path, [helper.make_node("Identity", ["image"], ["filled"])], flat[:2], flat[2:])


def _half_fixed(path: Path) -> None:
    write(
        path,
        [helper.make_node("Identity", ["image"], ["filled"])],
        [value("image", 3, (16, "W")), value("mask", 1, (16, "W"))],
    )


def _two_sizes(path: Path) -> None:
    write(
        path,
        [helper.make_node("Identity", ["image"], ["filled"])],
        [value("image", 3, (16, 16)), value("mask", 1, (8, 8))],
    )


def _bad_multiple(path: Path) -> None:
    identity(path, metadata={"inpainter.multiple": "eight"})


def _zero_minimum(path: Path) -> None:
    identity(path, metadata={"inpainter.minimum": "0"})


def _no_external_data(path: Path) -> None:
    model = onnx.load(blur(path))
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    (path.parent / "weights.bin").unlink()


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_text, "cannot open"),
        (_empty, "cannot open"),
        (_truncated, "cannot open"),
        (_no_external_data, "external data"),
        (_folder, "no recipe.json"),
        (lambda path: None, "no such model file"),
        (_other_names, "not inputs `x` and outputs `y`"),
        (_one_input, "not inputs `image` and"),
        (_third_input, "`noise`"),
        (_half_precision, "must be float32"),
        (_four_channels, r"must be float32 \(1, 3, H, W\)"),
        (_no_batch, r"must be float32 \(1, 3, H, W\)"),
        (_half_fixed, "both"),
        (_two_sizes, "different sizes"),
        (_bad_multiple, "whole number of at least 1, not 'eight'"),
        (_zero_minimum, "whole number of at least 1, not '0'"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_it(tmp_path, make, says, capfd):
    path = tmp_path / "model.onnx"
    make(path)
    with pytest.raises(InputError, match=says) as caught:
        load(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_the_provider_follows_the_device(tmp_path, rng, monkeypatch):
    path = blur(tmp_path / "blur.onnx")
    image, mask = rng.random((30, 40, 3), dtype=np.float32), hole(30, 40)
    assert (load(path, device="cpu")(image, mask) == load(path)(image, mask)).all()
    with pytest.raises(InputError, match="device cuda: this ONNX Runtime has none; give one of auto, cpu"):
        load(path, device="cuda")
    asked = []
    monkeypatch.setattr(
        "onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    real = onnxruntime.InferenceSession

    def session(*arguments, providers):
        asked.append(providers)
        return real(*arguments, providers=["CPUExecutionProvider"])

    monkeypatch.setattr("onnxruntime.InferenceSession", session)
    for device in ("auto", "cuda", "cpu"):
        load(path, device=device)
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert asked == [both, both[:1], both[1:]]


def test_a_model_has_no_settings(tmp_path):
    blur(tmp_path / "blur.onnx")
    with pytest.raises(InputError, match=r"blur\.onnx: an exported model has no settings, not steps"):
        load(f"{tmp_path / 'blur.onnx'}:steps=3")
