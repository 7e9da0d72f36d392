// The small gaps that a scribbling brush leaves inside its mark: barely seen on the screen, specks in the result.
import { widened } from "./bits.js";

// No hand scribbles as many: an opened mask full of dots does, and would hold up the page.
const MOST_RUNS = 500_000;
const MOST_GAPS = 2000;

/**
 * The gaps to close after a stroke: unpainted pixels of `now` that are enclosed by paint, fewer than the brush's disc
 * has, beside what the stroke has newly painted, and none of them erased. `before` and `now` are the mask without and
 * with the stroke, `box` is the part that it changed. Returns each gap as { box, runs }, a run as [y, from, to].
 */
export function gapsOf(before, now, erased, box, radius) {
  const seen = widened(box, Math.ceil(2 * radius), now);
  const most = Math.PI * radius * radius;
  const { ys, froms, tos, parents } = unpainted(now, seen);
  if (ys.length > MOST_RUNS) return [];
  const areas = new Float64Array(ys.length);
  const right = seen.x + seen.width;
  const bottom = seen.y + seen.height - 1;
  for (let i = 0; i < ys.length; i++) {
    // What reaches the border of the part that is looked at counts as open.
    const open = ys[i] === seen.y || ys[i] === bottom || froms[i] === seen.x || tos[i] === right;
    areas[root(parents, i)] += open ? Infinity : tos[i] - froms[i];
  }
  const found = new Map();
  for (let i = 0; i < ys.length; i++) {
    const of = root(parents, i);
    if (areas[of] >= most) continue;
    if (!found.has(of)) found.set(of, []);
    found.get(of).push([ys[i], froms[i], tos[i]]);
  }
  if (found.size > MOST_GAPS) return [];
  const isNew = (x, y) => now.get(x, y) && !before.get(x, y);
  return [...found.values()].filter((runs) => (
    !(erased && runs.some(([y, from, to]) => some(from, to, (x) => erased.get(x, y)))) &&
    runs.some(([y, from, to]) => (
      isNew(from - 1, y) || isNew(to, y) || some(from, to, (x) => isNew(x, y - 1) || isNew(x, y + 1))
    ))
  )).map((runs) => ({ box: around(runs), runs }));
}

// The runs of unpainted pixels, row by row, those that touch joined to one tree.
function unpainted(bits, box) {
  const ys = [];
  const froms = [];
  const tos = [];
  const parents = [];
  const right = box.x + box.width;
  let y = box.y;
  let x = box.x;
  let above = 0; // The first run of the row above that may still touch.
  let row = 0; // The first run of this row.

  function add(from, to) {
    if (ys.length > MOST_RUNS) return;
    const i = parents.push(ys.length) - 1;
    ys.push(y);
    froms.push(from);
    tos.push(to);
    while (above < row && tos[above] <= from) above += 1;
    for (let j = above; j < row && froms[j] < to; j++) parents[root(parents, j)] = root(parents, i);
  }

  function endRows(until) {
    while (y < until) {
      if (x < right) add(x, right);
      x = box.x;
      y += 1;
      above = row;
      row = ys.length;
    }
  }

  bits.runs(box, (at, from, to) => {
    endRows(at);
    if (x < from) add(x, from);
    x = to;
  });
  endRows(box.y + box.height);
  return { ys, froms, tos, parents };
}

function root(parents, i) {
  while (parents[i] !== i) {
    parents[i] = parents[parents[i]];
    i = parents[i];
  }
  return i;
}

function some(from, to, holds) {
  for (let x = from; x < to; x++) if (holds(x)) return true;
  return false;
}

function around(runs) {
  const y = runs[0][0];
  const x = runs.reduce((least, [, from]) => Math.min(least, from), Infinity);
  const right = runs.reduce((most, [, , to]) => Math.max(most, to), 0);
  return { x, y, width: right - x, height: runs.at(-1)[0] + 1 - y };
}
