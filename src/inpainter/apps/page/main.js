// The page of `inpainter serve`: opening a photo, filling, choosing among the results. Wires the other modules together.
import { PageError, listMethods, openSession } from "./api.js";
import { Compare } from "./compare.js";
import { Editor } from "./editor.js";
import { Filling } from "./filling.js";
import { fillHelp, listenToKeys } from "./keys.js";
import { Marks } from "./marks.js";
import { Options } from "./options.js";
import { readPhoto, release, show } from "./photo.js";
import { readMask, writePng } from "./png.js";
import { Tools } from "./tools.js";
import { ask, byId, clearError, closeOptions, focusIfLost, renamed, saveFile, say, setState, showError, showNotes, state, wireDialogs } from "./ui.js";
import { View } from "./view.js";

const MOST_EARLIER = 5;

const view = new View(byId("stage"), moved);
const tools = new Tools(view, byId("draft"), byId("size").valueAsNumber);
const compare = new Compare(byId("stage"), view, byId("hold"));
const editor = new Editor(view, tools, compare, showMarks, goBack);
const options = new Options((grow) => view.marks?.setGrow(grow));

let tries = []; // Of this photo: { blob, notes, seed, saved }.
let current = -1;
let filling = null;
let lastSeed = 0;
let turns = 0; // Counts what was asked to be shown.
let earlier = []; // The photos that one has gone on from, the last one last: files, marks and tries, nothing decoded.
let baseUnsaved = false; // The photo is itself a result that was never downloaded.

// ------------------------------------------------------------------------------------------------ opening

async function openFile(file) {
  if (!file || state() === "loading" || state() === "fill") return;
  if (unsaved() && !(await mayLeave("Open another photo?", "Open another"))) return;
  clearError();
  const before = state();
  setState("loading");
  try {
    const photo = await readPhoto(file);
    options.suit(photo);
    usePhoto(photo);
    earlier = [];
    baseUnsaved = false;
    say(`${file.name} is open. Mark what should go.`);
  } catch (error) {
    setState(before);
    showError(error);
  }
}

async function mayLeave(title, button) {
  byId("leave-title").textContent = title;
  byId("leave-go").textContent = button;
  return (await ask(byId("leave"))) === "leave";
}

function usePhoto(photo, stay = false) {
  for (const old of [view.photo?.original, view.photo, view.result]) {
    if (old !== photo.original && old !== photo) release(old);
  }
  tries = [];
  current = -1;
  const marks = new Marks(photo.width, photo.height, options.grow, (box) => view.drawMarks(box));
  view.marks = marks;
  view.setPhoto(photo, stay);
  title(photo.name, `${photo.width} × ${photo.height}`);
  byId("stage").setAttribute("aria-label", `Photo ${photo.name}, ${photo.width} by ${photo.height} pixels`);
  editor.setLayer("mask");
  document.body.classList.remove("painted");
  edit();
}

// New elements in place of the old: they are somewhere else, but nothing has moved.
function title(name, size) {
  byId("file").replaceChildren(...[["file-name", name], ["file-size", size]].map(([id, text]) => {
    const span = document.createElement("span");
    span.id = id;
    span.textContent = text;
    return span;
  }));
}

const pickPhoto = () => byId("photo-input").click();

async function openSample() {
  try {
    const response = await fetch("/page/sample.jpg");
    await openFile(new File([await response.blob()], "sample.jpg", { type: "image/jpeg" }));
  } catch (error) {
    showError(error);
  }
}

// A mask that is opened is one step, which undo takes back.
async function openMask(file) {
  if (!file) return;
  try {
    const { marks } = view;
    const { bits, scaled } = await readMask(file, marks.width, marks.height);
    if (bits.isEmpty()) throw new PageError(`Nothing is white in “${file.name}”: a mask is white where to remove.`);
    marks.paint("mask", (mask) => {
      mask.data.set(bits.data);
      return mask.whole();
    });
    marks.commit();
    showMarks();
    showNotes(scaled ? [`“${file.name}” was scaled to the photo’s size`] : []);
    say("Mask opened");
  } catch (error) {
    showError(error);
  }
  closeOptions();
}

async function saveMask() {
  saveFile(await writePng(view.marks.layers.mask), renamed(view.photo.name, "mask", ".png"));
}

