/**
 * The queue of recordings: transcribes files one after another, or hands them in.
 *
 * A request that a busy service refuses is repeated after `Retry-After`; no recording is dropped.
 */

import { ApiError, asApiError } from "./exchange.js";
import { Emitter } from "./events.js";
import { History } from "./history.js";

/** @typedef {"waiting" | "sending" | "working" | "paused" | "done" | "failed" | "cancelled"} JobState */

const POLL_MS = 1000;
const RETRIED_CODES = new Set(["queue_full", "loading", "unavailable", "jobs_unavailable"]);
const MAX_TRIES = 20;
const DEFAULT_RETRY_SECONDS = 5;

/**
 * An id for a request; randomUUID exists on https and on the server's own machine alone.
 * @returns {string}
 */
export const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

export class Job {
  id = newId();
  /** @type {JobState} */
  state = "waiting";
  /** Share that is sent or encoded; null where it is not known. @type {number | null} */
  share = 0;
  /** Seconds of audio in the service's queue. @type {number | null} */
  ahead = null;
  /** Seconds until the next try. */
  wait = 0;
  /** @type {import("./api.js").TranscriptJson | null} */
  result = null;
  /** @type {ApiError | null} */
  error = null;
  /** What the person made of the text. */
  history = new History();
  /** The whole text as it is being corrected, where it is not in use yet. @type {string | null} */
  draft = null;
  /** Whether the browser keeps the recording, its text and the edits, all of them as they are now. */
  kept = false;
  /** Whether it was recorded on this page, so that there is no other copy. */
  recorded = false;
  /** Whether its text cannot be fetched from the service again. */
  onlyCopy = false;
  /** Whether it is handed in, so that the service works on it without the page. */
  background = false;
  /** Whether the service has its transcript, and takes a corrected one. */
  correctable = false;
  /** Whether its corrected text is kept by the service to train models. */
  training = false;
  abort = new AbortController();

  /**
   * @param {Blob | null} file the recording, kept for playing, aligning and trying again; null where
   *     it was handed in elsewhere.
   * @param {string} name
   * @param {import("./exchange.js").Parameters} choices
   */
  constructor(file, name, choices) {
    this.file = file;
    this.name = name;
    this.choices = choices;
    /** Whether `result` came from the live transcription. */
    this.live = false;
  }

  /** Whether closing the page would lose a person's work. */
  get unsaved() {
    return this.running || (!this.kept && (this.recorded || this.onlyCopy || this.edited));
  }

  /** Whether a person's work is in the text. */
  get edited() {
    return this.history.current !== null || this.draft !== null;
  }

  get running() {
    return ["sending", "working", "paused"].includes(this.state);
  }
}

/**
 * The result of a job that can be opened.
 * @param {Job} job
 */
export function resultOf(job) {
  if (!job.result) throw new Error("The recording has no text.");
  return job.result;
}

/**
 * The recording of a job that can be transcribed.
 * @param {Job} job
 */
export function fileOf(job) {
  if (!job.file) throw new Error("The recording is not on this page.");
  return job.file;
}

/**
 * Emits `change` with a job whenever it changed, `done` when it has a new result, and `stored` with
 * a job that was handed in and has left the queue.
 * @extends {Emitter<{change: Job, done: Job, stored: {job: Job, stored: import("./api.js").StoredJob}}>}
 */
export class JobQueue extends Emitter {
  #api;
  /** @type {Job[]} */
  #jobs = [];
  #busy = false;

  /** @param {import("./api.js").Api} api */
  constructor(api) {
    super();
    this.#api = api;
  }

  get jobs() {
    return this.#jobs;
  }

  /** @param {Job[]} jobs */
  add(...jobs) {
    this.#jobs.push(...jobs);
    for (const job of jobs) this.emit("change", job);
    void this.#next();
  }

  /** @param {Job} job */
  cancel(job) {
    job.abort.abort();
    if (job.state === "waiting") this.#set(job, { state: "cancelled" });
  }

