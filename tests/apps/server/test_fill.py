"""POST /v1/fill and /v1/preview: what comes back is what the library makes."""

import io
import json

import httpx
import numpy as np
import pytest
from PIL import Image

import inpainter
from conftest import ROOT
from makers import picture
from server_makers import HEIGHT, JPEG, MASK, PHOTO, PNG, WIDTH, Running, decoded, encoded, mask_of

DEEP = encoded(picture(HEIGHT, WIDTH, 1, 16)[..., 0])
TIFF = encoded(PHOTO, "TIFF", compression="tiff_lzw")
WEBP = encoded(PHOTO, "WEBP", lossless=True)


@pytest.mark.parametrize(
    ("photo", "kind"), [(JPEG, "jpeg"), (PNG, "png"), (DEEP, "png"), (TIFF, "tiff"), (WEBP, "webp")]
)
def test_the_reply_is_the_file_that_the_library_makes(service: Running, photo: bytes, kind: str) -> None:
    reply = service.post(image=photo, mask=MASK, options={"method": "telea", "settings": {"radius": 5}, "grow": 2})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == f"image/{kind}"
    assert reply.content == inpainter.fill(photo, MASK, "telea:radius=5", grow=2)


def test_a_seed_and_the_default_method(service: Running) -> None:
    reply = service.post(image=PNG, mask=MASK, options={"seed": 3})
    assert reply.content == inpainter.fill(PNG, MASK, seed=3)


def test_a_page_and_a_quality(service: Running) -> None:
    pages = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    options = {"method": "telea", "page": 2}
    filled = decoded(service.post(image=out.getvalue(), mask=MASK, options=options).content)
    outside = mask_of() == 0
    assert (filled[outside] == 255 - PHOTO[outside]).all()
    lossy = encoded(PHOTO, "WEBP", quality=80)
    sizes = [
        len(service.post(image=lossy, mask=MASK, options={"method": "telea", "encode_quality": quality}).content)
        for quality in (40, 95)
    ]
    assert sizes[0] < sizes[1]
    reply = service.post(image=out.getvalue(), mask=MASK, options={"method": "telea"})
    assert "options.page = 1" in reply.json()["error"]["message"]


def test_a_heic_becomes_a_jpeg(service: Running) -> None:
    photo = next((ROOT / "tests").rglob("*.heic")).read_bytes()
    reply = service.post("/v1/preview", image=("IMG_1.HEIC", photo))
    width, height = (int(reply.headers[f"inpainter-{side}"]) for side in ("width", "height"))
    mask = encoded(mask_of(height, width, (8, 8, 8, 8)))
    reply = service.post(image=("IMG_1.HEIC", photo), mask=mask, options={"method": "telea"})
    assert reply.headers["content-type"] == "image/jpeg"
    assert reply.headers["content-disposition"].endswith('"IMG_1-filled.jpg"')
    assert decoded(reply.content).shape == (height, width, 3)


def test_regions_are_boxes_and_polygons(service: Running) -> None:
    regions = {"boxes": [[4, 6, 10, 8]], "polygons": [[[40, 10], [80, 10], [80, 50]]]}
    filled = decoded(service.post(image=PNG, regions=regions, options={"method": "mean"}).content)
    changed = (filled != PHOTO).any(axis=2)
    assert changed[6:14, 4:14].mean() > 0.9
    assert changed[15, 60]
    assert changed[40, 78]
    assert not changed[45, 45]
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[6:14, 4:14] = True
    wanted[10:51, 40:81] = True
    assert not changed[~wanted].any()


def test_a_painted_copy(service: Running) -> None:
    copy = PHOTO.copy()
    copy[20:40, 30:60] = (255, 0, 0)
    filled = decoded(service.post(image=PNG, painted=encoded(copy), options={"method": "telea"}).content)
    assert (filled[20:40, 30:60] != (255, 0, 0)).any(axis=2).all()
    assert (filled[:18] == PHOTO[:18]).all()


