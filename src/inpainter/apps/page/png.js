// Masks as files: written as 1-bit greyscale PNG, read from any picture that the browser shows.
import { PageError } from "./api.js";
import { Bits } from "./bits.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const SHAPE = 0.02; // What a mask that was scaled may differ in its shape: rounding, not another photo.
const BAND = 256; // Rows read at once: a canvas as large as the photo is more than some phones allow.

/** A mask as a PNG file, white where set. */
export async function writePng(bits) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, bits.width);
  header.setUint32(4, bits.height);
  header.setUint8(8, 1); // One bit a sample; greyscale, the only compression and filtering, not interlaced: zeros.
  const rows = new Uint8Array((bits.stride + 1) * bits.height);
  for (let y = 0; y < bits.height; y++) {
    rows.set(bits.data.subarray(y * bits.stride, (y + 1) * bits.stride), y * (bits.stride + 1) + 1);
  }
  const packed = await new Response(new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  const chunks = [chunk("IHDR", new Uint8Array(header.buffer)), chunk("IDAT", new Uint8Array(packed)), chunk("IEND", new Uint8Array())];
  return new Blob([new Uint8Array(SIGNATURE), ...chunks], { type: "image/png" });
}

/** A picture of the given shape as a mask of this size: bright, and not transparent, is set. Returns it, and whether it was scaled. */
export async function readMask(file, width, height) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new PageError(`“${file.name}” is not a picture that this browser can read; save the mask as a PNG.`);
  });
  const scaled = bitmap.width !== width || bitmap.height !== height;
  if (Math.abs((bitmap.width * height) / (bitmap.height * width) - 1) > SHAPE) {
    throw new PageError(`“${file.name}” has ${bitmap.width} × ${bitmap.height} pixels and the photo ${width} × ${height}: a mask has the photo’s shape.`);
  }
  const bits = new Bits(width, height);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = BAND;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += BAND) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, BAND);
    context.drawImage(bitmap, 0, -top, width, height);
    const rows = Math.min(BAND, height - top);
    const samples = context.getImageData(0, 0, width, rows).data;
    for (let y = 0, at = 0; y < rows; y++) {
      for (let x = 0; x < width; x++, at += 4) {
        const luminance = 0.299 * samples[at] + 0.587 * samples[at + 1] + 0.114 * samples[at + 2];
        if (luminance >= 127.5) bits.data[(top + y) * bits.stride + (x >> 3)] |= 0x80 >> (x & 7);
      }
    }
  }
  bitmap.close();
  return { bits, scaled };
}

function chunk(name, data) {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = name.charCodeAt(i);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let i = 0; i < 8; i++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
