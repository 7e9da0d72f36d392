"""XMP packets: leaving out those that hold or list pictures, and what they say of the orientation."""

import re

# A packet that holds a picture, or describes pictures that no longer follow, goes whole: cutting into it would break
# the digests and lists that depend on what is cut. Namespace and names of the properties that say so.
_PICTURES = (
    ("motion photo", rb"http://ns\.google\.com/photos/1\.0/camera/", rb"(?:MotionPhoto|MicroVideo)\w*"),
    ("gain map of an Ultra-HDR photo", rb"http://ns\.(?:adobe\.com/hdr-gain-map|apple\.com/HDRGainMap)/\S*", rb"\w+"),
    ("list of further pictures", rb"http://ns\.google\.com/photos/(?:dd/)?1\.0/container/", rb"Directory"),
    ("depth map", rb"http://ns\.google\.com/photos/(?:dd/)?1\.0/depthmap/", rb"\w+"),
    ("second picture", rb"http://ns\.google\.com/photos/(?:dd/)?1\.0/image/", rb"\w+"),
    ("thumbnail", rb"http://ns\.adobe\.com/xap/1\.0/g/img/", rb"image"),
    ("thumbnail", rb"http://ns\.adobe\.com/xap/1\.0/", rb"Thumbnails"),
)
_NAMESPACE = re.compile(rb"\sxmlns:([\w.-]+)\s*=\s*[\"']([^\"']*)")
_BASE64_PICTURE = re.compile(rb"(?:/9j/[4+]|iVBORw0KGgo)(?:[A-Za-z0-9+/=\s]|&#(?:10|13|x0?[aAdD]);){97,}")
_ORIENTATION = re.compile(rb"([<\s][\w.-]+:Orientation(?:>|\s*=\s*[\"'])\s*)[2-8](?=\s*[<\"'])")


def strip_xmp(xmp: bytes) -> tuple[bytes, list[str]]:
    """An XMP packet as it is, or none when it holds or lists pictures, and what was dropped."""
    text = xmp.replace(b"\0", b"")  # UTF-16 becomes readable
    found = [
        what
        for prefix, space in _NAMESPACE.findall(text)
        for what, wanted, name in _PICTURES
        if re.fullmatch(wanted, space) and re.search(rb"<%b:%b[\s/>]|\s%b:%b\s*=" % (2 * (prefix, name)), text)
    ]
    if not found and _BASE64_PICTURE.search(text):
        found = ["picture"]
    if b"<!ENTITY" in text:
        found = ["text that cannot be searched"]  # an entity can hide anything
    return (b"", [f"XMP ({', '.join(dict.fromkeys(found))})"]) if found else (xmp, [])


def upright_xmp(xmp: bytes) -> bytes:
    """An XMP packet that says, where it says anything of it, that the samples need no turning."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp)
