// The painting tools: what a drag over the stage does to the marks, and what is shown while it lasts.

const LASSO_STEP = 3; // CSS pixels between the points of an outline.

export class Tools {
  constructor(view, draft, size) {
    this.view = view;
    this.draft = draft; // The SVG over the photo.
    this.name = "brush";
    this.layer = "mask";
    this.size = size; // The brush's width in CSS pixels: it stays as large on the screen when the photo is zoomed.
    this.erasing = false;
    this.points = null;
    this.ring = draft.querySelectorAll(".ring");
    this.outline = draft.querySelectorAll(".outline");
  }

  get round() {
    return this.name === "brush" || this.name === "eraser";
  }

  /** Of the brush, in pixels of the photo. */
  get radius() {
    return this.size / 2 / this.view.cssScale;
  }

  begin(point, event) {
    // The other end of some pens is an eraser.
    this.erasing = this.name === "eraser" || (event.buttons & 32) === 32;
    // With a finger the smallest move off a spot would be lost; the first touch marks at once.
    this.points = [point];
    if (this.round || this.erasing) this.#stroke(point, point);
    return true;
  }

  move(points) {
    for (const point of points) {
      const last = this.points.at(-1);
      if (this.round || this.erasing) {
        this.#stroke(last, point);
        this.points = [point];
      } else if (this.name === "rectangle") {
        this.points = [this.points[0], point];
      } else if (Math.hypot(point.x - last.x, point.y - last.y) >= LASSO_STEP) {
        this.points.push(point);
      }
    }
    if (!this.round && !this.erasing) this.#outline(this.points, this.name === "rectangle");
  }

  /** Returns whether anything has changed. */
  end() {
    const { view } = this;
    const points = this.points.map((point) => view.toPhoto(point));
    const drawn = this.points;
    this.points = null;
    this.#outline([]);
    if (!this.round && !this.erasing) {
      const far = drawn.some((point) => Math.hypot(point.x - drawn[0].x, point.y - drawn[0].y) >= LASSO_STEP);
      if (!far) return false;
      view.marks.mark(this.layer, true, (bits, on) => (
        this.name === "rectangle" ? bits.rectangle(points[0], points[1], on) : bits.polygon(points, on)
      ));
    } else if (!this.erasing && this.layer === "mask") {
      view.marks.closeGaps(this.radius);
    }
    return view.marks.commit();
  }

  cancel() {
    this.points = null;
    this.#outline([]);
    this.view.marks.revert();
  }

  /** Show the brush around a point; nothing for null. */
  hover(point) {
    const shown = point && this.round;
    for (const ring of this.ring) {
      ring.classList.toggle("shown", Boolean(shown));
      if (!shown) continue;
      ring.setAttribute("cx", point.x);
      ring.setAttribute("cy", point.y);
      ring.setAttribute("r", this.size / 2);
    }
  }

  /** Show a rectangle, or an open outline, in CSS pixels of the stage. */
  showRectangle(a, b) {
    this.#outline(a ? [a, b] : [], true);
  }

  #stroke(from, to) {
    const { view } = this;
    view.marks.mark(this.layer, !this.erasing, (bits, on) => (
      bits.capsule(view.toPhoto(from), view.toPhoto(to), this.radius, on)
    ));
  }

  #outline(points, rectangle = false) {
    const [a, b] = points;
    const corners = rectangle && b ? [a, { x: b.x, y: a.y }, b, { x: a.x, y: b.y }] : points;
    const text = corners.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    for (const outline of this.outline) outline.setAttribute("points", text);
  }
}
