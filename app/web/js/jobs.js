/**
 * Recordings on their way: files in, transcripts or problems out, one after another.
 *
 * A busy service is asked again when it says so; nothing a person gave is dropped.
 */

import { ApiError, asApiError } from "./api.js";

const POLL_MS = 1000;
const PATIENT = new Set(["queue_full", "loading", "unavailable"]);
const MOST_TRIES = 20;

/** An id for a request; the better source is there on https and on the server's machine alone. */
export const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

export class Job {
  /**
   * @param file the recording as a Blob, kept for playing, aligning and trying again.
   * @param live whether `result` came from the live transcription.
   */
  constructor(file, name, choices, { live = false } = {}) {
    this.id = newId();
    Object.assign(this, { file, name, choices, live });
    this.state = "waiting"; // sending, working, paused, done, failed, cancelled
    this.share = 0; // of what is being sent or worked on; null where nobody knows
    this.ahead = null; // seconds of audio in the service's queue
    this.wait = 0; // seconds until the next try
    this.result = null;
    this.error = null;
    this.edits = null; // what a person made of the text; see versions.js
    this.draft = null; // and what was not used yet
    this.recorded = false; // here, so that there is no other copy
    this.abort = new AbortController();
  }

  /** Whether closing the page would lose what a person did. */
  get precious() {
    return this.running || this.recorded || this.edits !== null || this.draft !== null;
  }

  get running() {
    return ["sending", "working", "paused"].includes(this.state);
  }
}

/** Fires `change` with the job as `detail`, and `done` when one has a new result. */
export class JobQueue extends EventTarget {
  #api;
  #jobs = [];
  #busy = false;

  constructor(api) {
    super();
    this.#api = api;
  }

  get jobs() {
    return this.#jobs;
  }

  add(...jobs) {
    this.#jobs.push(...jobs);
    for (const job of jobs) this.#tell(job);
    this.#next();
  }

  cancel(job) {
    job.abort.abort();
    if (job.state === "waiting") this.#set(job, { state: "cancelled" });
  }

  retry(job, choices = job.choices) {
    Object.assign(job, { state: "waiting", choices, error: null, share: 0, live: false });
    job.abort = new AbortController();
    this.#tell(job);
    this.#next();
  }

  remove(job) {
    this.cancel(job);
    this.#jobs = this.#jobs.filter((other) => other !== job);
    this.#tell(job);
  }

  async #next() {
    if (this.#busy) return;
    const job = this.#jobs.find((candidate) => candidate.state === "waiting");
    if (!job) return;
    this.#busy = true;
    try {
      const result = await this.#patiently(job);
      this.#set(job, { state: "done", result, edits: null, share: 1 });
      this.dispatchEvent(new CustomEvent("done", { detail: job }));
    } catch (thrown) {
      const error = asApiError(thrown);
      const state = error.code === "cancelled" ? "cancelled" : "failed";
      this.#set(job, { state, error: state === "failed" ? error : null });
    } finally {
      this.#busy = false;
      this.#next();
    }
  }

  async #patiently(job) {
    for (let tried = 1; ; tried++) {
      try {
        return await this.#once(job);
      } catch (error) {
        if (!PATIENT.has(error.code) || tried === MOST_TRIES) throw error;
        await this.#pause(job, Math.ceil(error.retryAfter ?? 5));
      }
    }
  }

  async #once(job) {
    this.#set(job, { state: "sending", share: 0, ahead: null });
    const watch = setInterval(() => this.#look(job), POLL_MS);
    try {
      return await this.#api.transcribe(job.file, job.name, job.choices, {
        signal: job.abort.signal,
        requestId: job.id,
        onUpload: (share) =>
          this.#set(job, share < 1 ? { state: "sending", share } : { state: "working", share: null }),
      });
    } finally {
      clearInterval(watch);
    }
  }

  /** How far the service is, or what is in its queue before it begins. */
  async #look(job) {
    if (job.state !== "working") return;
    try {
      const { done, windows } = await this.#api.progress(job.id);
      const { queue } = done ? { queue: null } : await this.#api.health();
      if (job.state !== "working") return;
      this.#set(job, done ? { share: done / windows } : { share: null, ahead: queue.seconds });
    } catch {
      // The request itself will say it if the service is gone.
    }
  }

  #pause(job, seconds) {
    this.#set(job, { state: "paused", wait: seconds });
    return new Promise((resolve, reject) => {
      const tick = setInterval(() => {
        if (job.wait > 1) return this.#set(job, { wait: job.wait - 1 });
        finish();
        resolve();
      }, 1000);
      const stop = () => {
        finish();
        reject(new ApiError("Cancelled.", { code: "cancelled" }));
      };
      const finish = () => {
        clearInterval(tick);
        job.abort.signal.removeEventListener("abort", stop);
      };
      job.abort.signal.addEventListener("abort", stop);
      if (job.abort.signal.aborted) stop();
    });
  }

  #set(job, changes) {
    Object.assign(job, changes);
    this.#tell(job);
  }

  #tell(job) {
    this.dispatchEvent(new CustomEvent("change", { detail: job }));
  }
}