def test_texture_comes_from_where_it_may(service: Running) -> None:
    sides = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    sides[:, : WIDTH // 2], sides[:, WIDTH // 2 :] = (200, 30, 30), (30, 30, 200)
    left = encoded(mask_of(box=(0, 0, WIDTH // 2, HEIGHT)))
    hole = encoded(mask_of(box=(56, 24, 12, 12)))
    parts = {"image": encoded(sides), "mask": hole, "options": {"method": "exemplar"}}
    for name, other in (("source", "avoid"), ("avoid", "source")):
        given = left if name == "source" else encoded(mask_of(box=(WIDTH // 2, 0, WIDTH // 2, HEIGHT)))
        restricted = service.post(**parts, **{name: given})
        assert restricted.content == inpainter.fill(parts["image"], hole, "exemplar", **{name: given}), other


def test_notes_come_in_a_header(service: Running) -> None:
    palette = Image.fromarray(PHOTO).quantize(16)
    out = io.BytesIO()
    palette.save(out, "PNG")
    reply = service.post(image=out.getvalue(), mask=MASK, options={"method": "telea"})
    assert any("palette" in note for note in json.loads(reply.headers["inpainter-notes"]))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Ferien.JPG", ("Ferien-filled.jpg", "Ferien-filled.jpg")),
        ("Straße 1.jpeg", ("Stra%C3%9Fe%201-filled.jpg", "Stra_e 1-filled.jpg")),
        ("../../etc/passwd", ("passwd-filled.jpg", "passwd-filled.jpg")),
        ("C:\\Users\\me\\a.b.jpg", ("a.b-filled.jpg", "a.b-filled.jpg")),
        ("a; x=b%.jpg", ("a%3B%20x%3Db%25-filled.jpg", "a; x=b_-filled.jpg")),
        ("..", ("photo-filled.jpg", "photo-filled.jpg")),
        ("x" * 500 + ".jpg", ("x" * 120 + "-filled.jpg",) * 2),
    ],
)
def test_the_name_of_the_result(service: Running, name: str, wanted: tuple[str, str]) -> None:
    reply = service.post(image=(name, JPEG), mask=MASK, options={"method": "telea"})
    whole, plain = wanted
    assert reply.headers["content-disposition"] == f"attachment; filename*=utf-8''{whole}; filename=\"{plain}\""


def test_nothing_is_kept_of_a_fill(service: Running) -> None:
    before = sorted(service.folder.iterdir())
    service.post(image=PNG, mask=MASK, options={"method": "telea"})
    service.post(image=PNG, mask=MASK, options={"method": "nothing"})
    service.post("/v1/preview", image=PNG)
    assert sorted(service.folder.iterdir()) == before


def test_a_preview_is_upright_and_small(service: Running) -> None:
    photo = np.zeros((1500, 3000, 3), np.uint8)
    photo[:, :1500] = (200, 30, 30)
    exif = Image.Exif()
    exif[0x0112] = 6
    reply = service.post("/v1/preview", image=encoded(photo, "TIFF", exif=exif))
    assert reply.headers["content-type"] == "image/jpeg"
    assert (reply.headers["inpainter-width"], reply.headers["inpainter-height"]) == ("1500", "3000")
    shown = decoded(reply.content)
    assert shown.shape == (2048, 1024, 3)
    # Orientation 6: what is left in the file is on top.
    assert np.abs(shown[100, 500].astype(int) - (200, 30, 30)).max() < 12
    assert shown[1900, 500].max() < 12


def test_methods_say_what_can_be_set(service: Running) -> None:
    methods = {one["name"]: one for one in service.client.get("/v1/methods").json()["methods"]}
    assert list(methods) == list(inpainter.list_methods())
    assert methods["telea"]["settings"]["properties"]["radius"]["type"] == "integer"
    quality = methods["auto"]["settings"]["properties"]["quality"]
    assert quality["enum"] == ["fast", "balanced", "best"]
    assert quality["default"] == "balanced"
    assert methods["auto"]["ready"]
    assert methods["auto"]["draws"]
    assert not methods["telea"]["draws"]
    # Their values name files or other methods' weights.
    assert not {"content", "texture"} & set(methods["patch-synthesis"]["settings"]["properties"])


def test_it_says_that_it_is_there(service: Running) -> None:
    reply: httpx.Response = service.client.get("/v1/health")
    assert reply.json() == {"status": "ok", "version": inpainter.__version__, "workers": 2, "waiting": 0}
