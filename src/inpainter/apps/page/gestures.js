// Fingers, pen and mouse on the stage: one paints (or whatever the page's state makes of it), two fingers move and zoom.
// The wheel zooms; with Shift it changes the brush's size. Space or the middle button held moves the photo.

const TOO_EARLY_MS = 400; // A second finger so soon means that the first was not meant to paint.

/**
 * `act` is { begin(point, event), move(points, event), end(event), cancel(), hover(point | null, event), resize(direction) };
 * points are CSS pixels in the stage. `begin` returns false for "move the photo instead".
 */
export function listen(stage, view, act) {
  const pointers = new Map();
  let mode = null; // "act", "pan" or "pinch"
  let began = 0;
  let penSeen = false;
  let spaceHeld = false;

  function at(event) {
    // Not offsetX: with a captured pointer, and over the handle, it is another element's.
    const box = stage.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  function spread() {
    const [a, b] = [...pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }

  stage.addEventListener("pointerdown", (event) => {
    if (!view.photo || event.target.closest("button, [role=slider]") || event.button > 1) return;
    if (event.pointerType === "pen") penSeen = true;
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    if (pointers.size === 2) {
      if (mode === "act") {
        if (performance.now() - began < TOO_EARLY_MS) act.cancel();
        else act.end(event);
      }
      mode = "pinch";
    } else if (pointers.size === 1) {
      // Who paints with a pen rests a hand on the screen: then a finger only moves the photo.
      const pans = event.button === 1 || spaceHeld || (penSeen && event.pointerType === "touch");
      began = performance.now();
      mode = !pans && act.begin(at(event), event) ? "act" : "pan";
    }
    stage.classList.toggle("panning", mode !== "act");
    if (event.button === 1) event.preventDefault(); // No automatic scrolling.
  });

  stage.addEventListener("pointermove", (event) => {
    const point = at(event);
    const last = pointers.get(event.pointerId);
    if (!last) {
      if (event.pointerType !== "touch") act.hover(point, event);
      return;
    }
    if (mode === "act") {
      const samples = event.getCoalescedEvents?.() ?? [];
      act.move(samples.length ? samples.map(at) : [point], event);
    } else if (mode === "pan") {
      view.pan(point.x - last.x, point.y - last.y);
    } else if (mode === "pinch" && pointers.size >= 2) {
      const before = spread();
      pointers.set(event.pointerId, point);
      const after = spread();
      view.pan(after.x - before.x, after.y - before.y);
      view.zoom(after.distance / before.distance, after);
    }
    pointers.set(event.pointerId, point);
    if (event.pointerType !== "touch") act.hover(point, event);
  });

  function lift(event, cancelled) {
    if (!pointers.delete(event.pointerId)) return;
    if (mode === "act") {
      if (cancelled) act.cancel();
      else act.end(event);
      mode = null;
    } else if (mode === "pan" || !pointers.size) {
      mode = null;
    }
    // The last finger of a pinch goes on moving nothing: it must not begin to paint.
    if (!mode) stage.classList.remove("panning");
  }
  stage.addEventListener("pointerup", (event) => lift(event, false));
  stage.addEventListener("pointercancel", (event) => lift(event, true));
  stage.addEventListener("pointerleave", (event) => act.hover(null, event));

  stage.addEventListener("wheel", (event) => {
    if (!view.photo) return;
    event.preventDefault();
    // With Shift some systems turn the wheel sideways.
    const turned = (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 30 : 1);
    if (event.shiftKey) act.resize(turned < 0 ? 1 : -1);
    else view.zoom(Math.exp(-turned * (event.ctrlKey ? 0.01 : 0.0016)), at(event));
  }, { passive: false });

  // A second click on the way would otherwise select text, and a long touch would open a menu.
  stage.addEventListener("contextmenu", (event) => event.preventDefault());

  return {
    holdSpace(held) {
      spaceHeld = held;
      stage.classList.toggle("grab", held);
    },
  };
}
