// The keys of the page: one table, which the help shows, too.
import { byId, state } from "./ui.js";

const MAC = /Mac|iPhone|iPad/.test(navigator.platform);
const CTRL = MAC ? "⌘" : "Ctrl";

/** Listen to keys. `does` maps the names of actions to functions. */
export function listenToKeys(does, gestures) {
  const bindings = [
    ["edit", "b", does.brush], ["edit", "e", does.eraser], ["edit", "l", does.lasso], ["edit", "r", does.rectangle],
    ["edit", "[", () => does.resize(-1)], ["edit", "]", () => does.resize(1)],
    ["edit", "ctrl+z", does.undo], ["edit", "ctrl+shift+z", does.redo], ["edit", "ctrl+y", does.redo],
    ["edit", "delete", does.clear], ["edit", "backspace", does.clear], ["edit", "m", does.more],
    ["edit", "ctrl+enter", does.fill], ["edit", "escape", does.escape],
    ["fill", "escape", does.cancel],
    ["result", "t", does.again], ["result", ",", does.earlier], ["result", ".", does.later],
    ["result", "ctrl+s", does.download], ["result", "g", does.goOn], ["result", "escape", does.back],
    ["any", "+", () => does.zoom(1.25)], ["any", "=", () => does.zoom(1.25)], ["any", "-", () => does.zoom(0.8)], ["any", "0", does.fit],
    ["any", "o", does.open], ["any", "?", does.help],
  ];

  window.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Tab") byId("stage").classList.remove("pointed");
    const name = nameOf(event);
    const typing = event.target.closest("input[type=range]") && !event.ctrlKey && !event.metaKey && event.key.length > 1;
    if (typing) return;
    if (name === " " && !event.target.closest("button, summary, [role=slider]")) {
      event.preventDefault();
      if (!event.repeat && !does.mark()) gestures.holdSpace(true);
      return;
    }
    if (name === "c" && state() === "result") return does.hold(true);
    if (state() === "edit" && event.target === byId("stage") && does.cursor(event)) return event.preventDefault();
    if (name === "escape" && byId("options").matches(":popover-open")) return; // It closes the panel.
    const found = bindings.find(([where, key]) => key === name && (where === "any" || where === state()));
    if (!found) return;
    event.preventDefault();
    found[2](event);
  });
  window.addEventListener("keyup", (event) => {
    if (event.key === " ") gestures.holdSpace(false);
    if (event.key.toLowerCase() === "c") does.hold(false);
  });
  window.addEventListener("blur", () => {
    gestures.holdSpace(false);
    does.hold(false);
  });
}

function nameOf(event) {
  const ctrl = event.ctrlKey || event.metaKey;
  // Shift is part of how a sign is typed (?, +); of a letter it is a key of its own.
  return `${ctrl ? "ctrl+" : ""}${event.shiftKey && ctrl ? "shift+" : ""}${event.key.toLowerCase()}`;
}

const FINGERS = ["With fingers", [
  ["One finger", "Paints"], ["Two fingers", "Move and zoom the photo"], ["Hold", "See the original of a result"], ["Drag the line", "Compare with the original"],
]];
const KEYS = [
  ["Paint", [
    ["B E L R", "Brush, eraser, lasso, box"], ["[ ]", "Smaller, larger brush; or Shift and the wheel"],
    [`${CTRL}+Z`, "Undo"], [`${CTRL}+Shift+Z`, "Redo; or " + `${CTRL}+Y`], ["Delete", "Clear"], ["M", "More"], [`${CTRL}+Enter`, "Remove"],
  ]],
  ["Look", [
    ["Wheel, + −", "Zoom; two fingers on a touch screen"], ["Space", "Hold and drag to move the photo"], ["0", "Fit"],
    ["C", "Hold to see the original; or hold the photo"], [", .", "Earlier, later try"],
  ]],
  ["Result", [["T", "Another try"], ["G", "Remove more: go on from the result"], [`${CTRL}+S`, "Download"], ["Esc", "Cancel; back to the marks"], ["O", "Open another photo"]]],
  ["Without a mouse", [
    ["Tab", "To the photo, then:"], ["← ↑ ↓ →", "Move the cursor; with Shift by one pixel"], ["Enter", "Start and end a box"], ["Esc", "Leave it out"],
  ]],
];

export function fillHelp() {
  const parts = matchMedia("(pointer: coarse)").matches ? [FINGERS, ...KEYS] : KEYS;
  byId("keys").replaceChildren(...parts.map(([title, rows]) => {
    const section = document.createElement("section");
    const heading = document.createElement("h3");
    heading.textContent = title;
    const list = document.createElement("dl");
    for (const [keys, text] of rows) {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const kbd = document.createElement("kbd");
      kbd.textContent = keys;
      term.append(kbd);
      const description = document.createElement("dd");
      description.textContent = text;
      row.append(term, description);
      list.append(row);
    }
    section.append(heading, list);
    return section;
  }));
}
