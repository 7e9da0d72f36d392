"""What the headers of an AV1 still picture say about its quality.

Source throughout: AV1 Bitstream & Decoding Process Specification (Alliance for Open Media, version 1.0.0 with errata
1); the sections are named at each function, and names of fields are the specification's.
"""

from dataclasses import dataclass, field

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6  # obu_type, section 6.2.2
_KEY_FRAME, _INTRA_ONLY_FRAME, _SWITCH_FRAME = 0, 2, 3  # frame_type, section 6.8.2
_SELECT = 2  # SELECT_SCREEN_CONTENT_TOOLS and SELECT_INTEGER_MV, section 3


@dataclass(frozen=True)
class Av1Quantiser:
    """The quantiser of a frame."""

    base_q_idx: int
    """0 (finest) to 255 (coarsest)."""
    lossless: bool
    """Whether every coefficient is kept: CodedLossless of section 5.9.2."""


@dataclass
class _Sequence:
    """The fields of a sequence header that its frame headers lean on."""

    reduced: bool = False
    equal_picture_interval: bool = False
    decoder_model: bool = False
    buffer_removal_bits: int = 0
    presentation_bits: int = 0
    operating_points: list[tuple[int, bool]] = field(default_factory=list)
    width_bits: int = 0
    height_bits: int = 0
    width: int = 0
    height: int = 0
    frame_id_bits: int = 0
    superblock_128: bool = False
    screen_content_tools: int = _SELECT
    integer_mv: int = _SELECT
    order_hint_bits: int = 0
    superres: bool = False
    monochrome: bool = False
    separate_uv_delta_q: bool = False


