// A photo as the browser shows it. The file itself is what is sent; what is decoded here is for the eye only.
import { PageError, preview } from "./api.js";

const MOST_BYTES = 64e6;
const MOST_PIXELS = 50e6;
const SMALLEST_LEVEL = 512;
const WANTED = "Use a JPEG, PNG, WebP, TIFF or AVIF photo.";

/** Read a file: `{ file, name, width, height, levels }`, or a PageError that says why not. */
export async function readPhoto(file) {
  const name = file.name || "photo";
  if (!file.size) throw new PageError(`“${name}” is empty.`);
  if (file.size > MOST_BYTES) {
    throw new PageError(`“${name}” has ${Math.ceil(file.size / 1e6)} MB; at most 64 MB can be filled here. Save it smaller, or use the command line: inpainter fill.`);
  }
  const kind = await kindOf(file);
  if (!kind) throw new PageError(`“${name}” is not a photo that can be filled. ${WANTED}`);
  const shown = await show(file);
  if (shown.width * shown.height > MOST_PIXELS) {
    shown.levels.forEach((level) => level.close());
    const megapixels = Math.ceil((shown.width * shown.height) / 1e6);
    throw new PageError(`“${name}” has ${megapixels} megapixels; at most 50 can be filled here. Save it smaller, or use the command line: inpainter fill.`);
  }
  return { file, name: name.includes(".") ? name : `${name}.${kind}`, ...shown };
}

/** Decode a file, where the browser cannot by asking the program: `{ width, height, levels, transparent }`, upright. */
export async function show(file) {
  let bitmap;
  let size;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    size = { width: bitmap.width, height: bitmap.height };
  } catch {
    const seen = await preview(file);
    bitmap = await createImageBitmap(seen.blob);
    size = { width: seen.width, height: seen.height };
  }
  const levels = await halves(bitmap);
  return { ...size, levels, transparent: isTransparent(levels.at(-1)) };
}

/** Let go of the memory of a photo that is shown no more. */
export function release(shown) {
  shown?.levels.forEach((level) => level.close());
}

/** The level to draw at `scale` screen pixels a photo pixel: the smallest that is not enlarged. */
export function levelFor(shown, scale) {
  const enough = shown.levels.filter((level) => level.width >= shown.width * scale);
  return enough.at(-1) ?? shown.levels[0];
}

// Drawing a photo of 24 megapixels into a small canvas takes longer than a frame, and is coarse: each level is half
// as wide as the one before.
async function halves(bitmap) {
  const levels = [bitmap];
  while (Math.max(bitmap.width, bitmap.height) > SMALLEST_LEVEL) {
    bitmap = await createImageBitmap(bitmap, {
      resizeWidth: Math.max(1, bitmap.width >> 1), resizeHeight: Math.max(1, bitmap.height >> 1), resizeQuality: "medium",
    });
    levels.push(bitmap);
  }
  return levels;
}

function isTransparent(level) {
  const context = new OffscreenCanvas(level.width, level.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(level, 0, 0);
  return context.getImageData(0, 0, level.width, level.height).data.some((value, i) => i % 4 === 3 && value < 255);
}

// By the first bytes, as the program tells them, not by a name that may be wrong.
async function kindOf(file) {
  const bytes = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const text = String.fromCharCode(...bytes);
  if (text.startsWith("\xff\xd8\xff")) return "jpg";
  if (text.startsWith("\x89PNG")) return "png";
  if (text.startsWith("RIFF") && text.slice(8, 12) === "WEBP") return "webp";
  if (text.startsWith("II*\0") || text.startsWith("MM\0*") || text.startsWith("II+\0") || text.startsWith("MM\0+")) return "tif";
  if (text.slice(4, 8) === "ftyp") return text.slice(8, 11) === "avi" ? "avif" : "heic";
  return null;
}
