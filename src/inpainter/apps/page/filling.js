// One fill: send the file and the masks, follow the job, show how far it is, fetch the result.
import { PageError, dropJob, fetchResult, followJob, startJob } from "./api.js";
import { LAYERS } from "./marks.js";
import { writePng } from "./png.js";
import { byId, say } from "./ui.js";

const STOPPED = "The program stopped this fill: it was started again, or this page was out of reach for a while. Press Remove again; what you painted is still here.";
const SAY_EVERY_MS = 5000;

export class Filling {
  #abort = new AbortController();
  #id = null;
  #began = 0;
  #said = 0;

  /** Returns { blob, notes }, or null when it was cancelled. */
  async run(photo, marks, options, usesSource) {
    this.#show("Preparing …", null);
    const names = LAYERS.filter((name) => !marks.isEmpty(name) && (name === "mask" || usesSource));
    const masks = {};
    for (const name of names) masks[name] = await writePng(marks.layers[name]);
    try {
      const job = await this.#start(photo, masks, options);
      this.#id = job.id;
      if (this.cancelled) return this.#drop();
      this.#progress(job);
      const last = await followJob(job.id, (now) => this.#progress(now), this.#abort.signal);
      if (this.cancelled) return null;
      if (last.state === "cancelled") throw new PageError(STOPPED);
      const blob = await fetchResult(last.results[0].url);
      this.#drop();
      return this.cancelled ? null : { blob, notes: last.notes ?? [] };
    } catch (error) {
      if (this.cancelled) return null;
      // A program that was started again does not know the job.
      const lost = this.#id && error.status === 404;
      this.#drop();
      throw lost ? new PageError(STOPPED) : error;
    }
  }

  get cancelled() {
    return this.#abort.signal.aborted;
  }

  cancel() {
    this.#abort.abort();
    this.#drop();
  }

  #drop() {
    if (this.#id) dropJob(this.#id);
    this.#id = null;
    return null;
  }

  // A full queue is no error: wait as long as it asks, until somebody cancels.
  async #start(photo, masks, options) {
    for (;;) {
      try {
        return await startJob(photo, masks, options, this.#abort.signal);
      } catch (error) {
        if (!error.retryAfter) throw error;
        for (let left = Math.ceil(error.retryAfter); left > 0 && !this.cancelled; left--) {
          this.#show(`Others are being served. Trying again in ${left} s`, null);
          await new Promise((resolve) => setTimeout(resolve, 1000));
        }
        if (this.cancelled) throw error;
      }
    }
  }

  #progress(job) {
    if (this.cancelled) return;
    if (job.state === "queued") {
      const before = job.waiting === 1 ? "One fill is" : `${job.waiting} fills are`;
      return this.#show(job.waiting ? `${before} before yours` : "Starting …", null);
    }
    const now = performance.now();
    this.#began ||= now;
    const share = job.total ? job.done / job.total : 0;
    const seconds = (now - this.#began) / 1000;
    const left = share > 0.05 && seconds > 1 ? timeLeft((seconds * (1 - share)) / share) : "";
    this.#show("Removing …", job.total ? share : null, left);
  }

  #show(text, share, left = "") {
    const bar = byId("progress");
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    byId("progress-text").textContent = text;
    byId("progress-left").textContent = left;
    const now = performance.now();
    if (now - this.#said < SAY_EVERY_MS) return;
    this.#said = now;
    say([text, share === null ? "" : `${Math.round(share * 100)} %`, left].filter(Boolean).join(", "));
  }
}

function timeLeft(seconds) {
  if (seconds < 4) return "a few seconds left";
  if (seconds < 55) return `about ${seconds < 15 ? Math.ceil(seconds) : Math.ceil(seconds / 5) * 5} s left`;
  return seconds < 90 ? "about a minute left" : `about ${Math.round(seconds / 60)} minutes left`;
}
