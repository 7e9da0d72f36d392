// Before and after: a divider over the photo, the original to its left and the result to its right, and a button (or
// the photo itself) to hold for the original.
import { clamp } from "./bits.js";

const STEP = 0.02;
const SWEEP_MS = 700;
const CLICK_MS = 300;
const KNOB = 26; // CSS pixels: its radius and a little air.

export class Compare {
  constructor(stage, view, button) {
    this.view = view;
    this.button = button;
    this.stage = stage;
    this.handle = stage.querySelector("#divider");
    this.knob = stage.querySelector(".divider-knob");
    this.canvas = stage.querySelector("#after-canvas");
    this.share = 0; // How much of the photo's width shows the original.
    this.held = false;
    this.sweep = 0;
    this.handle.addEventListener("pointerdown", (event) => {
      this.handle.setPointerCapture(event.pointerId);
      this.stop();
    });
    this.handle.addEventListener("pointermove", (event) => {
      if (this.handle.hasPointerCapture(event.pointerId)) this.#follow(event.clientX - stage.getBoundingClientRect().left);
    });
    this.handle.addEventListener("keydown", (event) => this.#key(event));
    this.#wireButton();
  }

  // Held, the button shows the original while it is held; clicked, or pressed by a key, until it is pressed again.
  #wireButton() {
    const { button } = this;
    let pressed = 0;
    let was = false;
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      pressed = performance.now();
      was = this.held;
      this.hold(true);
    });
    button.addEventListener("pointerup", () => this.hold(!was && performance.now() - pressed < CLICK_MS));
    button.addEventListener("pointercancel", () => this.hold(false));
    button.addEventListener("click", (event) => {
      if (event.detail === 0) this.hold(!this.held);
    });
  }

  /** Wipe once from the original to the result: it shows what has changed, and that the divider moves. */
  reveal() {
    this.stop();
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return this.set(0);
    const start = performance.now();
    const step = (now) => {
      const t = clamp((now - start) / SWEEP_MS, 0, 1);
      this.set((1 - t) ** 2 * (1 + 2 * t));
      if (t < 1) this.sweep = requestAnimationFrame(step);
    };
    this.set(1);
    this.sweep = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.sweep);
  }

  set(share) {
    this.share = clamp(share, 0, 1);
    this.place();
  }

  hold(held) {
    this.held = held;
    this.stage.classList.toggle("holding", held);
    this.button.setAttribute("aria-pressed", held);
    this.place();
  }

  /** Put the divider where the photo is now. */
  place() {
    const { view } = this;
    if (!view.result) return; // There is nothing to compare yet.
    const left = view.toStage({ x: 0, y: 0 }).x;
    const right = view.toStage({ x: view.photo.width, y: 0 }).x;
    // Of a zoomed photo the part that is seen counts, or the divider would be out of reach.
    const from = Math.max(left, 0);
    const to = Math.min(right, view.cssWidth);
    const at = from + this.share * (to - from);
    this.range = [from, to];
    const top = Math.max(view.toStage({ x: 0, y: 0 }).y, 0);
    const bottom = Math.min(view.toStage({ x: 0, y: view.photo.height }).y, view.cssHeight);
    this.handle.style.transform = `translate(${at}px, ${top}px)`;
    this.handle.style.height = `${bottom - top}px`;
    // At the edge of a narrow screen the knob stays whole.
    this.knob.style.transform = `translateX(${clamp(at, KNOB, view.cssWidth - KNOB) - at}px)`;
    this.handle.classList.toggle("between", this.share > 0.04 && this.share < 0.96);
    const percent = Math.round(this.share * 100);
    this.handle.setAttribute("aria-valuenow", percent);
    this.handle.setAttribute("aria-valuetext", `${percent} % of the width shows the original`);
    this.canvas.style.clipPath = this.held ? "inset(100%)" : `inset(0 0 0 ${at}px)`;
  }

  #follow(x) {
    const [from, to] = this.range;
    this.set((x - from) / (to - from));
  }

  #key(event) {
    const steps = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    this.stop();
    this.set(this.share + steps[event.key]);
  }
}
