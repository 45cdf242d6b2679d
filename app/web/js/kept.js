/**
 * Keeps edited texts and their recordings in the browser (IndexedDB): a closed tab loses nothing.
 *
 * They stay until the person removes them. Where the browser allows no storage, or has no room,
 * `Job.kept` stays false, and the page warns before it is closed.
 */

import { Emitter } from "./events.js";
import { History } from "./history.js";
import { Job, resultOf } from "./jobs.js";

const DATABASE = "nordlyd";
const TEXTS = "texts";
// Stored once, by the id of their text: they are large and do not change.
const RESULTS = "results";
const RECORDINGS = "recordings";
const STORES = [TEXTS, RESULTS, RECORDINGS];
const DELAY_MS = 1000;

/**
 * One edited text as it is stored, after each change.
 * @typedef {object} Kept
 * @property {string} id
 * @property {string} name
 * @property {import("./exchange.js").Parameters} choices
 * @property {import("./versions.js").Version | null} edits
 * @property {string | null} draft
 * @property {boolean} recorded
 * @property {boolean} live
 * @property {number} savedAt in milliseconds since 1970.
 */

/**
 * Emits `change` with a job when it is kept, or when that failed.
 * @extends {Emitter<{change: Job}>}
 */
export class KeptTexts extends Emitter {
  /** Jobs that are about to be saved, with their timers. @type {Map<Job, number>} */
  #due = new Map();
  /** Whether the recording of an id is stored; undefined where that was not tried. @type {Map<string, boolean>} */
  #recordings = new Map();
  /** Ids whose result is stored. @type {Set<string>} */
  #results = new Set();
  /** Writes, one after another. @type {Promise<unknown>} */
  #writes = Promise.resolve();
  /** @type {Promise<IDBDatabase> | null} */
  #database = null;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => document.hidden && this.#flush());
    window.addEventListener("pagehide", () => this.#flush());
  }

  /**
   * The kept texts as jobs, the oldest first; none where the browser has no storage.
   * @returns {Promise<Job[]>}
   */
  async restore() {
    try {
      const transaction = (await this.#open()).transaction(STORES);
      /** @type {Kept[]} */
      const texts = await answerOf(transaction.objectStore(TEXTS).getAll());
      const jobs = texts.toSorted((a, b) => a.savedAt - b.savedAt).map(async (kept) => {
        /** @type {[import("./api.js").TranscriptJson, Blob | undefined]} */
        const [result, file] = await Promise.all([
          answerOf(transaction.objectStore(RESULTS).get(kept.id)),
          answerOf(transaction.objectStore(RECORDINGS).get(kept.id)),
        ]);
        return this.#jobOf(kept, result, file ?? null);
      });
      return await Promise.all(jobs);
    } catch (error) {
      if (!isRefusal(error)) reportError(error);
      return [];
    }
  }

  /**
   * Save a job's text shortly, once for all changes that are made meanwhile.
   * @param {Job} job
   */
  saveSoon(job) {
    job.kept = false;
    clearTimeout(this.#due.get(job));
    this.#due.set(job, setTimeout(() => void this.#save(job), DELAY_MS));
  }

  /**
   * Remove a job's text and recording; never rejects.
   * @param {Job} job
   */
  async remove(job) {
    clearTimeout(this.#due.get(job));
    this.#due.delete(job);
    job.kept = false;
    try {
      await this.#write(STORES, (transaction) => {
        for (const name of STORES) transaction.objectStore(name).delete(job.id);
      });
      this.#results.delete(job.id);
      this.#recordings.delete(job.id);
    } catch (error) {
      if (!isRefusal(error)) reportError(error);
    }
  }

  #flush() {
    for (const [job, timer] of this.#due) {
      clearTimeout(timer);
      void this.#save(job);
    }
  }

  /**
   * Save a job's text, and its recording the first time; never rejects.
   * @param {Job} job
   */
  async #save(job) {
    this.#due.delete(job);
    let saved = false;
    try {
      if (job.file && !this.#recordings.has(job.id)) await this.#saveRecording(job.id, job.file);
      const isFirst = !this.#results.has(job.id);
      await this.#write([TEXTS, RESULTS], (transaction) => {
        if (isFirst) transaction.objectStore(RESULTS).put(resultOf(job), job.id);
        transaction.objectStore(TEXTS).put(keptOf(job));
      });
      this.#results.add(job.id);
      // There is no other copy of what was recorded on the page.
      saved = !job.recorded || this.#recordings.get(job.id) === true;
    } catch (error) {
      if (!isRefusal(error)) reportError(error);
    }
    // Changed again meanwhile: then it is saved again.
    if (this.#due.has(job)) return;
    job.kept = saved;
    this.emit("change", job);
  }

  /**
   * Save a recording where there is room for it.
   * @param {string} id
   * @param {Blob} file
   */
  async #saveRecording(id, file) {
    try {
      await this.#write([RECORDINGS], (transaction) => transaction.objectStore(RECORDINGS).put(file, id));
      this.#recordings.set(id, true);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#recordings.set(id, false);
    }
  }

  /**
   * Write after all writes before.
   * @param {string[]} stores
   * @param {(transaction: IDBTransaction) => unknown} put
   */
  #write(stores, put) {
    const written = this.#writes.then(() => this.#commit(stores, put));
    this.#writes = written.catch(() => {});
    return written;
  }

  /**
   * @param {string[]} stores
   * @param {(transaction: IDBTransaction) => unknown} put
   */
  async #commit(stores, put) {
    const transaction = (await this.#open()).transaction(stores, "readwrite");
    put(transaction);
    await committed(transaction);
  }

  #open() {
    this.#database ??= openDatabase();
    return this.#database;
  }

  /**
   * @param {Kept} kept
   * @param {import("./api.js").TranscriptJson} result
   * @param {Blob | null} file
   */
  #jobOf({ id, name, choices, edits, draft, recorded, live }, result, file) {
    this.#results.add(id);
    const job = new Job(file, name, choices);
    const history = new History(edits);
    if (file) this.#recordings.set(id, true);
    return Object.assign(job, { id, result, history, draft, recorded, live, state: "done", share: 1, kept: true });
  }
}

/**
 * @param {Job} job
 * @returns {Kept}
 */
function keptOf(job) {
  const { id, name, draft, recorded, live } = job;
  // What was masked for its readers is not kept beside the text.
  const { redact_names: _, ...choices } = job.choices;
  return { id, name, choices, edits: job.history.current, draft, recorded, live, savedAt: Date.now() };
}

/** @returns {Promise<IDBDatabase>} */
async function openDatabase() {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(TEXTS, { keyPath: "id" });
    request.result.createObjectStore(RESULTS);
    request.result.createObjectStore(RECORDINGS);
  };
  return answerOf(request);
}

/**
 * @template Answer
 * @param {IDBRequest<Answer>} request
 * @returns {Promise<Answer>}
 */
function answerOf(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * Whether the browser allows no storage, has no room, or cannot read a file any more: no fault of
 * the page.
 * @param {unknown} error
 */
const isRefusal = (error) => error instanceof DOMException;
