// The photo on the screen: where it lies, how large, and the drawing of it and of what is painted on it. Canvases are as
// large as the stage, never as the photo. All lengths here are device pixels but where CSS pixels are named.
import { clamp, widened } from "./bits.js";
import { levelFor } from "./photo.js";

const MOST_DENSITY = 2; // A denser screen is drawn at two pixels a CSS pixel: nobody sees more, and phones run short.
const LARGEST = 24; // Screen pixels (CSS) for a photo pixel at most.
const SQUARE = 8; // CSS pixels.
const FIT_AT_MOST = 3;
const COLOURS = { mask: [255, 45, 110], source: [20, 130, 255], avoid: [255, 170, 0] };
const ALPHA = { mask: 142, rim: 64, other: 110 };

export class View {
  constructor(stage, onMove) {
    this.stage = stage;
    this.onMove = onMove;
    this.before = stage.querySelector("#before-canvas").getContext("2d");
    this.after = stage.querySelector("#after-canvas").getContext("2d");
    this.paint = stage.querySelector("#paint-canvas").getContext("2d");
    this.photo = null;
    this.result = null;
    this.marks = null;
    this.scale = 1;
    this.density = 1;
    this.x = 0;
    this.y = 0;
    this.fitted = true;
    this.wanted = false;
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
    new ResizeObserver(() => this.resize()).observe(stage);
    this.resize();
  }

  resize() {
    const { clientWidth, clientHeight } = this.stage;
    const middle = this.photo && this.toPhoto({ x: this.cssWidth / 2, y: this.cssHeight / 2 });
    const cssScale = this.cssScale;
    this.density = Math.min(window.devicePixelRatio || 1, MOST_DENSITY);
    this.scale = cssScale * this.density; // The window may have moved to a denser screen.
    this.cssWidth = clientWidth;
    this.cssHeight = clientHeight;
    this.width = Math.round(clientWidth * this.density);
    this.height = Math.round(clientHeight * this.density);
    for (const { canvas } of [this.before, this.after, this.paint]) {
      canvas.width = this.width;
      canvas.height = this.height;
    }
    if (!this.photo) return;
    if (this.fitted) this.fit();
    else this.#place(this.width / 2 - middle.x * this.scale, this.height / 2 - middle.y * this.scale);
    this.draw(); // At once: a canvas that was resized is empty.
  }

  /** Show a photo: the whole of it, or, in place of one of its size, what is in sight now. */
  setPhoto(photo, stay) {
    this.photo = photo;
    this.result = null;
    if (stay) this.redraw();
    else this.fit();
  }

  setResult(result) {
    this.result = result;
    this.redraw();
  }

  get fitScale() {
    const margin = (this.cssWidth < 600 ? 12 : 28) * this.density;
    const { width, height } = this.photo;
    const scale = Math.min((this.width - 2 * margin) / width, (this.height - 2 * margin) / height);
    return clamp(scale, 1e-3, FIT_AT_MOST * this.density);
  }

  fit() {
    this.scale = this.fitScale;
    this.fitted = true;
    this.#place((this.width - this.photo.width * this.scale) / 2, (this.height - this.photo.height * this.scale) / 2);
  }

  /** Zoom by a factor, keeping the photo under a point (CSS pixels in the stage) where it is. */
  zoom(factor, at = { x: this.cssWidth / 2, y: this.cssHeight / 2 }) {
    const held = this.toPhoto(at);
    const fit = this.fitScale;
    const scale = clamp(this.scale * factor, Math.min(fit, this.density), LARGEST * this.density);
    if (scale === fit) return this.fit();
    this.scale = scale;
    this.fitted = false;
    this.#place(at.x * this.density - held.x * this.scale, at.y * this.density - held.y * this.scale);
  }

  pan(dx, dy) {
    this.fitted = false;
    this.#place(this.x + dx * this.density, this.y + dy * this.density);
  }

  toPhoto(point) {
    return { x: (point.x * this.density - this.x) / this.scale, y: (point.y * this.density - this.y) / this.scale };
  }

  /** A point of the photo in CSS pixels of the stage. */
  toStage(point) {
    return { x: (point.x * this.scale + this.x) / this.density, y: (point.y * this.scale + this.y) / this.density };
  }

  /** Screen (CSS) pixels for one pixel of the photo. */
  get cssScale() {
    return this.scale / this.density;
  }

