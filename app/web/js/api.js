/**
 * HTTP and WebSocket calls of the service; failures are `ApiError`s.
 *
 * Addresses are relative to the page, so that it works under any path of a proxy.
 */

import { ApiError, exchange, toForm } from "./exchange.js";

/** @typedef {import("./exchange.js").Parameters} Parameters */
/** @typedef {import("./exchange.js").RequestOptions} RequestOptions */
/** @typedef {import("./keyring.js").KeyRing} KeyRing */

/**
 * `speaker` is a label, where speakers are told apart.
 * @typedef {{word: string, start: number, end: number, confidence: number, found?: boolean, speaker?: string}} Word
 */

/** @typedef {{id: number, start: number, end: number, text: string, confidence?: number, speaker?: string}} Segment */

/**
 * The answer of POST /transcribe, as far as the page uses it; times are in seconds.
 * @typedef {object} TranscriptJson
 * @property {string} text
 * @property {Word[]} words
 * @property {Segment[]} segments
 * @property {number | null} [confidence]
 * @property {string} language
 * @property {string} model
 * @property {number} duration
 * @property {string} [formatted_text]
 * @property {Word[]} [formatted_words]
 * @property {Segment[]} [formatted_segments]
 * @property {{text: string, words: Word[]}[]} [alternatives]
 * @property {{message: string}[]} [warnings]
 */

/** @typedef {{word: string, start: number, end: number, score: number, found: boolean}} AlignedWord */

/** @typedef {{id: string, title?: string, languages: string[], language_models?: string[]}} ModelInfo */

/**
 * `diarize` is whether the service can find out who speaks; `known_speakers`, whether it keeps
 * voices with names; `keeps_corrections`, whether it keeps corrected transcripts to train models.
 * @typedef {{
 *   state: string, version: string, models: ModelInfo[], diarize: boolean,
 *   known_speakers: boolean, keeps_corrections: boolean, queue: {seconds: number},
 * }} Health
 */

/** @typedef {{id: string, name: string, created_at: string}} KnownSpeaker */

/** @typedef {{words: AlignedWord[], language: string, model: string, duration: number}} AlignmentJson */

/** @typedef {{message: string, type: string, code: string, param: string | null}} ErrorJson */

/**
 * A job of POST /jobs, as far as the page uses it; times are in ISO 8601.
 * @typedef {object} StoredJob
 * @property {string} id
 * @property {"queued" | "processing" | "completed" | "failed" | "cancelled"} status
 * @property {"transcribe" | "align"} kind
 * @property {string} name of the recording; may be empty.
 * @property {string} created_at
 * @property {string | null} expires_at
 * @property {number} progress in 0..1.
 * @property {number | null} seconds_left
 * @property {string} language
 * @property {number | null} duration in seconds.
 * @property {boolean} training whether its corrected text is kept to train models.
 * @property {ErrorJson | null} error
 */

/** @typedef {{jobs: StoredJob[], next: string | null}} StoredPage */

export class Api {
  #keys;

  /** @param {KeyRing} keys provides the key, and requests one from the person after a 401. */
  constructor(keys) {
    this.#keys = keys;
  }

  /**
   * The service's state, models and queue.
   * @returns {Promise<Health>}
   */
  health() {
    return this.#send("GET", "health", { open: true });
  }

  /**
   * How many windows of a request are encoded.
   * @param {string} requestId
   * @returns {Promise<{running: boolean, done: number, windows: number}>}
   */
  progress(requestId) {
    return this.#send("GET", `progress/${encodeURIComponent(requestId)}`, { quiet: true });
  }

  /**
   * Transcribe a file.
   * @param {Blob} file
   * @param {string} name
   * @param {Parameters} choices
   * @param {RequestOptions} options
   * @returns {Promise<TranscriptJson>}
   */
  transcribe(file, name, choices, { signal, onUpload, requestId }) {
    return this.#send("POST", "transcribe", { body: toForm(file, name, choices), signal, onUpload, requestId });
  }

  /**
   * Hand in a file, to be transcribed whether or not the page stays open.
   * @param {Blob} file
   * @param {string} name
   * @param {Parameters} choices
   * @param {RequestOptions & {idempotencyKey: string}} options requests of the same key make one job.
   * @returns {Promise<StoredJob>}
   */
  submit(file, name, choices, { signal, onUpload, requestId, idempotencyKey }) {
    const headers = { "idempotency-key": idempotencyKey };
    return this.#send("POST", "jobs", { body: toForm(file, name, choices), headers, signal, onUpload, requestId });
  }