// ------------------------------------------------------------------------------------------------ marking

function edit() {
  turns += 1;
  setState("edit");
  hideResult();
  editor.hideCursor();
  showNotes([]);
  showMarks();
  focusIfLost(byId("stage"));
}

function hideResult() {
  release(view.result);
  view.setResult(null);
}

function showMarks() {
  const { marks } = view;
  const empty = marks.isEmpty();
  byId("fill").setAttribute("aria-disabled", empty);
  byId("undo").disabled = !marks.canUndo && !earlier.length;
  byId("undo").title = marks.canUndo || !earlier.length ? "Undo (Ctrl+Z)" : "Back to the photo before (Ctrl+Z)";
  byId("redo").disabled = !marks.canRedo;
  byId("clear").disabled = empty && marks.isEmpty("source") && marks.isEmpty("avoid");
  byId("mask-save").disabled = empty;
  if (!empty) document.body.classList.add("painted");
  byId("see-results").textContent = tries.length === 1 ? "Back to the result" : `Back to the ${tries.length} results`;
  byId("see-results").hidden = !tries.length;
}

function moved() {
  byId("zoom-value").textContent = `${Math.round(view.cssScale * 100)} %`;
  byId("zoom-fit").classList.toggle("away", !view.fitted);
  compare.place();
  editor.showCursor();
}

// ------------------------------------------------------------------------------------------------ filling

async function fill(seed) {
  if (filling) return;
  if (view.marks.isEmpty()) {
    document.body.classList.remove("painted");
    byId("hint").classList.remove("again");
    requestAnimationFrame(() => byId("hint").classList.add("again"));
    say("First mark what should go.");
    return;
  }
  clearError();
  const before = state();
  setState("fill");
  hideResult();
  tools.hover(null);
  editor.hideCursor();
  showNotes([]);
  focusIfLost(byId("cancel"));
  filling = new Filling();
  let made = null;
  try {
    const filled = await filling.run(view.photo, view.marks, options.asked(seed), options.method.uses_source);
    if (!filled) return before === "result" ? await showTry(current) : edit();
    lastSeed = seed;
    made = { ...filled, seed, saved: false };
    tries.push(made);
    await showTry(tries.length - 1, true);
  } catch (error) {
    tries = tries.filter((one) => one !== made); // It cannot be shown.
    if (before === "result") await showTry(current);
    else edit();
    showError(error);
  } finally {
    filling = null;
  }
}

async function showTry(index, isNew = false) {
  const chosen = tries[index];
  if (!chosen) return;
  const turn = ++turns;
  const shown = await show(chosen.blob);
  if (turn !== turns) return release(shown); // Something else is shown by now.
  compare.hold(false);
  release(view.result);
  current = index;
  view.setResult(shown);
  setState("result");
  byId("try-text").textContent = `Try ${index + 1} of ${tries.length}`;
  byId("try-back").disabled = index === 0;
  byId("try-on").disabled = index === tries.length - 1;
  byId("again").disabled = !options.method.draws;
  if (isNew) compare.reveal();
  else compare.place();
  showNotes(chosen.notes);
  say(isNew ? `Done. Try ${index + 1}.` : `Try ${index + 1} of ${tries.length}`);
  focusIfLost(byId("download"));
}

function download() {
  const chosen = tries[current];
  saveFile(chosen.blob, renamed(view.photo.name, "filled"));
  chosen.saved = true;
  baseUnsaved = false;
  say("Downloaded");
}

// The bytes of the result are what is sent next: nothing passes through a canvas.
function goOn() {
  const chosen = tries[current];
  const { photo, result, marks } = view;
  if (!chosen || !result) return;
  earlier = [...earlier, { file: photo.file, marks, tries, current, baseUnsaved }].slice(-MOST_EARLIER);
  view.result = null; // It lives on as the photo.
  baseUnsaved = !chosen.saved;
  usePhoto({ ...result, file: new File([chosen.blob], photo.name, { type: chosen.blob.type }), name: photo.name, original: photo.original ?? photo }, true);
  say("The result is now the photo. Mark what else should go.");
}