class _Bits:
    """Reads the specification's descriptors (section 4.10) from bytes, most significant bit first.

    Raises ValueError past the end.
    """

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def f(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("an AV1 header ends too early")
        return (self._value >> self._left) & ((1 << count) - 1)

    def uvlc(self) -> int:
        zeros = 0
        while not self.f(1):
            zeros += 1
        return (1 << 32) - 1 if zeros >= 32 else self.f(zeros) + (1 << zeros) - 1

    def ns(self, count: int) -> int:
        width = count.bit_length()
        short = (1 << width) - count
        value = self.f(width - 1)
        return value if value < short else (value << 1) - short + self.f(1)

    def delta_q(self) -> int:
        """Section 5.9.13: a signed seven-bit number behind a flag, or 0."""
        if not self.f(1):
            return 0
        value = self.f(7)
        return value - 128 if value & 64 else value


def av1_quantiser(data: bytes) -> Av1Quantiser:
    """Read the quantiser of the first frame among the OBUs in `data`.

    `data` holds OBUs one after another (low-overhead format, section 5.2) from a sequence header on; of the frame only
    its header is needed. Raises ValueError when they are damaged or hold no frame that stands for itself.
    """
    sequence = None
    at = 0
    while at < len(data):
        # obu_header, section 5.3.2
        kind, extended, sized = data[at] >> 3 & 15, data[at] >> 2 & 1, data[at] >> 1 & 1
        layer = data[at + 1] if extended and at + 1 < len(data) else 0
        at += 1 + extended
        size = len(data) - at
        if sized:
            size, at = _leb128(data, at)
        # A header is far shorter than this, even with 64 × 64 tiles.
        payload = data[at : at + min(size, 1024)]
        if kind == _SEQUENCE_HEADER:
            sequence = _sequence_header(_Bits(payload))
        elif kind in (_FRAME, _FRAME_HEADER):
            if sequence is None:
                raise ValueError("an AV1 frame comes before its sequence header")
            return _frame_header(_Bits(payload), sequence, layer)
        at += size
    raise ValueError("there is no AV1 frame")


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Section 4.10.5: the value, and where the bytes behind it begin."""
    value = 0
    for i in range(8):
        if at + i >= len(data):
            break
        value |= (data[at + i] & 127) << (7 * i)
        if not data[at + i] & 128:
            return value, at + i + 1
    raise ValueError("the size of an AV1 unit is damaged")


def _sequence_header(bits: _Bits) -> _Sequence:
    """Section 5.5.1."""
    s = _Sequence()
    profile = bits.f(3)
    bits.f(1)  # still_picture
    s.reduced = bool(bits.f(1))
    if s.reduced:
        bits.f(5)  # seq_level_idx
    else:
        _operating_points(bits, s)
    s.width_bits, s.height_bits = bits.f(4) + 1, bits.f(4) + 1
    s.width, s.height = bits.f(s.width_bits) + 1, bits.f(s.height_bits) + 1
    if not s.reduced and bits.f(1):
        s.frame_id_bits = bits.f(4) + bits.f(3) + 3
    s.superblock_128 = bool(bits.f(1))
    bits.f(2)  # enable_filter_intra, enable_intra_edge_filter
    if not s.reduced:
        bits.f(4)  # enable_interintra_compound, _masked_compound, _warped_motion, _dual_filter
        order_hint = bits.f(1)
        if order_hint:
            bits.f(2)  # enable_jnt_comp, enable_ref_frame_mvs
        s.screen_content_tools = _SELECT if bits.f(1) else bits.f(1)
        if s.screen_content_tools:
            s.integer_mv = _SELECT if bits.f(1) else bits.f(1)
        if order_hint:
            s.order_hint_bits = bits.f(3) + 1
    s.superres = bool(bits.f(1))
    bits.f(2)  # enable_cdef, enable_restoration
    _color_config(bits, s, profile)
    return s


def _operating_points(bits: _Bits, s: _Sequence) -> None:
    """The middle of section 5.5.1, with 5.5.3 to 5.5.5."""
    delay_bits = 0
    if bits.f(1):  # timing_info_present_flag
        bits.f(64)
        s.equal_picture_interval = bool(bits.f(1))
        if s.equal_picture_interval:
            bits.uvlc()
        s.decoder_model = bool(bits.f(1))
        if s.decoder_model:
            delay_bits = bits.f(5) + 1
            bits.f(32)
            s.buffer_removal_bits, s.presentation_bits = bits.f(5) + 1, bits.f(5) + 1
    display_delay = bits.f(1)
    for _ in range(bits.f(5) + 1):
        idc = bits.f(12)
        if bits.f(5) > 7:  # seq_level_idx
            bits.f(1)  # seq_tier
        modelled = bool(s.decoder_model and bits.f(1))
        if modelled:
            bits.f(2 * delay_bits + 1)
        if display_delay and bits.f(1):
            bits.f(4)
        s.operating_points.append((idc, modelled))


def _color_config(bits: _Bits, s: _Sequence, profile: int) -> None:
    """Section 5.5.2."""
    high = bits.f(1)
    twelve = profile == 2 and high and bits.f(1)
    s.monochrome = bool(profile != 1 and bits.f(1))
    described = tuple(bits.f(8) for _ in range(3)) if bits.f(1) else (2, 2, 2)
    if s.monochrome:
        return
    if described != (1, 13, 0):  # BT.709, sRGB, identity: always full range and 4:4:4
        bits.f(1)  # color_range
        across, down = {0: (1, 1), 1: (0, 0)}.get(profile, (1, 0))
        if twelve:
            across = bits.f(1)
            down = across and bits.f(1)
        if across and down:
            bits.f(2)  # chroma_sample_position
    s.separate_uv_delta_q = bool(bits.f(1))


def _frame_header(bits: _Bits, s: _Sequence, layer: int) -> Av1Quantiser:
    """Section 5.9.2, as far as the quantiser, for frames that lean on no other frame.

    `layer` is the byte of obu_extension_header, 0 where there is none.
    """
    kind, shown, resilient = _KEY_FRAME, True, True
    if not s.reduced:
        if bits.f(1):
            raise ValueError("the first AV1 frame only repeats another")
        kind, shown = bits.f(2), bool(bits.f(1))
        if kind not in (_KEY_FRAME, _INTRA_ONLY_FRAME):
            raise ValueError("the first AV1 frame leans on another")
        if shown and s.decoder_model and not s.equal_picture_interval:
            bits.f(s.presentation_bits)
        if not shown:
            bits.f(1)  # showable_frame
        resilient = (kind == _KEY_FRAME and shown) or bool(bits.f(1))
    still_cdf = bits.f(1)  # disable_cdf_update
    screen = bits.f(1) if s.screen_content_tools == _SELECT else s.screen_content_tools
    if screen and s.integer_mv == _SELECT:
        bits.f(1)  # force_integer_mv
    bits.f(s.frame_id_bits)
    override = 0 if s.reduced else bits.f(1)
    bits.f(s.order_hint_bits)
    if s.decoder_model and bits.f(1):
        temporal, spatial = layer >> 5, layer >> 3 & 3
        for idc, modelled in s.operating_points:
            if modelled and (not idc or (idc >> temporal & 1 and idc >> (spatial + 8) & 1)):
                bits.f(s.buffer_removal_bits)
    refresh = 255 if kind == _KEY_FRAME and shown else bits.f(8)
    if refresh != 255 and resilient:
        bits.f(8 * s.order_hint_bits)
    width, height, scaled = _frame_size(bits, s, override)
    if screen and not scaled:
        bits.f(1)  # allow_intrabc
    if not s.reduced and not still_cdf:
        bits.f(1)  # disable_frame_end_update_cdf
    _tile_info(bits, s.superblock_128, width, height)
    return _quantization_params(bits, s)


def _frame_size(bits: _Bits, s: _Sequence, override: int) -> tuple[int, int, bool]:
    """Sections 5.9.5, 5.9.6 and 5.9.8: width and height as coded, and whether the width is scaled up."""
    width, height = s.width, s.height
    if override:
        width, height = bits.f(s.width_bits) + 1, bits.f(s.height_bits) + 1
    scaled = bool(s.superres and bits.f(1))
    if scaled:
        denominator = bits.f(3) + 9
        width = (width * 8 + denominator // 2) // denominator
    if bits.f(1):  # render_and_frame_size_different
        bits.f(32)
    return width, height, scaled


def _tile_info(bits: _Bits, superblock_128: bool, width: int, height: int) -> None:
    """Section 5.9.15."""
    shift = 7 if superblock_128 else 6
    columns, rows = -(-width >> shift), -(-height >> shift)
    widest, largest = 4096 >> shift, (4096 * 2304) >> (2 * shift)
    least_columns = _tile_log2(widest, columns)
    least = max(least_columns, _tile_log2(largest, rows * columns))
    if bits.f(1):  # uniform_tile_spacing_flag
        columns_log2 = _increments(bits, least_columns, _tile_log2(1, min(columns, 64)))
        rows_log2 = _increments(bits, max(least - columns_log2, 0), _tile_log2(1, min(rows, 64)))
    else:
        sizes = _tile_sizes(bits, columns, widest)
        area = rows * columns >> (least + 1 if least else 0)
        columns_log2 = _tile_log2(1, len(sizes))
        rows_log2 = _tile_log2(1, len(_tile_sizes(bits, rows, max(area // max(sizes), 1))))
    if columns_log2 or rows_log2:
        bits.f(columns_log2 + rows_log2 + 2)  # context_update_tile_id, tile_size_bytes_minus_1


def _tile_log2(unit: int, target: int) -> int:
    """Section 5.9.16: the smallest k with unit · 2^k ≥ target."""
    k = 0
    while unit << k < target:
        k += 1
    return k


def _increments(bits: _Bits, least: int, most: int) -> int:
    while least < most and bits.f(1):
        least += 1
    return least


def _tile_sizes(bits: _Bits, total: int, largest: int) -> list[int]:
    sizes: list[int] = []
    while (left := total - sum(sizes)) > 0:
        sizes.append(bits.ns(min(left, largest)) + 1)
    return sizes


def _quantization_params(bits: _Bits, s: _Sequence) -> Av1Quantiser:
    """Section 5.9.12, and the first flag of 5.9.14: without segments one index holds for the whole frame."""
    base = bits.f(8)
    deltas = [bits.delta_q()]
    if not s.monochrome:
        apart = s.separate_uv_delta_q and bits.f(1)
        deltas += [bits.delta_q() for _ in range(4 if apart else 2)]
    if bits.f(1):  # using_qmatrix
        bits.f(12 if s.separate_uv_delta_q else 8)
    segmented = bits.f(1)
    return Av1Quantiser(base, base == 0 and not any(deltas) and not segmented)