  redraw() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      if (this.wanted) this.draw();
    });
  }

  draw() {
    this.wanted = false;
    if (!this.photo) return;
    // Beside a result: the photo as it was opened, before what was removed earlier.
    this.#drawShown(this.before, (this.result && this.photo.original) || this.photo);
    if (this.result) this.#drawShown(this.after, this.result);
    this.paint.clearRect(0, 0, this.width, this.height);
    if (this.marks?.extent) this.#drawMarks(this.marks.extent);
  }

  /** Draw again the part of the marks that has changed: at once, so that a stroke is on the screen with the next frame. */
  drawMarks(box) {
    if (!this.wanted) this.#drawMarks(box);
  }

  // Neither side of the stage is empty by more than a third, so that the photo's edges can be painted in comfort and the
  // photo is never lost; a photo smaller than a third stays in the middle.
  #place(x, y) {
    this.x = kept(x, this.photo.width * this.scale, this.width);
    this.y = kept(y, this.photo.height * this.scale, this.height);
    this.redraw();
    this.onMove();
  }

  #drawShown(context, shown) {
    const { width, height } = this.photo;
    const level = levelFor(shown, this.scale);
    const ratio = level.width / shown.width;
    // Only what is seen: the rest of a large photo costs time and memory of the graphics card.
    const left = clamp(Math.floor(-this.x / this.scale) - 1, 0, width);
    const top = clamp(Math.floor(-this.y / this.scale) - 1, 0, height);
    const right = clamp(Math.ceil((this.width - this.x) / this.scale) + 1, left, width);
    const bottom = clamp(Math.ceil((this.height - this.y) / this.scale) + 1, top, height);
    context.clearRect(0, 0, this.width, this.height);
    if (left === right || top === bottom) return;
    if (shown.transparent) {
      context.fillStyle = this.#squares(context);
      context.fillRect(this.x + left * this.scale, this.y + top * this.scale, (right - left) * this.scale, (bottom - top) * this.scale);
    }
    context.imageSmoothingEnabled = this.scale < 6 * this.density;
    context.imageSmoothingQuality = "high";
    context.drawImage(
      level, left * ratio, top * ratio, (right - left) * ratio, (bottom - top) * ratio,
      this.x + left * this.scale, this.y + top * this.scale, (right - left) * this.scale, (bottom - top) * this.scale,
    );
  }

  // What shows through a photo: it also keeps the original from showing through a result that lies over it.
  #squares(context) {
    const side = Math.round(SQUARE * this.density);
    const tile = new OffscreenCanvas(2 * side, 2 * side).getContext("2d");
    const colours = getComputedStyle(this.stage);
    tile.fillStyle = colours.getPropertyValue("--surface");
    tile.fillRect(0, 0, 2 * side, 2 * side);
    tile.fillStyle = colours.getPropertyValue("--check");
    tile.fillRect(0, 0, side, side);
    tile.fillRect(side, side, side, side);
    const pattern = context.createPattern(tile.canvas, "repeat");
    pattern.setTransform(new DOMMatrix([1, 0, 0, 1, Math.round(this.x), Math.round(this.y)]));
    return pattern;
  }

  #drawMarks(box) {
    const wide = widened(box, 1, this.marks);
    const left = clamp(Math.floor(this.x + wide.x * this.scale), 0, this.width);
    const top = clamp(Math.floor(this.y + wide.y * this.scale), 0, this.height);
    const right = clamp(Math.ceil(this.x + (wide.x + wide.width) * this.scale), left, this.width);
    const bottom = clamp(Math.ceil(this.y + (wide.y + wide.height) * this.scale), top, this.height);
    if (left === right || top === bottom) return;
    const pixels = new ImageData(right - left, bottom - top);
    this.#colour(new Uint32Array(pixels.data.buffer), left, top, right - left, bottom - top);
    this.paint.putImageData(pixels, left, top);
  }

  // Each screen pixel looks up the photo's pixel beneath it; on a coarse screen it looks up four, for smooth
  // edges.
  #colour(out, left, top, width, height) {
    const { layers, grown } = this.marks;
    const fine = this.scale < 4 && this.density < 1.5 ? 2 : 1;
    const xs = this.#samples(left, width, this.x, fine, this.photo.width);
    const ys = this.#samples(top, height, this.y, fine, this.photo.height);
    const others = ["source", "avoid"].filter((name) => layers[name]);
    const samples = fine * fine;
    const alphas = Uint8Array.from({ length: ALPHA.mask * samples + 1 }, (_, sum) => Math.round(sum / samples));
    const red = pixelOf(COLOURS.mask, 0);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let i = y * fine; i < (y + 1) * fine; i++) {
          if (ys[i] < 0) continue;
          const row = ys[i] * grown.stride;
          for (let j = x * fine; j < (x + 1) * fine; j++) {
            const at = row + (xs[j] >> 3);
            const bit = xs[j] < 0 ? 0 : 0x80 >> (xs[j] & 7);
            if (grown.data[at] & bit) sum += layers.mask.data[at] & bit ? ALPHA.mask : ALPHA.rim;
          }
        }
        if (sum) {
          out[y * width + x] = red | (alphas[sum] << 24);
        } else {
          for (const name of others) {
            const px = xs[x * fine];
            const py = ys[y * fine];
            if (px >= 0 && py >= 0 && layers[name].get(px, py)) out[y * width + x] = pixelOf(COLOURS[name], ALPHA.other);
          }
        }
      }
    }
  }

  // The photo's pixels under the screen's, in one direction; -1 beside the photo.
  #samples(from, length, origin, fine, limit) {
    return Int32Array.from({ length: length * fine }, (_, i) => {
      const at = Math.floor((from + (i + 0.5) / fine - origin) / this.scale);
      return at < 0 || at >= limit ? -1 : at;
    });
  }
}

function kept(at, length, room) {
  const middle = (room - length) / 2;
  return clamp(at, Math.min((room * 2) / 3 - length, middle), Math.max(room / 3, middle));
}

// As it lies in memory, the first byte red: typed arrays are little-endian wherever browsers run.
function pixelOf([red, green, blue], alpha) {
  return (alpha << 24) | (blue << 16) | (green << 8) | red;
}
