"""What the header of a VP8 key frame, the lossy kind of WebP, says about its quality.

Source throughout: RFC 6386, "VP8 Data Format and Decoding Guide"; the sections are named at each function.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Vp8Quantiser:
    """The quantiser of a key frame."""

    indices: tuple[int, ...]
    """y_ac_qi of each segment, 0 (finest) to 127 (coarsest); one when the frame has no segments."""
    shares: tuple[float, ...]
    """Which share of the frame's macroblocks lies in each segment; they sum to 1."""


class _BoolDecoder:
    """Section 7.3; the whole header is a few dozen bytes, so it works on one large number."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 2:
            raise ValueError("the VP8 header ends too early")
        self._data, self._at = data, 2
        self._value = int.from_bytes(data[:2], "big")
        self._range, self._shifts = 255, 0

    def flag(self, probability: int = 128) -> int:
        """Decode one bool; `probability` is that of 0, in 256ths."""
        split = 1 + (((self._range - 1) * probability) >> 8)
        answer = int(self._value >= split << 8)
        if answer:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._value <<= 1
            self._range <<= 1
            self._shifts += 1
            if self._shifts == 8:
                self._shifts = 0
                if self._at >= len(self._data):
                    raise ValueError("the VP8 header ends too early")
                self._value |= self._data[self._at]
                self._at += 1
        return answer

    def literal(self, bits: int) -> int:
        value = 0
        for _ in range(bits):
            value = value << 1 | self.flag()
        return value

    def optional(self, bits: int) -> int:
        """A signed number behind a flag, or 0."""
        if not self.flag():
            return 0
        value = self.literal(bits)
        return -value if self.flag() else value


def vp8_quantiser(frame: bytes) -> Vp8Quantiser:
    """Read the quantiser of the key frame `frame`, of which the first few hundred bytes are enough.

    Raises ValueError when it is damaged or no key frame.
    """
    # Section 9.1: the lowest bit of the tag is 0 for a key frame; three bytes of tag, the start code, and two sizes.
    if len(frame) < 10 or frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
        raise ValueError("there is no VP8 key frame")
    bits = _BoolDecoder(frame[10:])
    bits.literal(2)  # color_space, clamping_type
    absolute, updates, shares = _segmentation(bits)
    bits.literal(1 + 6 + 3)  # filter_type, loop_filter_level, sharpness_level
    if bits.flag() and bits.flag():  # loop_filter_adj_enable, mode_ref_lf_delta_update; section 9.6
        for _ in range(8):
            bits.optional(6)
    bits.literal(2)  # log2_nbr_of_dct_partitions
    base = bits.literal(7)  # y_ac_qi, section 9.6
    # In a key frame a segment's number replaces the frame's, or is added to it (section 9.3).
    indices = updates if absolute else [base + update for update in updates]
    return Vp8Quantiser(tuple(min(max(index, 0), 127) for index in indices), tuple(shares))


def _segmentation(bits: _BoolDecoder) -> tuple[bool, list[int], list[float]]:
    """Sections 9.3 and 19.2: whether the quantisers are absolute, those of the segments, and their shares."""
    if not bits.flag():  # segmentation_enabled
        return False, [0], [1.0]
    mapped, valued = bits.flag(), bits.flag()
    absolute, updates = False, [0, 0, 0, 0]
    if valued:
        absolute = bool(bits.flag())
        updates = [bits.optional(7) for _ in range(4)]
        for _ in range(4):
            bits.optional(6)  # lf_update
    # Section 10: the tree's probabilities of 0 are, for a good encoder, the shares of its branches.
    first, low, high = (
        ((bits.literal(8) if bits.flag() else 255) / 255 for _ in range(3)) if mapped else (1.0, 1.0, 1.0)
    )
    return absolute, updates, [first * low, first * (1 - low), (1 - first) * high, (1 - first) * (1 - high)]