  /** @param {Job} job */
  retry(job, choices = job.choices) {
    Object.assign(job, { state: "waiting", choices, error: null, share: 0, live: false });
    job.abort = new AbortController();
    this.emit("change", job);
    void this.#next();
  }

  /** @param {Job} job */
  remove(job) {
    this.cancel(job);
    this.#jobs = this.#jobs.filter((other) => other !== job);
    this.emit("change", job);
  }

  /** Runs the next waiting job, and then the one after it; never rejects. */
  async #next() {
    if (this.#busy) return;
    const job = this.#jobs.find((candidate) => candidate.state === "waiting");
    if (!job) return;
    this.#busy = true;
    try {
      if (job.background) {
        const stored = await this.#retried(job, () => this.#submit(job));
        this.remove(job);
        this.emit("stored", { job, stored });
      } else {
        const result = await this.#retried(job, () => this.#transcribe(job));
        this.#set(job, { state: "done", result, history: new History(), share: 1 });
        this.emit("done", job);
      }
    } catch (thrown) {
      const error = asApiError(thrown);
      if (error.code === "cancelled") this.#set(job, { state: "cancelled", error: null });
      else this.#set(job, { state: "failed", error });
    } finally {
      this.#busy = false;
      void this.#next();
    }
  }

  /**
   * Repeats a request while the service is busy.
   * @template Answer
   * @param {Job} job
   * @param {() => Promise<Answer>} request
   */
  async #retried(job, request) {
    for (let tries = 1; ; tries++) {
      try {
        return await request();
      } catch (error) {
        if (!(error instanceof ApiError) || !RETRIED_CODES.has(error.code) || tries === MAX_TRIES) throw error;
        await this.#pause(job, Math.ceil(error.retryAfter ?? DEFAULT_RETRY_SECONDS));
      }
    }
  }

  /** @param {Job} job */
  #submit(job) {
    this.#set(job, { state: "sending", share: 0 });
    return this.#api.submit(fileOf(job), job.name, job.choices, {
      signal: job.abort.signal,
      // A request whose answer was lost is repeated without making a second job.
      idempotencyKey: job.id,
      onUpload: (share) => this.#set(job, { state: "sending", share }),
    });
  }

  /** @param {Job} job */
  async #transcribe(job) {
    this.#set(job, { state: "sending", share: 0, ahead: null });
    const poll = setInterval(() => void this.#pollProgress(job), POLL_MS);
    try {
      return await this.#api.transcribe(fileOf(job), job.name, job.choices, {
        signal: job.abort.signal,
        requestId: job.id,
        onUpload: (share) =>
          this.#set(job, share < 1 ? { state: "sending", share } : { state: "working", share: null }),
      });
    } finally {
      clearInterval(poll);
    }
  }

  /**
   * Updates the share that is encoded, or the queue before the job begins.
   * @param {Job} job
   */
  async #pollProgress(job) {
    if (job.state !== "working") return;
    try {
      const { done, windows } = await this.#api.progress(job.id);
      const ahead = done ? null : (await this.#api.health()).queue.seconds;
      // Another state may have been set while the answers were on their way.
      if (/** @type {JobState} */ (job.state) !== "working") return;
      this.#set(job, done ? { share: done / windows } : { share: null, ahead });
    } catch {
      // The request itself fails if the service is gone.
    }
  }

  /**
   * Waits before the next try, counting down.
   * @param {Job} job
   * @param {number} seconds
   * @returns {Promise<void>}
   */
  #pause(job, seconds) {
    this.#set(job, { state: "paused", wait: seconds });
    return new Promise((resolve, reject) => {
      const tick = setInterval(() => {
        if (job.wait > 1) {
          this.#set(job, { wait: job.wait - 1 });
          return;
        }
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

  /**
   * @param {Job} job
   * @param {Partial<Job>} changes
   */
  #set(job, changes) {
    Object.assign(job, changes);
    this.emit("change", job);
  }
}
