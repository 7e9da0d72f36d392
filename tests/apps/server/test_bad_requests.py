"""What clients get wrong, and what hostile ones send: one clear error, nothing learned, the service as it was."""

import io
import json
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from server_makers import HEIGHT, JPEG, MASK, PHOTO, PNG, WIDTH, Running, encoded, form, mask_of

TELEA = {"method": "telea"}
ALL = encoded(np.full((HEIGHT, WIDTH), 255, np.uint8))
BOX = {"boxes": [[4, 4, 8, 8]]}


def refused(service: Running, status: int, path: str = "/v1/fill", **parts: Any) -> str:
    """Check that a form is refused with this status, in one line that shows nothing of the inside; return it."""
    reply = service.post(path, **parts)
    assert reply.status_code == status, reply.text
    error = reply.json()["error"]
    assert set(error) == {"code", "message", "what", "remedy"}
    message = error["message"]
    assert message.startswith(error["what"])
    assert error["remedy"]
    for inside in (str(service.folder), "/tmp", "Traceback", "inpainter/", "site-packages", "\n"):
        assert inside not in message
    assert service.client.get("/v1/health").json()["waiting"] == 0
    return message


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({}, "is not multipart/form-data"),
        ({"mask": MASK}, "has no photo"),
        ({"image": PNG}, "nothing is given to say where"),
        ({"image": PNG, "mask": MASK, "regions": BOX}, "mask and regions are given"),
        ({"image": "no file", "mask": MASK}, "is a text; send it as a file"),
        ({"image": PNG, "mask": MASK, "other": MASK}, "has a part 'other'"),
        ({"image": PNG, "mask": MASK, "options": b"{}"}, "options: is a file"),
        ({"image": PNG, "mask": MASK, "options": []}, "is not a JSON object"),
        ({"image": PNG, "mask": MASK, "options": {"radius": 3}}, "options: has 'radius'"),
        ({"image": PNG, "mask": MASK, "options": {"candidates": 2}}, "options: has 'candidates'"),
        ({"image": PNG, "mask": MASK, "options": {"seed": "1"}}, "give a whole number"),
        ({"image": PNG, "mask": MASK, "options": {"seed": 1.5}}, "give a whole number"),
        ({"image": PNG, "mask": MASK, "options": {"seed": True}}, "give a whole number"),
        ({"image": PNG, "mask": MASK, "options": {"seed": -1}}, "give 0 to"),
        ({"image": PNG, "mask": MASK, "options": {"grow": 10**30}}, "give 0 to"),
        ({"image": PNG, "mask": MASK, "options": {"settings": []}}, "give an object"),
        ({"image": PNG, "mask": MASK, "options": {"settings": {"radius": [1]}}}, "give a single value"),
        ({"image": PNG, "mask": MASK, "options": TELEA | {"settings": {"radius": "x"}}}, "give a whole number"),
        ({"image": PNG, "mask": MASK, "options": TELEA | {"settings": {"device": "cpu"}}}, "no setting 'device'"),
        ({"image": PNG, "mask": MASK, "options": TELEA | {"settings": {"name_or_path": "x"}}}, "no setting"),
        ({"image": PNG, "mask": MASK, "options": {"method": "mean", "settings": {"a": 1}}}, "it has none"),
        ({"image": PNG, "mask": MASK, "options": {"mask_colour": "nocolour"}}, "colour"),
        ({"image": PNG, "regions": {}}, "not empty"),
        ({"image": PNG, "regions": {"circles": []}}, "has 'circles'"),
        ({"image": PNG, "regions": {"boxes": 5}}, "as lists"),
        ({"image": PNG, "regions": {"boxes": [[1, 2, 3]]}}, "x, y, width, height"),
        ({"image": PNG, "regions": {"boxes": [[1, 2, 3.5, 4]]}}, "whole numbers"),
        ({"image": PNG, "regions": {"boxes": [[1, 2, 0, 4]]}}, "above 0"),
        ({"image": PNG, "regions": {"boxes": [[900, 2, 5, 4]]}}, "outside"),
        ({"image": PNG, "regions": {"boxes": [[1, 1, 1, 1]] * 65}}, "at most 64"),
        ({"image": PNG, "regions": {"polygons": [[[1, 2], [3, 4]]]}}, "three or more"),
        ({"image": PNG, "regions": {"polygons": [[[1, 2], [3, 4], [1e300, 2]]]}}, "corners"),
        ({"image": PNG, "regions": {"polygons": [[[1, 2], [3, 4], [5, True]]]}}, "corners"),
        ({"image": PNG, "regions": {"polygons": [[[-9, -9], [-5, -9], [-5, -5]]]}}, "outside"),
        ({"image": PNG, "regions": {"polygons": [[[1, 2]] * 5000]}}, "4096 corners"),
        ({"image": PNG, "mask": encoded(mask_of(10, 10))}, "10×10"),
        ({"image": PNG, "mask": PNG}, "looks like a photo"),
        ({"image": PNG, "mask": ALL, "options": TELEA}, "covers the whole"),
        ({"image": PNG, "mask": MASK, "source": MASK, "options": TELEA}, "cannot be restricted"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(service: Running, parts: dict[str, Any], says: str) -> None:
    assert says in refused(service, 400, **parts)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"seed": NaN}', '{"grow": 1' + "0" * 5000 + "}", "\udcff"])
def test_options_that_are_no_json(service: Running, text: str) -> None:
    files, _ = form(image=PNG, mask=MASK)
    data = {"options": text.encode("utf-8", "surrogateescape")}
    reply = service.client.post("/v1/fill", files=files, data=data)  # pyright: ignore[reportArgumentType]
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid"


@pytest.mark.parametrize("method", ["nothing", "telea:radius=3", "/etc/passwd", "../weights", "a.onnx", "", "TELEA"])
def test_no_client_names_a_file_or_weights(service: Running, method: str) -> None:
    message = refused(service, 404, image=PNG, mask=MASK, options={"method": method})
    assert "there is none" in message


@pytest.mark.parametrize(("setting", "value"), [("content", "/etc"), ("texture", "weights/x"), ("content", "telea")])
def test_no_setting_names_a_file(service: Running, setting: str, value: str) -> None:
    options = {"method": "patch-synthesis", "settings": {setting: value}}
    assert "no setting" in refused(service, 400, image=PNG, mask=MASK, options=options)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says to be this large, and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("size", "says"),
    [((8000, 7000), "megapixels, over the limit of 50; scale"), ((16_001, 300), "16000 pixels"),
     ((10_100, 100), "100 times"), ((30, 9000), "100 times"), ((2**31 - 1, 2**31 - 1), "limit")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/fill", "/v1/preview"])
def test_a_photo_over_the_limits(service: Running, path: str, size: tuple[int, int], says: str) -> None:
    parts = {"image": png_of(*size)} | ({"regions": BOX} if path == "/v1/fill" else {})
    reply = service.post(path, **parts)
    assert reply.status_code in (413, 400)
    if size[0] < 2**31 - 1:
        assert says in reply.json()["error"]["message"]
        assert reply.status_code == 413


def animation(kind: str) -> bytes:
    """Two pictures in one file."""
    frames = [Image.fromarray(PHOTO), Image.fromarray(255 - PHOTO)]
    out = io.BytesIO()
    frames[0].save(out, kind, save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (b"", "empty"),
        (b"\0" * 1000, "no picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        (b"GIF89a" + bytes(100), "GIF"),
        (b"%PDF-1.7" + bytes(100), "PDF"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (animation("PNG"), "several pictures"),
        (animation("WEBP"), "several pictures"),
        (animation("TIFF"), "several pictures"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/fill", "/v1/preview"])
def test_a_file_that_is_no_photo(service: Running, path: str, image: bytes, says: str) -> None:
    parts = {"image": image} | ({"regions": BOX} if path == "/v1/fill" else {})
    assert says.lower() in refused(service, 415, path, **parts).lower()


@pytest.mark.parametrize("part", ["mask", "painted", "source"])
def test_a_mask_over_the_limits(service: Running, part: str) -> None:
    parts = {"image": PNG, part: png_of(9000, 9000)} | (
        {} if part == "painted" else {"mask": MASK} | {part: png_of(9000, 9000)}
    )
    message = refused(service, 413, **parts)
    assert message.endswith("is 81 megapixels, over the limit of 50; scale it down")


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"image": JPEG[:600], "mask": MASK}, "the photo: damaged or cut short; get a whole copy of it"),
        ({"image": PNG, "mask": MASK[:60]}, "the mask: "),
        ({"image": PNG, "painted": encoded(PHOTO[:9])}, "but the photo is 96×72"),
    ],
)
def test_messages_are_in_words_that_clients_know(service: Running, parts: dict[str, Any], says: str) -> None:
    message = refused(service, 400, **parts)
    assert says in message
    assert not re.search(r"\w\.(jpg|png)|vips", message, re.IGNORECASE)


@pytest.mark.parametrize("whole", [JPEG, PNG, encoded(PHOTO, "TIFF"), encoded(PHOTO, "WEBP", lossless=True)])
def test_a_file_that_is_cut_short(service: Running, whole: bytes) -> None:
    for share in (0.1, 0.5, 0.9):
        reply = service.post(image=whole[: int(len(whole) * share)], regions=BOX, options=TELEA)
        assert reply.status_code in (400, 415), reply.text
        assert str(service.folder) not in reply.text


def test_a_file_behind_which_more_hides(service: Running) -> None:
    reply = service.post(image=JPEG + b"<script>" * 100, mask=MASK, options=TELEA)
    assert reply.status_code == 200
    assert b"<script>" not in reply.content


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({"Content-Type": "application/json"}, b"{}"),
        ({"Content-Type": "multipart/form-data"}, b"--x--"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"nothing of the kind"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\n\r\n--x--"),
        ({"Content-Type": "multipart/form-data; boundary=" + "x" * 300}, b"--x\r\n"),
        *(
            (
                {"Content-Type": f"multipart/form-data; charset={charset}; boundary=x"},
                b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--x--\r\n',
            )
            for charset in ("undefined", "base64", "idna", "utf-32", "nonsense")
        ),
        ({}, b""),
    ],
)
def test_a_request_that_is_no_form(service: Running, headers: dict[str, str], content: bytes) -> None:
    reply = service.client.post("/v1/fill", headers=headers, content=content)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "invalid"


def test_parts_that_come_twice(service: Running) -> None:
    files = [("image", ("a.png", PNG)), ("image", ("b.png", PNG)), ("mask", ("m.png", MASK))]
    reply = service.client.post("/v1/fill", files=files)
    assert "several parts image" in reply.json()["error"]["message"]


def test_too_many_parts(service: Running) -> None:
    for files in ([("image", ("a.png", PNG))] * 100, [(f"x{i}", (None, b"1")) for i in range(100)]):
        assert service.client.post("/v1/fill", files=files).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["/page/../cli.py", "/page/%2e%2e/cli.py", "/page/..%2fcli.py", "/page//etc/passwd", "/page/%2fetc%2fpasswd",
     "/page/", "/page/__init__.py", "/v1", "/v1/jobs/../../etc", "/v1/jobs/%00", "/v1/jobs/x/results/-1",
     "/v1/jobs/x/results/99999999999999999999999"],
)  # fmt: skip
def test_an_address_where_nothing_is(service: Running, path: str) -> None:
    # As it stands: a client would shorten it.
    request = service.client.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    reply = service.client.send(request)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not-found"


def test_an_address_that_does_not_take_this(service: Running) -> None:
    for method, path in (("GET", "/v1/fill"), ("PUT", "/v1/jobs"), ("POST", "/"), ("DELETE", "/v1/methods")):
        reply = service.client.request(method, path)
        assert reply.status_code == 405
        assert json.loads(reply.content)["error"]["code"] == "invalid"
        assert reply.headers["allow"]


def test_a_last_event_that_never_was(service: Running) -> None:
    job = service.job(image=PNG, mask=MASK, options=TELEA)
    service.until(job, "done")
    for last in ("999", "-1", "x", "9" * 50, "²"):
        reply = service.client.get(f"{job}/events", headers={"Last-Event-ID": last.encode()})  # pyright: ignore
        assert "event: done" in reply.text
