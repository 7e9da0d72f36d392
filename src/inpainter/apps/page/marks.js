// What is painted on the photo: the mask, and where texture may and may not come from; with undo and redo.
import { Bits, union, widened } from "./bits.js";
import { gapsOf } from "./gaps.js";

export const LAYERS = ["mask", "source", "avoid"];
const HISTORY_BYTES = 64e6;

export class Marks {
  #undo = [];
  #redo = [];
  #before = {}; // Each layer as it was when the step under way began, made when the layer is first painted.
  #changed = {}; // The box of each layer that the step under way has changed.

  /** `onChange(box)` is called after each change, with the part of the photo that looks different. */
  constructor(width, height, grow, onChange) {
    this.width = width;
    this.height = height;
    this.grow = grow;
    this.onChange = onChange;
    this.layers = { mask: new Bits(width, height) };
    this.grown = new Bits(width, height);
    this.extent = null; // The box outside of which nothing is marked; it may be larger than it need be.
  }

  layer(name) {
    this.layers[name] ??= new Bits(this.width, this.height);
    this.#before[name] ??= this.layers[name].clone();
    return this.layers[name];
  }

  /** Paint on a layer: `change(bits)` returns the box that it changed. Painted at once; `commit` makes it one step. */
  paint(name, change) {
    const box = change(this.layer(name));
    this.#changed[name] = union(this.#changed[name], box);
    this.#show(name, box);
  }

  /** Paint or erase on a layer: `draw(bits, on)` returns the box that it changed. What is erased is remembered. */
  mark(name, on, draw) {
    this.paint(name, (bits) => draw(bits, on));
    if (name === "mask" && (!on || this.layers.erased)) this.paint("erased", (bits) => draw(bits, !on));
  }

  /** Paint the gaps that the stroke under way leaves in the mask. */
  closeGaps(radius) {
    const box = this.#changed.mask;
    if (!box || !box.width || !box.height) return;
    for (const gap of gapsOf(this.#before.mask, this.layers.mask, this.layers.erased, box, radius)) {
      this.paint("mask", (bits) => {
        for (const [y, from, to] of gap.runs) bits.span(y, from, to, true);
        return gap.box;
      });
    }
  }

  commit() {
    // Of a mark that is gone nothing is left to spare.
    if (this.layers.erased && this.isEmpty()) {
      this.paint("erased", (bits) => {
        bits.data.fill(0);
        return bits.whole();
      });
    }
    const step = [];
    for (const [name, box] of Object.entries(this.#changed)) {
      if (!box || !box.width || !box.height) continue;
      const bytes = this.#before[name].copy(box);
      const now = this.layers[name].copy(box);
      if (bytes.every((byte, i) => byte === now[i])) continue;
      this.#before[name].paste(box, now);
      step.push({ name, box, bytes });
    }
    this.#changed = {};
    if (step.every(({ name }) => name === "erased")) return false; // Nobody sees that a bare place was swept.
    this.#undo.push(step);
    this.#redo = [];
    this.#forget();
    return true;
  }

  /** Take back what the step under way has painted. */
  revert() {
    for (const [name, box] of Object.entries(this.#changed)) {
      this.layers[name].data.set(this.#before[name].data);
      this.#show(name, box);
    }
    this.#changed = {};
  }

  clear() {
    for (const name of Object.keys(this.layers)) {
      this.paint(name, (bits) => {
        bits.data.fill(0);
        return bits.whole();
      });
    }
    this.extent = null;
    return this.commit();
  }

  undo() {
    return this.#swap(this.#undo, this.#redo);
  }

  redo() {
    return this.#swap(this.#redo, this.#undo);
  }

  get canUndo() {
    return this.#undo.length > 0;
  }

  get canRedo() {
    return this.#redo.length > 0;
  }

  isEmpty(name = "mask") {
    return !this.layers[name] || this.layers[name].isEmpty();
  }

  setGrow(pixels) {
    this.grow = pixels;
    this.grown.data.fill(0);
    this.#spread(this.grown.whole());
    this.extent = this.extent && this.grown.whole();
    this.onChange(this.grown.whole());
  }

  // A step holds the bytes of one state; taking it back exchanges them for those of the other.
  #swap(from, to) {
    const step = from.pop();
    if (!step) return false;
    to.push(step);
    for (const entry of step) {
      const bits = this.layers[entry.name];
      const bytes = bits.copy(entry.box);
      bits.paste(entry.box, entry.bytes);
      this.#before[entry.name].paste(entry.box, entry.bytes);
      entry.bytes = bytes;
      this.#show(entry.name, entry.box);
    }
    return true;
  }

  #forget() {
    let bytes = 0;
    let kept = this.#undo.length;
    while (kept > 0) {
      bytes += this.#undo[kept - 1].reduce((sum, entry) => sum + entry.bytes.length, 0);
      if (bytes > HISTORY_BYTES && kept < this.#undo.length) break;
      kept -= 1;
    }
    this.#undo.splice(0, kept);
  }

  #show(name, box) {
    if (name === "erased" || !box || !box.width || !box.height) return;
    const reach = name === "mask" ? widened(box, this.grow, this) : box;
    if (name === "mask") this.#spread(reach);
    this.extent = union(this.extent, reach);
    this.onChange(reach);
  }

  // The mask widened by a disc, as the program widens it, again in one box: each run of the mask reaches
  // `grow` rows up and down, and less to the sides the farther the row.
  #spread(box) {
    const { grown, grow } = this;
    for (let y = box.y; y < box.y + box.height; y++) grown.span(y, box.x, box.x + box.width, false);
    const sides = Array.from({ length: grow + 1 }, (_, dy) => Math.round(Math.sqrt(grow * grow - dy * dy)));
    const right = box.x + box.width;
    const bottom = box.y + box.height;
    this.layers.mask.runs(widened(box, grow, this), (y, from, to) => {
      for (let row = Math.max(y - grow, box.y); row <= y + grow && row < bottom; row++) {
        const side = sides[Math.abs(row - y)];
        grown.span(row, Math.max(from - side, box.x), Math.min(to + side, right), true);
      }
    });
  }
}
