// A mask as one bit a pixel, in the upright photo's own pixels. Its rows are laid out as those of a 1-bit PNG (eight
// pixels a byte, the first pixel in the highest bit), so that writing the file copies them as they are.

export class Bits {
  constructor(width, height, data) {
    this.width = width;
    this.height = height;
    this.stride = (width + 7) >> 3;
    this.data = data ?? new Uint8Array(this.stride * height);
  }

  clone() {
    return new Bits(this.width, this.height, this.data.slice());
  }

  get(x, y) {
    return (this.data[y * this.stride + (x >> 3)] >> (7 - (x & 7))) & 1;
  }

  isEmpty() {
    for (const byte of this.data) if (byte) return false;
    return true;
  }

  /** Set or clear the pixels from `from` to before `to` in row `y`; what lies outside the picture is left out. */
  span(y, from, to, on) {
    from = Math.max(from, 0);
    to = Math.min(to, this.width);
    if (from >= to || y < 0 || y >= this.height) return;
    const row = y * this.stride;
    const first = row + (from >> 3);
    const last = row + ((to - 1) >> 3);
    const head = 0xff >> (from & 7);
    const tail = (0xff00 >> (((to - 1) & 7) + 1)) & 0xff;
    if (first === last) return this.#put(first, head & tail, on);
    this.#put(first, head, on);
    this.data.fill(on ? 0xff : 0, first + 1, last);
    this.#put(last, tail, on);
  }

  #put(at, bits, on) {
    if (on) this.data[at] |= bits;
    else this.data[at] &= ~bits;
  }

  /** What a round brush covers on its way from `a` to `b`; returns the box that may have changed. */
  capsule(a, b, radius, on) {
    const r = Math.max(radius, 0.75); // The smallest brush still reaches the centre of the pixel that it points at.
    const top = Math.max(0, Math.floor(Math.min(a.y, b.y) - r));
    const bottom = Math.min(this.height, Math.ceil(Math.max(a.y, b.y) + r));
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    const nx = length ? (-(b.y - a.y) / length) * r : 0;
    const ny = length ? ((b.x - a.x) / length) * r : 0;
    const corners = [
      { x: a.x + nx, y: a.y + ny }, { x: b.x + nx, y: b.y + ny }, { x: b.x - nx, y: b.y - ny }, { x: a.x - nx, y: a.y - ny },
    ];
    for (let y = top; y < bottom; y++) {
      const centre = y + 0.5;
      let from = Infinity;
      let to = -Infinity;
      for (const end of [a, b]) {
        const square = r * r - (centre - end.y) ** 2;
        if (square < 0) continue;
        const half = Math.sqrt(square);
        from = Math.min(from, end.x - half);
        to = Math.max(to, end.x + half);
      }
      for (let i = 0; length && i < 4; i++) {
        const x = crossing(corners[i], corners[(i + 1) % 4], centre);
        if (x === null) continue;
        from = Math.min(from, x);
        to = Math.max(to, x);
      }
      if (from <= to) this.span(y, Math.ceil(from - 0.5), Math.floor(to - 0.5) + 1, on);
    }
    return this.#box(Math.min(a.x, b.x) - r, top, Math.max(a.x, b.x) + r, bottom);
  }

  /** All within a closed outline, also where it winds twice; returns the box that may have changed. */
  polygon(points, on) {
    const ys = points.map((point) => point.y);
    const xs = points.map((point) => point.x);
    const box = this.#box(least(xs), least(ys), most(xs), most(ys));
    for (let y = box.y; y < box.y + box.height; y++) {
      const centre = y + 0.5;
      const edges = [];
      points.forEach((point, i) => {
        const next = points[(i + 1) % points.length];
        const x = crossing(point, next, centre);
        if (x !== null) edges.push({ x, turn: next.y > point.y ? 1 : -1 });
      });
      edges.sort((one, other) => one.x - other.x);
      let winding = 0;
      edges.forEach((edge, i) => {
        winding += edge.turn;
        if (winding && edges[i + 1]) this.span(y, Math.ceil(edge.x - 0.5), Math.floor(edges[i + 1].x - 0.5) + 1, on);
      });
    }
    return box;
  }

  /** A rectangle between two corners; every pixel that it touches. Returns the box that may have changed. */
  rectangle(a, b, on) {
    const box = this.#box(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y));
    for (let y = box.y; y < box.y + box.height; y++) this.span(y, box.x, box.x + box.width, on);
    return box;
  }

  /** Call `visit(y, from, to)` for each run of set pixels in a box. */
  runs(box, visit) {
    for (let y = box.y; y < box.y + box.height; y++) {
      const row = y * this.stride;
      let x = box.x;
      const end = box.x + box.width;
      while (x < end) {
        const byte = this.data[row + (x >> 3)];
        if (byte === 0 && (x & 7) === 0) {
          x += 8;
        } else if (!((byte >> (7 - (x & 7))) & 1)) {
          x += 1;
        } else {
          const from = x;
          while (x < end) {
            const here = this.data[row + (x >> 3)];
            if (here === 0xff && (x & 7) === 0) x += 8;
            else if ((here >> (7 - (x & 7))) & 1) x += 1;
            else break;
          }
          visit(y, from, Math.min(x, end));
        }
      }
    }
  }

  /** The bytes that hold a box, row by row: what undo puts back. */
  copy(box) {
    const [from, to] = this.#bytes(box);
    const out = new Uint8Array((to - from) * box.height);
    for (let i = 0; i < box.height; i++) {
      const row = (box.y + i) * this.stride;
      out.set(this.data.subarray(row + from, row + to), i * (to - from));
    }
    return out;
  }

  paste(box, bytes) {
    const [from, to] = this.#bytes(box);
    for (let i = 0; i < box.height; i++) {
      this.data.set(bytes.subarray(i * (to - from), (i + 1) * (to - from)), (box.y + i) * this.stride + from);
    }
  }

  whole() {
    return { x: 0, y: 0, width: this.width, height: this.height };
  }

  #bytes(box) {
    return [box.x >> 3, (box.x + box.width + 7) >> 3];
  }

  #box(left, top, right, bottom) {
    const x = clamp(Math.floor(left), 0, this.width);
    const y = clamp(Math.floor(top), 0, this.height);
    return { x, y, width: clamp(Math.ceil(right), x, this.width) - x, height: clamp(Math.ceil(bottom), y, this.height) - y };
  }
}

/** The smallest box around two; an empty one counts for nothing. */
export function union(a, b) {
  if (!a || !a.width || !a.height) return b;
  if (!b || !b.width || !b.height) return a;
  const x = Math.min(a.x, b.x);
  const y = Math.min(a.y, b.y);
  return {
    x, y, width: Math.max(a.x + a.width, b.x + b.width) - x, height: Math.max(a.y + a.height, b.y + b.height) - y,
  };
}

/** A box wider by `margin` on each side, within a picture. */
export function widened(box, margin, picture) {
  const x = Math.max(0, box.x - margin);
  const y = Math.max(0, box.y - margin);
  return {
    x, y,
    width: Math.min(picture.width, box.x + box.width + margin) - x,
    height: Math.min(picture.height, box.y + box.height + margin) - y,
  };
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

function crossing(a, b, y) {
  if (a.y <= y === b.y <= y) return null;
  return a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x);
}

// Not Math.min(...values): a long lasso has more points than a call may have arguments.
function least(values) {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

function most(values) {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}
