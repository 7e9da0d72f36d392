"""WebP blocks keep their bytes, and the extended header says what is there."""

import pytest

from inpainter.photos.previews import find_jpegs
from inpainter.photos.webp_chunks import splice_webp
from photos.metadata_blocks import exif, jpeg, tags_of
from photos.metadata_files import ICC, PLAIN_XMP, fields, picture, riff, riff_chunks, same_samples, saved, spliced


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_webp_blocks_keep_their_bytes(lossless: bool, mode: str) -> None:
    image = picture(mode, (41, 33))
    if mode == "RGBA":
        image.putpixel((3, 3), (1, 2, 3, 77))
    source = saved(image, "WEBP", lossless=lossless, exif=exif("<", thumbnail=jpeg()), xmp=PLAIN_XMP, icc_profile=ICC)
    source = riff(*riff_chunks(source), (b"C2PA", b"odd"))
    encoded = saved(image, "WEBP", lossless=lossless, quality=50, xmp=b"the encoder's own")
    output, dropped = spliced(splice_webp, source, encoded)
    found = dict(riff_chunks(output))
    assert dropped == ["WebP chunk 'C2PA'", "EXIF thumbnail"]
    assert (found[b"ICCP"], found[b"XMP "]) == (ICC, PLAIN_XMP)
    assert tags_of(found[b"EXIF"]) == tags_of(exif("<"))
    assert not list(find_jpegs(output))
    assert found[b"VP8X"] == dict(riff_chunks(saved(image, "WEBP", exif=b"a", xmp=b"b", icc_profile=ICC)))[b"VP8X"]
    assert same_samples(output, encoded)
    assert fields(output)["xmp-data"] == PLAIN_XMP


def test_webp_without_metadata_stays_simple() -> None:
    encoded = saved(picture(), "WEBP", exif=exif("<"))
    output, dropped = spliced(splice_webp, saved(picture(), "WEBP"), encoded)
    assert [name for name, _ in riff_chunks(output)] == [b"VP8 "]
    assert dropped == []
    assert same_samples(output, encoded)
