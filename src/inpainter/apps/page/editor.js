// Marking by hand and by keyboard: connects the stage, the tools and the buttons of the dock.
import { clamp } from "./bits.js";
import { listen } from "./gestures.js";
import { byId, closeOptions, radioGroup, say, state } from "./ui.js";

const HOLD_MS = 180;
const STILL = 6; // CSS pixels that a held finger may wander.
const HINTS = {
  brush: "Brush over what should go", lasso: "Draw around what should go", rectangle: "Drag a box over what should go",
};
const LAYER_TEXT = { source: "Paint where texture may come from", avoid: "Paint where texture must not come from" };
const KEY_STEP = 12; // CSS pixels that an arrow key moves the cursor.

export class Editor {
  constructor(view, tools, compare, onMarks, onUndoBeyond) {
    this.view = view;
    this.tools = tools;
    this.compare = compare;
    this.onMarks = onMarks;
    this.onUndoBeyond = onUndoBeyond;
    this.cursor = null; // The keyboard's place, and where its rectangle began: points of the photo.
    this.corner = null;
    this.pressed = null;
    this.gestures = listen(byId("stage"), view, this);
    this.checkTool = radioGroup(document.querySelector(".tools"), (radio) => this.setTool(radio.dataset.tool));
    // After a click the keys are the photo's again: Space moves it, and does not press the button once more.
    document.querySelector(".dock-card.edit").addEventListener("click", (event) => {
      if (event.detail > 0 && state() === "edit") byId("stage").focus({ preventScroll: true });
    });
    byId("size").addEventListener("input", (event) => {
      tools.size = event.target.valueAsNumber;
      this.showSize();
    });
    byId("size").addEventListener("change", () => tools.hover(null));
    for (const button of document.querySelectorAll("[data-layer]")) {
      button.addEventListener("click", () => this.setLayer(button.dataset.layer));
    }
    byId("layer-done").addEventListener("click", () => this.setLayer("mask"));
    byId("undo").addEventListener("click", () => this.undo());
    byId("redo").addEventListener("click", () => this.redo());
    byId("clear").addEventListener("click", () => this.clear());
    this.setTool("brush");
  }

  // ----------------------------------------------------------------------------- what gestures.js calls

  begin(point, event) {
    byId("stage").classList.add("pointed"); // The focus is shown to those who use the keys.
    byId("stage").focus({ preventScroll: true });
    this.hideCursor();
    if (state() === "edit") {
      closeOptions();
      document.body.classList.add("painted"); // The hint has done its work.
      return this.tools.begin(point, event);
    }
    if (state() !== "result") return false;
    this.compare.stop();
    this.pressed = { point, last: point, timer: setTimeout(() => this.compare.hold(true), HOLD_MS) };
    return true;
  }

  move(points) {
    if (!this.pressed) return this.tools.move(points);
    const point = points.at(-1);
    const { pressed } = this;
    if (this.compare.held) return;
    if (!pressed.moved && Math.hypot(point.x - pressed.point.x, point.y - pressed.point.y) < STILL) return;
    pressed.moved = true;
    clearTimeout(pressed.timer);
    this.view.pan(point.x - pressed.last.x, point.y - pressed.last.y);
    pressed.last = point;
  }

  end() {
    if (this.pressed) return this.#letGo();
    this.tools.end();
    this.onMarks();
  }

  cancel() {
    if (this.pressed) return this.#letGo();
    this.tools.cancel();
  }

  hover(point) {
    this.tools.hover(state() === "edit" ? point : null);
    if (point) this.hideCursor();
  }

  resize(direction) {
    const { tools } = this;
    tools.size = clamp(Math.round(tools.size * (direction > 0 ? 1.15 : 1 / 1.15) + direction * 0.5), 4, 200);
    byId("size").value = tools.size;
    this.showSize(false);
  }

