"""What the service accepts."""

from typing import NamedTuple


class Limits(NamedTuple):
    """Limits of one request and of all together."""

    body: int = 64 * 2**20
    """Bytes of a request."""
    upload: float = 120
    """Seconds until all of it has come."""
    megapixels: float = 50
    """Of a photo, by its header, before it is decoded."""
    side: int = 16_000
    """Pixels of its longer side."""
    aspect: int = 100
    """How many times the shorter side the longer one may be."""
    regions: int = 64
    """Boxes and polygons."""
    points: int = 4096
    """Corners of all polygons."""
    preview: int = 2048
    """Pixels of the longer side of a preview."""
    waiting: int = 16
    """Fills that wait for a worker."""
    kept: int = 64
    """Jobs that are remembered."""
    kept_bytes: int = 2 * 2**30
    """Of the results that are kept."""
    fill: float = 900
    """Seconds of one fill."""
    cancel: float = 2
    """Seconds that a worker has to stop by itself."""
    unheard: float = 60
    """Seconds after which a job that nobody listens to is cancelled."""
    keep: float = 900
    """Seconds that results are kept."""


LIMITS = Limits()
