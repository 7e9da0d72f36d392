// The program's HTTP interface, and what went wrong with it as sentences.

const GONE = "The program that serves this page is not running any more. Start it again with “inpainter serve”; what you have painted stays here.";
const LOCKED = "This page is locked. Open the address with the token that “inpainter serve” printed.";
const ASK_AGAIN_MS = 1500;
const PATIENCE = 4;

/** An error whose message is a sentence for the user. */
export class PageError extends Error {
  constructor(message, { retryAfter = 0, status = 0 } = {}) {
    super(message);
    this.retryAfter = retryAfter; // Seconds after which it is worth another try; 0 for never.
    this.status = status; // Of the reply; 0 where the program sent none.
  }
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new PageError(GONE);
  }
  if (response.ok) return response;
  if (response.status === 401) throw new PageError(LOCKED, { status: 401 });
  const body = await response.json().catch(() => null);
  const retryAfter = response.status === 429 ? Number(response.headers.get("Retry-After")) || 5 : 0;
  throw new PageError(sentence(body?.error), { retryAfter, status: response.status });
}

/** The sentence of an error that the program sent. */
export function sentence(error) {
  // What an option would do is for programs.
  let told = /options\./.test(error?.remedy) ? error.what : error?.message;
  // What to install is for whoever runs the program; who has a photo can do something, too.
  if (error?.code === "missing-extra") told = `${error.what}. Save it as JPEG, or install what is missing: ${error.remedy}`;
  const text = told || "something went wrong in the program; its window may say more";
  const begun = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

/** Where the program wants a token, the address has it behind the #: it becomes a cookie and leaves the address. */
export async function openSession() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  await request("/v1/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}

export async function listMethods() {
  const response = await request("/v1/methods");
  return (await response.json()).methods.filter((method) => method.ready);
}

/** How the program sees a file that this browser cannot show. */
export async function preview(file) {
  const form = new FormData();
  form.append("image", file, file.name || "photo");
  const response = await request("/v1/preview", { method: "POST", body: form });
  return {
    blob: await response.blob(),
    width: Number(response.headers.get("Inpainter-Width")),
    height: Number(response.headers.get("Inpainter-Height")),
  };
}

/** Begin a fill of the original file; `masks` are PNG files by their names. Returns the job. */
export async function startJob(photo, masks, options, signal) {
  const form = new FormData();
  form.append("image", photo.file, photo.name);
  for (const [name, png] of Object.entries(masks)) form.append(name, png, `${name}.png`);
  form.append("options", JSON.stringify(options));
  return (await request("/v1/jobs", { method: "POST", body: form, signal })).json();
}

/** Follow a job until it ends: resolves to its last state, or to null once `signal` says stop; rejects when it failed. */
export function followJob(id, onProgress, signal) {
  return new Promise((resolve, reject) => {
    let misses = 0;
    let timer = 0;
    let ended = false;
    let source = listen();
    signal.addEventListener("abort", () => {
      end();
      resolve(null);
    });

    function listen() {
      const events = new EventSource(`/v1/jobs/${id}/events`);
      events.addEventListener("progress", read);
      for (const last of ["done", "failed", "cancelled"]) events.addEventListener(last, read);
      events.onerror = () => {
        clearTimeout(timer);
        timer = setTimeout(ask, ASK_AGAIN_MS);
      };
      return events;
    }

    function read(event) {
      misses = 0;
      clearTimeout(timer);
      take(JSON.parse(event.data));
    }

    function take(job) {
      if (job.state === "queued" || job.state === "running") {
        onProgress(job);
        return;
      }
      end();
      if (job.state === "failed") reject(new PageError(sentence(job.error)));
      else resolve(job);
    }

    // The stream broke: a phone slept, or the program has ended. A browser takes the stream up again by itself unless
    // it was refused; asking for the job tells which it is.
    async function ask() {
      try {
        const job = await (await request(`/v1/jobs/${id}`)).json();
        if (ended) return;
        misses = 0;
        take(job);
        if (!ended && source.readyState === EventSource.CLOSED) source = listen();
      } catch (error) {
        misses += 1;
        if (ended) return;
        if (error.message === GONE && misses < PATIENCE) {
          timer = setTimeout(ask, ASK_AGAIN_MS);
        } else {
          end();
          reject(error);
        }
      }
    }

    function end() {
      ended = true;
      clearTimeout(timer);
      source.close();
    }
  });
}

export async function fetchResult(url) {
  return (await request(url)).blob();
}

/** Cancel a job, or forget its result. Nothing depends on whether it worked, nor on the page still being there. */
export function dropJob(id) {
  fetch(`/v1/jobs/${id}`, { method: "DELETE", keepalive: true }).catch(() => {});
}