/** Undo with no stroke left: back to the result that one went on from. */
async function goBack() {
  if (!earlier.length) return;
  if (lostTries() && !(await mayLeave("Back to the photo before?", "Go back"))) return;
  const { file, ...before } = earlier.at(-1);
  const { name, original } = view.photo;
  setState("loading");
  try {
    usePhoto(file === original.file ? original : { ...(await show(file)), file, name, original }, true);
    earlier.pop();
    ({ tries, baseUnsaved } = before);
    lastSeed = tries.at(-1).seed;
    view.marks = before.marks;
    view.marks.setGrow(options.grow);
    setState("loading");
    await showTry(before.current);
    say("Back to the photo before, and its result.");
  } catch (error) {
    edit();
    showError(error);
  }
}

const lostTries = () => tries.length > 0 && !tries.some((one) => one.saved);
const unsaved = () => baseUnsaved || (tries.length ? lostTries() : Boolean(view.marks && !view.marks.isEmpty()));

// ------------------------------------------------------------------------------------------------ wiring

const onClick = (id, action) => byId(id).addEventListener("click", action);
onClick("choose", pickPhoto);
onClick("open-another", pickPhoto);
onClick("try-sample", openSample);
onClick("fill", () => fill(0));
onClick("cancel", () => filling?.cancel());
onClick("again", () => fill(lastSeed + 1));
onClick("try-back", () => showTry(current - 1).catch(showError));
onClick("try-on", () => showTry(current + 1).catch(showError));
onClick("back", edit);
onClick("see-results", () => showTry(current).catch(showError));
onClick("go-on", goOn);
onClick("download", download);
onClick("mask-open", () => byId("mask-input").click());
onClick("mask-save", saveMask);
onClick("zoom-in", () => view.photo && view.zoom(1.25));
onClick("zoom-out", () => view.photo && view.zoom(0.8));
onClick("zoom-fit", () => view.photo && view.fit());
onClick("open-help", () => ask(byId("help")));
onClick("message-close", clearError);
onClick("notes-close", () => {
  showNotes([]);
  if (state() === "result") tries[current].notes = [];
  byId("stage").focus({ preventScroll: true });
});

for (const [id, open] of [["photo-input", openFile], ["mask-input", openMask]]) {
  byId(id).addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = ""; // The same file may be chosen again.
    open(file);
  });
}

window.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
window.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  openFile(event.dataTransfer.files[0]);
});
window.addEventListener("paste", (event) => openFile(event.clipboardData?.files[0]));
window.addEventListener("beforeunload", (event) => {
  if (unsaved() || filling) event.preventDefault();
});
window.addEventListener("pagehide", (event) => {
  if (!event.persisted) filling?.cancel();
});

listenToKeys({
  brush: () => editor.setTool("brush"), eraser: () => editor.setTool("eraser"),
  lasso: () => editor.setTool("lasso"), rectangle: () => editor.setTool("rectangle"),
  resize: (direction) => editor.resize(direction), undo: (event) => editor.undo(event.repeat), redo: () => editor.redo(), clear: () => editor.clear(),
  more: () => byId("options").togglePopover() && byId("grow").focus(), fill: () => fill(0), cancel: () => filling?.cancel(),
  escape: () => editor.setLayer("mask"), cursor: (event) => editor.key(event), mark: () => editor.mark(),
  again: () => byId("again").click(), earlier: () => byId("try-back").click(), later: () => byId("try-on").click(), download, goOn, back: edit,
  hold: (held) => compare.hold(held), zoom: (factor) => view.photo && view.zoom(factor), fit: () => view.photo && view.fit(),
  open: pickPhoto, help: () => ask(byId("help")),
}, editor.gestures);

if (!["localhost", "127.0.0.1", "[::1]"].includes(location.hostname)) {
  byId("stays").textContent = `It goes to ${location.hostname} and nowhere else.`;
}
// A phone turns a HEIC photo into a JPEG where HEIC is not asked for.
if (matchMedia("(pointer: fine)").matches) byId("photo-input").accept += ",.heic,image/heic";
wireDialogs();
fillHelp();
setState("start");

try {
  await openSession();
  options.setMethods(await listMethods());
} catch (error) {
  // Without the list the page offers the default method, which is always there; a locked program offers nothing.
  if (error.status === 401) showError(error);
}
