// Small things that every part of the page needs: the page's state, messages, dialogs, saving a file.
import { PageError } from "./api.js";

export const byId = (id) => document.getElementById(id);

/** The page is in one state at a time: start, loading, edit, fill or result. The style sheet shows what belongs to it. */
export function setState(state) {
  document.body.dataset.state = state;
  for (const card of document.querySelectorAll(".dock-card")) card.inert = !card.classList.contains(state);
  byId("start").inert = state !== "start";
  byId("divider").inert = state !== "result";
  byId("stage").tabIndex = state === "edit" ? 0 : -1;
  if (state !== "edit") closeOptions();
}

export function closeOptions() {
  if (byId("options").matches(":popover-open")) byId("options").hidePopover();
}

export const state = () => document.body.dataset.state;

/** Tell a screen reader, politely. */
export function say(text) {
  byId("live").textContent = text;
}

export function showError(error) {
  const known = error instanceof PageError;
  if (!known) console.error(error); // A fault of the page, of which the console has the trace.
  byId("message-text").textContent = known ? error.message : `Something went wrong in this page: ${error.message}`;
  byId("message").hidden = false;
}

export function clearError() {
  byId("message").hidden = true;
}

const PREVIEWS = "Small previews hidden in the file were left out: they would still show what you removed.";

/** What the program says of a result, a line each. */
export function showNotes(notes) {
  const lines = notes.map((text) => (
    // A block of XMP that holds a preview goes whole, and with it more than the preview.
    /^left out: (?!XMP).*(thumbnail|preview)/.test(text) ? PREVIEWS : text[0].toUpperCase() + text.slice(1)
  ));
  byId("notes").replaceChildren(...[...new Set(lines)].map((text) => {
    const line = document.createElement("p");
    line.textContent = text;
    return line;
  }));
  document.querySelector(".notes").hidden = !lines.length;
}

/** Put focus on a button only where it was lost with the button that had it: nobody's place is taken away. */
export function focusIfLost(element) {
  const { activeElement } = document;
  if (!activeElement || activeElement === document.body || activeElement.closest("[inert]")) element.focus({ preventScroll: true });
}

/** Show a dialog; resolves to the value of the button that closed it, or to "" for Escape. */
export function ask(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

export function wireDialogs() {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      const closer = event.target.closest("[data-close]");
      if (closer || event.target === dialog) dialog.close(closer?.dataset.close ?? "");
    });
  }
}

export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** NAME-filled.EXT for NAME.EXT, or another word in its place. */
export function renamed(name, word, suffix) {
  const dot = name.lastIndexOf(".");
  const stem = dot > 0 ? name.slice(0, dot) : name;
  return `${stem}-${word}${suffix ?? (dot > 0 ? name.slice(dot) : "")}`;
}

/** A group of radio buttons made of buttons: arrow keys move within it, one of it is in the tab order. */
export function radioGroup(group, choose) {
  const radios = () => [...group.querySelectorAll("[role=radio]")];
  group.addEventListener("click", (event) => {
    const radio = event.target.closest("[role=radio]");
    if (radio) choose(radio);
  });
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const all = radios();
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.focus();
    choose(next);
  });
  return (chosen) => {
    const all = radios();
    for (const radio of all) radio.setAttribute("aria-checked", radio === chosen);
    for (const radio of all) radio.tabIndex = radio === (chosen ?? all[0]) ? 0 : -1;
  };
}