  /**
   * The jobs of the key, the newest first.
   * @param {{limit: number, after: string | null}} page `after` is the `next` of the page before.
   * @param {RequestOptions} options
   * @returns {Promise<StoredPage>}
   */
  listJobs({ limit, after }, { quiet }) {
    const query = new URLSearchParams({ limit: String(limit), ...(after === null ? {} : { after }) });
    return this.#send("GET", `jobs?${query}`, { quiet });
  }

  /**
   * The result of a transcription that was handed in.
   * @param {string} id
   * @returns {Promise<TranscriptJson>}
   */
  transcriptOf(id) {
    return this.#send("GET", `jobs/${encodeURIComponent(id)}/result?response_format=json&words=true`, {});
  }

  /**
   * The result of an alignment that was handed in.
   * @param {string} id
   * @returns {Promise<AlignmentJson>}
   */
  alignmentOf(id) {
    return this.#send("GET", `jobs/${encodeURIComponent(id)}/result?response_format=json`, {});
  }

  /**
   * Replace the result of a transcription that was handed in by a corrected one.
   * @param {string} id
   * @param {object} transcript
   * @param {boolean} training whether it may be kept to train models.
   * @returns {Promise<StoredJob>}
   */
  correct(id, transcript, training) {
    return this.#send("PUT", `jobs/${encodeURIComponent(id)}/result?training=${training}`, {
      body: JSON.stringify(transcript),
      headers: { "content-type": "application/json" },
    });
  }

  /**
   * End and erase a job.
   * @param {string} id
   * @returns {Promise<Blob>}
   */
  deleteJob(id) {
    return this.#send("DELETE", `jobs/${encodeURIComponent(id)}`, { as: "blob" });
  }

  /**
   * The known speakers of the key, the oldest first.
   * @param {RequestOptions} options
   * @returns {Promise<{speakers: KnownSpeaker[]}>}
   */
  listSpeakers({ quiet }) {
    return this.#send("GET", "speakers", { quiet });
  }

  /**
   * Keep the voice of a speaker.
   * @param {string} name
   * @param {Blob} sample 2 to 60 s of one voice.
   * @param {string} file name of the sample.
   * @param {RequestOptions} options
   * @returns {Promise<KnownSpeaker>}
   */
  addSpeaker(name, sample, file, { signal }) {
    return this.#send("POST", "speakers", { body: toForm(sample, file, { name }), signal });
  }

  /**
   * Erase a known speaker.
   * @param {string} id
   * @returns {Promise<Blob>}
   */
  deleteSpeaker(id) {
    return this.#send("DELETE", `speakers/${encodeURIComponent(id)}`, { as: "blob" });
  }

  /**
   * Find the times of a text's words in a file.
   * @param {Blob} file
   * @param {string} name
   * @param {string} text
   * @param {Parameters} choices
   * @param {RequestOptions} [options]
   * @returns {Promise<{words: AlignedWord[]}>}
   */
  align(file, name, text, choices, { signal, onUpload, requestId } = {}) {
    return this.#send("POST", "align", { body: toForm(file, name, { text, ...choices }), signal, onUpload, requestId });
  }

  /**
   * A transcript in another format.
   * @param {object} transcript
   * @param {Record<string, string>} options
   * @returns {Promise<Blob>}
   */
  render(transcript, options) {
    return this.#send("POST", `render?${new URLSearchParams(options)}`, {
      body: JSON.stringify(transcript),
      headers: { "content-type": "application/json" },
      as: "blob",
    });
  }

  /**
   * Open a live transcription.
   * @param {Parameters} parameters
   */
  live(parameters) {
    const query = new URLSearchParams(/** @type {Record<string, string>} */ (parameters));
    const url = new URL(`stream?${query}`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url, ["nordlyd", ...this.#keys.protocols()]);
  }

  /**
   * Sends a request, again with another key after each 401.
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   */
  async #send(method, path, options) {
    for (let repeated = false; ; repeated = true) {
      try {
        return await exchange(method, path, options, options.open ? null : this.#keys.header());
      } catch (error) {
        const needsKey = error instanceof ApiError && error.status === 401 && !options.open && !options.quiet;
        if (!needsKey || !(await this.#keys.request({ wrong: repeated || this.#keys.known }))) throw error;
      }
    }
  }
}
