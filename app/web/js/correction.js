/** Corrects the whole text at once: opens the editor, and finds what was written in the sound. */

import { asApiError } from "./exchange.js";
import { byId } from "./dom.js";
import { Editor } from "./editor.js";
import { fileOf, newId, resultOf } from "./jobs.js";
import { fromAlignment, readText, textOf } from "./versions.js";

const POLL_MS = 1000;

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("./versions.js").Version} Version */

export class Correction {
  #i18n;
  #api;
  #notes;
  #job;
  #version;
  #onDraft;
  #onClose;
  #onAligned;
  #editor;
  #aligning = new AbortController();

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {import("./notes.js").Notes} notes
   * @param {object} callbacks
   * @param {() => Job | null} callbacks.job returns the open one.
   * @param {() => Version} callbacks.version returns the text of the open job.
   * @param {(job: Job) => void} callbacks.onDraft called when the text that is written has changed.
   * @param {() => void} callbacks.onClose called when the editor was closed.
   * @param {(job: Job) => void} callbacks.onAligned called when a job has a new step in its history.
   */
  constructor(i18n, api, notes, { job, version, onDraft, onClose, onAligned }) {
    this.#i18n = i18n;
    this.#api = api;
    this.#notes = notes;
    this.#job = job;
    this.#version = version;
    this.#onDraft = onDraft;
    this.#onClose = onClose;
    this.#onAligned = onAligned;
    this.#editor = new Editor({
      onInput: (text) => this.#keep(text),
      onDone: (text) => void this.#align(text),
      onCancel: () => this.close(),
      onStop: () => this.#aligning.abort(),
    });
  }

  get isOpen() {
    return this.#editor.open;
  }

  /** Open the editor. */
  open() {
    const job = this.#job();
    if (this.#editor.open || !job?.file) return;
    this.#notes.setText(null);
    this.#editor.start(job.draft ?? textOf(this.#version()), resultOf(job).language);
  }

  /** Close the editor; a changed text stays as a draft. */
  close() {
    this.#aligning.abort();
    const job = this.#job();
    if (!this.#editor.open || !job) return;
    this.#keep(this.#editor.text);
    this.#editor.end();
    this.#onClose();
    this.#notes.setText(job.draft === null ? null : "edit.kept");
    byId("edit").focus();
  }

  /** @param {string} text */
  #keep(text) {
    const job = this.#job();
    if (!job) return;
    const draft = text === textOf(this.#version()) ? null : text;
    if (draft === job.draft) return;
    job.draft = draft;
    this.#onDraft(job);
  }

  /**
   * Find the times of a corrected text, one paragraph a line; never rejects.
   * @param {string} text
   */
  async #align(text) {
    const job = this.#job();
    if (!job) return;
    const { speakers } = this.#version();
    const written = readText(text, speakers);
    if (!written.texts.length) {
      this.#notes.setText("edit.empty");
      return;
    }
    this.#editor.busy = true;
    this.#notes.setProblem(null);
    this.#notes.setText("edit.aligning");
    this.#aligning = new AbortController();
    const requestId = newId();
    const poll = setInterval(() => void this.#pollAlignment(job, requestId), POLL_MS);
    try {
      const { model, language, duration } = resultOf(job);
      const options = { signal: this.#aligning.signal, requestId };
      const answer = await this.#api.align(fileOf(job), job.name, written.texts.join("\n"), { model, language }, options);
      const corrected = fromAlignment(answer.words, written, { duration, speakers });
      job.history.push(corrected);
      job.draft = null;
      const isShown = job === this.#job();
      if (isShown) this.#editor.end();
      this.#onAligned(job);
      if (isShown) this.#showFound(answer.words.filter((word) => !word.found).length);
    } catch (thrown) {
      const error = asApiError(thrown);
      if (job !== this.#job()) return;
      this.#notes.setText(null);
      if (error.code !== "cancelled") this.#notes.setProblem(error);
    } finally {
      clearInterval(poll);
      this.#editor.busy = false;
    }
  }

  /** @param {number} lost words that were not found. */
  #showFound(lost) {
    this.#notes.setText(lost ? "edit.lost" : "edit.all", { n: lost });
    byId("edit").focus({ preventScroll: true });
    // The editor was taller than the text: scroll back to its beginning.
    this.#notes.scrollIntoView();
  }

  /**
   * Show how far an alignment is.
   * @param {Job} job
   * @param {string} requestId
   */
  async #pollAlignment(job, requestId) {
    const { done, windows } = await this.#api.progress(requestId).catch(() => ({ done: 0, windows: 1 }));
    const waiting = this.#notes.textKey?.startsWith("edit.aligning");
    if (done && waiting && job === this.#job()) {
      this.#notes.setText("edit.aligningShare", { percent: this.#i18n.percent(done / windows) });
    }
  }
}
