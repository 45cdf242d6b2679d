/**
 * The caller's jobs, which the service keeps: lists them, follows them, opens and erases them.
 *
 * One request lists all jobs that are shown. It is repeated only while one of them is unfinished and
 * the tab can be seen.
 */

import { asApiError } from "./exchange.js";
import { Emitter } from "./events.js";
import { Job } from "./jobs.js";
import { editedTranscript, fromAlignment } from "./versions.js";

/** @typedef {import("./api.js").StoredJob} StoredJob */
/** @typedef {import("./api.js").TranscriptJson} TranscriptJson */

/** `locked`: the service needs a key; `refused`: the key may not list jobs. */
/** @typedef {"listed" | "locked" | "refused" | "unreachable"} ListState */

const PAGE = 10;
const MAX_PAGE = 100;
const POLL_MS = 3000;
const LATER_MS = 30_000;

/** @param {StoredJob} stored */
export const isRunning = (stored) => stored.status === "queued" || stored.status === "processing";

/**
 * Emits `change` when the list has changed, `ended` with a job that has ended since the list before,
 * and `lost` with an opened job that the service has erased by itself, or that belongs to another key.
 * @extends {Emitter<{change: null, ended: StoredJob, lost: Job}>}
 */
export class StoredJobs extends Emitter {
  #api;
  #keptOf;
  /** @type {StoredJob[]} */
  #jobs = [];
  /** @type {ListState} */
  #state = "listed";
  #more = false;
  #wanted = PAGE;
  #timer = 0;
  /** Of the newest request: the answer to an older one is not used. */
  #round = 0;
  /** Recordings that were handed in on this page, by the id of their job. @type {Map<string, Blob>} */
  #files = new Map();
  /** @type {Map<string, Job>} */
  #opened = new Map();

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./keyring.js").KeyRing} keys
   * @param {(id: string) => Job | null} keptOf returns the text of a job that the browser keeps.
   */
  constructor(api, keys, keptOf) {
    super();
    this.#api = api;
    this.#keptOf = keptOf;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.#timer);
      else void this.refresh();
    });
    keys.on("change", () => {
      this.#jobs = [];
      this.#wanted = PAGE;
      this.#files.clear();
      for (const id of this.#opened.keys()) this.#lose(id);
      void this.refresh();
    });
  }

  get jobs() {
    return this.#jobs;
  }

  get state() {
    return this.#state;
  }

  /** Whether the service has more jobs than are listed. */
  get more() {
    return this.#more;
  }

  /** The jobs whose text was opened. */
  get opened() {
    return [...this.#opened.values()];
  }

  /**
   * Whether a job's text is the given one.
   * @param {string} id
   * @param {Job | null} job
   */
  isOf(id, job) {
    return job !== null && this.#opened.get(id) === job;
  }

  /**
   * Lists the jobs anew; never rejects.
   * @param {{quiet?: boolean}} options whether a missing key is reported by `state` instead of requested.
   */
  async refresh({ quiet = true } = {}) {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    /** @type {ListState} */
    let state = "listed";
    let found = { jobs: this.#jobs, more: this.#more };
    try {
      found = await this.#list(quiet);
    } catch (thrown) {
      const { status } = asApiError(thrown);
      if (status === 401 || status === 403) found = { jobs: [], more: false };
      if (status === 401) state = "locked";
      else state = status === 403 ? "refused" : "unreachable";
    }
    if (round !== this.#round) return;
    const before = this.#jobs;
    this.#jobs = found.jobs;
    this.#more = found.more;
    this.#state = state;
    this.emit("change", null);
    if (state === "listed") this.#compare(before);
    this.#schedule();
  }

  /** Lists a page more. */
  async showMore() {
    this.#wanted = this.#jobs.length + PAGE;
    await this.refresh();
  }

  /**
   * Adds a job that was handed in on this page.
   * @param {StoredJob} stored
   * @param {Blob | null} file
   */
  add(stored, file) {
    if (file) this.#files.set(stored.id, file);
    this.#jobs = [stored, ...this.#jobs.filter(({ id }) => id !== stored.id)];
    this.#wanted = Math.max(this.#wanted, this.#jobs.length);
    this.emit("change", null);
    void this.refresh();
  }

  /**
   * Fetches the result of a completed job.
   * @param {StoredJob} stored
   * @param {string} name of the recording.
   * @returns {Promise<Job>} the same one each time, with the corrections that were made meanwhile.
   */
  async open(stored, name) {
    const known = this.#opened.get(stored.id) ?? this.#keptOf(stored.id);
    if (known) {
      known.correctable = stored.kind === "transcribe";
      known.training = stored.training;
      this.#opened.set(stored.id, known);
      return known;
    }
    const job = new Job(this.#files.get(stored.id) ?? null, name, {});
    job.id = stored.id;
    job.state = "done";
    job.correctable = stored.kind === "transcribe";
    job.training = stored.training;
    if (stored.kind === "align") job.result = transcriptOf(await this.#api.alignmentOf(stored.id));
    else job.result = await this.#api.transcriptOf(stored.id);
    this.#opened.set(stored.id, job);
    // Where the operator keeps results until they are fetched, the service has erased it now.
    void this.refresh();
    return job;
  }

  /**
   * Ends and erases a job.
   * @param {StoredJob} stored
   * @returns {Promise<Job | null>} its text, where it was opened or is kept.
   */
  async erase(stored) {
    try {
      await this.#api.deleteJob(stored.id);
    } catch (error) {
      // It was erased meanwhile, from another machine or by the service.
      if (asApiError(error).code !== "job_not_found") throw error;
    }
    const job = this.#opened.get(stored.id) ?? this.#keptOf(stored.id);
    this.#opened.delete(stored.id);
    this.#files.delete(stored.id);
    this.#jobs = this.#jobs.filter(({ id }) => id !== stored.id);
    this.emit("change", null);
    void this.refresh();
    return job;
  }

  /**
   * Drops an opened text, which is fetched anew when it is opened again.
   * @param {Job} job
   */
  forget(job) {
    if (this.isOf(job.id, job)) this.#opened.delete(job.id);
  }

  /** @param {boolean} quiet */
  async #list(quiet) {
    /** @type {StoredJob[]} */
    const jobs = [];
    /** @type {string | null} */
    let after = null;
    do {
      const limit = Math.min(MAX_PAGE, this.#wanted - jobs.length);
      /** @type {import("./api.js").StoredPage} */
      const page = await this.#api.listJobs({ limit, after }, { quiet });
      jobs.push(...page.jobs);
      after = page.next;
    } while (after !== null && jobs.length < this.#wanted);
    return { jobs, more: after !== null };
  }

  /**
   * Emits what has happened since the list before.
   * @param {StoredJob[]} before
   */
  #compare(before) {
    const ids = new Map(this.#jobs.map((stored) => [stored.id, stored]));
    for (const { id } of before.filter(isRunning)) {
      const now = ids.get(id);
      if (now && !isRunning(now)) this.emit("ended", now);
    }
    // A list that does not end here may have it further down.
    if (this.#more) return;
    for (const id of this.#opened.keys()) if (!ids.has(id)) this.#lose(id);
  }

  /** @param {string} id of an opened job that cannot be fetched again. */
  #lose(id) {
    const job = this.#opened.get(id);
    if (!job) return;
    this.#opened.delete(id);
    job.onlyCopy = true;
    job.correctable = false;
    this.emit("lost", job);
  }

  #schedule() {
    if (document.hidden) return;
    const waiting = this.#state === "unreachable" ? LATER_MS : POLL_MS;
    if (this.#state === "unreachable" || this.#jobs.some(isRunning)) {
      this.#timer = setTimeout(() => void this.refresh(), waiting);
    }
  }
}

/**
 * The alignment of a text as a transcript of one paragraph.
 * @param {import("./api.js").AlignmentJson} alignment
 * @returns {TranscriptJson}
 */
function transcriptOf({ words, language, model, duration }) {
  const text = words.map(({ word }) => word).join(" ");
  const version = fromAlignment(words, { texts: [text], owners: [null] }, { duration });
  return editedTranscript(version, { language, model, duration });
}
