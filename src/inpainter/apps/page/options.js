// The panel "More": how far the mask is widened, the quality, and which method fills.
import { byId, radioGroup } from "./ui.js";

const QUALITIES = {
  fast: ["Fast", "Half the time, and a little worse."],
  balanced: ["Balanced", "Right for almost every photo."],
  best: ["Best", "Searches a third longer. Worth a try when the result does not please."],
};
// What the page can do without knowing anything of the program: its default method.
const AUTO = { name: "auto", summary: "", draws: true, uses_source: true, settings: { properties: { quality: { enum: Object.keys(QUALITIES) } } } };

export class Options {
  constructor(onGrow) {
    this.onGrow = onGrow;
    this.methods = [AUTO];
    this.method = AUTO;
    this.quality = "balanced";
    this.grow = 0;
    this.checkQuality = radioGroup(byId("quality"), (radio) => {
      this.quality = radio.dataset.quality;
      this.show();
    });
    this.checkMethod = radioGroup(byId("methods"), (radio) => {
      this.method = this.methods.find((method) => method.name === radio.dataset.method);
      this.show();
    });
    byId("grow").addEventListener("input", (event) => this.setGrow(event.target.valueAsNumber));
    byId("method-option").addEventListener("toggle", (event) => event.target.open && event.target.scrollIntoView());
    this.show();
  }

  setMethods(methods) {
    this.methods = methods.length ? methods : [AUTO];
    this.method = this.methods.find((method) => method.name === "auto") ?? this.methods[0];
    byId("methods").replaceChildren(...this.methods.map(methodRow));
    this.show();
  }

  /** Start with an edge that suits the photo: people paint tightly, and a rim of the thing would be continued. */
  suit(photo) {
    const longest = Math.max(photo.width, photo.height);
    const usual = Math.max(2, Math.round(longest / 500));
    byId("grow").max = Math.max(12, usual * 5);
    byId("grow").value = usual;
    this.setGrow(usual);
  }

  setGrow(pixels) {
    this.grow = pixels;
    byId("grow-text").textContent = pixels ? `${pixels} px wider` : "as painted";
    this.onGrow(pixels);
  }

  /** As the program takes them; `seed` chooses among the fills of a method that draws. */
  asked(seed) {
    const settings = this.qualities.includes(this.quality) ? { quality: this.quality } : {};
    return { method: this.method.name, settings, grow: this.grow, seed, candidates: 1 };
  }

  get qualities() {
    return this.method.settings?.properties?.quality?.enum ?? [];
  }

  show() {
    byId("quality-option").hidden = !this.qualities.length;
    byId("quality").replaceChildren(...this.qualities.map(qualityButton));
    this.checkQuality(byId("quality").querySelector(`[data-quality="${this.quality}"]`));
    byId("quality-text").textContent = QUALITIES[this.quality]?.[1] ?? "";
    byId("texture-option").hidden = !this.method.uses_source;
    byId("method-text").textContent = this.method.name;
    this.checkMethod(byId("methods").querySelector(`[data-method="${this.method.name}"]`));
  }
}

function qualityButton(quality) {
  const button = element("button", QUALITIES[quality]?.[0] ?? quality);
  button.type = "button";
  button.setAttribute("role", "radio");
  button.dataset.quality = quality;
  return button;
}

function methodRow(method) {
  const row = element("button");
  row.type = "button";
  row.className = "method";
  row.setAttribute("role", "radio");
  row.dataset.method = method.name;
  row.append(element("b", method.name), element("span", method.summary));
  if (method.good_for) row.append(element("span", `Good for ${method.good_for}.`));
  return row;
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