  #letGo() {
    clearTimeout(this.pressed.timer);
    this.pressed = null;
    this.compare.hold(false);
  }

  // ----------------------------------------------------------------------------- tools, layers, steps

  setTool(name) {
    this.tools.name = name;
    byId("stage").dataset.tool = name;
    this.checkTool(document.querySelector(`.tool[data-tool=${name}]`));
    byId("size").disabled = !this.tools.round;
    byId("hint").textContent = HINTS[name] ?? HINTS.brush;
    this.tools.hover(null);
  }

  setLayer(layer) {
    this.tools.layer = layer;
    document.body.dataset.layer = layer;
    byId("layer-text").textContent = LAYER_TEXT[layer] ?? "";
    closeOptions();
    if (this.tools.name === "eraser") this.setTool("brush");
    if (layer !== "mask") say(`${LAYER_TEXT[layer]}; Done goes back to what is removed.`);
  }

  /** A key held down ends with the first stroke; it goes no further. */
  undo(held = false) {
    if (!this.view.marks.undo()) return held || this.onUndoBeyond();
    say("Undone");
    this.onMarks();
  }

  redo() {
    if (this.view.marks.redo()) say("Done again");
    this.onMarks();
  }

  clear() {
    if (this.view.marks.clear()) say("All marks cleared");
    this.onMarks();
  }

  // While the slider moves, the brush is shown in the middle of the photo.
  showSize(shown = true) {
    if (shown) this.tools.hover({ x: this.view.cssWidth / 2, y: this.view.cssHeight / 2 });
    else for (const ring of this.tools.ring) ring.setAttribute("r", this.tools.size / 2);
  }

  // ----------------------------------------------------------------------------- the keyboard's cursor

  /** A key while the photo has the focus; returns whether it was one of the cursor's. */
  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const [dx, dy] = moves[event.key];
      const { view } = this;
      const step = event.shiftKey ? 1 : Math.max(1, Math.round(KEY_STEP / view.cssScale));
      const middle = view.toPhoto({ x: view.cssWidth / 2, y: view.cssHeight / 2 });
      const from = this.cursor ?? { x: Math.round(middle.x), y: Math.round(middle.y) };
      this.cursor = {
        x: clamp(from.x + dx * step, 0, view.photo.width), y: clamp(from.y + dy * step, 0, view.photo.height),
      };
      this.#keepInSight();
      this.showCursor();
      const { cursor, corner } = this;
      say(corner ? `${Math.abs(cursor.x - corner.x)} by ${Math.abs(cursor.y - corner.y)}` : `${cursor.x}, ${cursor.y}`);
      return true;
    }
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      if (!this.mark()) this.key({ key: "ArrowRight", shiftKey: true });
      return true;
    }
    if (event.key === "Escape" && this.cursor) {
      if (this.corner) say("Rectangle left out");
      else this.cursor = null;
      this.corner = null;
      this.showCursor();
      return true;
    }
    return false;
  }

  /** Start a rectangle at the keyboard's cursor, or end it there; returns false where there is no cursor. */
  mark() {
    const { cursor, corner, view, tools } = this;
    if (!cursor || state() !== "edit") return false;
    if (!corner) {
      this.corner = cursor;
      say(`Rectangle begun at ${cursor.x}, ${cursor.y}. Move, then press Enter.`);
      return true;
    }
    this.corner = null;
    view.marks.mark(tools.layer, tools.name !== "eraser", (bits, on) => bits.rectangle(corner, cursor, on));
    view.marks.commit();
    this.showCursor();
    say(`${tools.name === "eraser" ? "Erased" : "Marked"} ${Math.abs(cursor.x - corner.x)} by ${Math.abs(cursor.y - corner.y)} pixels`);
    this.onMarks();
    return true;
  }

  hideCursor() {
    if (!this.cursor) return;
    this.cursor = null;
    this.corner = null;
    this.showCursor();
  }

  showCursor() {
    const { cursor, corner, view, tools } = this;
    const at = cursor && view.toStage(cursor);
    if (cursor) {
      tools.hover(null);
      byId("stage").classList.remove("pointed");
    }
    for (const cross of tools.draft.querySelectorAll(".cross")) {
      cross.classList.toggle("shown", Boolean(cursor));
      if (at) cross.setAttribute("transform", `translate(${at.x} ${at.y})`);
    }
    if (!tools.points) tools.showRectangle(corner && view.toStage(corner), at);
  }

  #keepInSight() {
    const at = this.view.toStage(this.cursor);
    const dx = clamp(at.x, 40, this.view.cssWidth - 40) - at.x;
    const dy = clamp(at.y, 40, this.view.cssHeight - 40) - at.y;
    if ((dx || dy) && !this.view.fitted) this.view.pan(dx, dy);
  }
}
