/** The open recording: plays a finished job, and corrects and downloads its text. */

import { showAlternatives } from "./alternatives.js";
import { asApiError } from "./api.js";
import { isDemo } from "./choices.js";
import { buttonById, byId, inputById, make } from "./dom.js";
import { Downloads } from "./downloads.js";
import { Editor } from "./editor.js";
import { showFacts } from "./facts.js";
import { recall, store } from "./i18n.js";
import { Notes } from "./notes.js";
import { peaksOf } from "./peaks.js";
import { fileOf, newId, resultOf } from "./jobs.js";
import { Player } from "./player.js";
import { Transcript } from "./transcript.js";
import { fromAlignment, fromAlternative, textOf, versionsOf } from "./versions.js";
import { Waveform } from "./waveform.js";
import { rangeOf } from "./words.js";

const THRESHOLD = "nordlyd.threshold";
const VIEW = "nordlyd.view";
const POLL_MS = 1000;

/** @typedef {import("./jobs.js").Job} Job */

export class Result {
  #i18n;
  #api;
  #onAgain;
  #notes;
  /** @type {Job | null} */
  #job = null;
  #view = recall(VIEW) ?? "readable";
  #drawing = new AbortController();
  #aligning = new AbortController();
  #player;
  #waveform;
  #transcript;
  #editor;
  #downloads;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {(text: string) => void} announce
   * @param {{onAgain: (job: Job) => void}} callbacks called with a job to transcribe again.
   */
  constructor(i18n, api, announce, { onAgain }) {
    this.#i18n = i18n;
    this.#api = api;
    this.#onAgain = onAgain;
    this.#notes = new Notes(i18n);
    this.#player = new Player(i18n);
    this.#waveform = new Waveform(byId("wave"), byId("wave-canvas", HTMLCanvasElement), i18n, (time) => {
      this.#player.seek(time);
      this.#waveform.setTime(time);
      this.#waveform.updateAria();
    });
    this.#transcript = new Transcript(byId("transcript"), byId("word-readout"), i18n, {
      onPlay: (time) => void this.#player.play(time),
      onCorrect: (index) => this.#edit(index),
    });
    this.#editor = new Editor(this.#player, {
      onDone: (text) => void this.#align(text),
      onCancel: (text) => this.#closeEditor(text),
      onStop: () => this.#aligning.abort(),
    });
    this.#downloads = new Downloads(api, i18n, announce, {
      source: () => this.#source(),
      onProblem: (error) => this.#notes.setProblem(error),
    });
    this.#listen();
    i18n.on("change", () => this.#job && this.#describe());
  }

  get job() {
    return this.#job;
  }

  get editing() {
    return this.#editor.open;
  }

  /** The open job, for what runs only while one is open. */
  get #open() {
    if (!this.#job) throw new Error("No recording is open.");
    return this.#job;
  }

  /**
   * Open a job's text.
   * @param {Job} job a job with a result.
   * @param {{focus?: boolean}} options whether to move the focus to its title.
   */
  show(job, { focus = false } = {}) {
    this.hide();
    this.#job = job;
    const result = resultOf(job);
    byId("result").hidden = false;
    byId("result-demo").hidden = !isDemo(result.model);
    // The service's own messages, in English like those of its errors.
    const warnings = result.warnings ?? [];
    byId("result-warnings").hidden = warnings.length === 0;
    byId("result-warnings").replaceChildren(...warnings.map(({ message }) => make("li", { textContent: message })));
    const hasRecording = job.file !== null;
    for (const id of ["player", "edit", "again"]) byId(id).hidden = !hasRecording;
    this.#transcript.hasRecording = hasRecording;
    this.#player.load(job.file, result.duration);
    this.#describe();
    this.#show();
    this.#waveform.show(result.duration, this.#version().words);
    if (job.file) void this.#drawWaveform(job.file, result.duration);
    if (focus) byId("result-title").focus();
  }

  hide() {
    this.#aligning.abort();
    if (this.#editor.open) this.#closeEditor(this.#editor.text);
    this.#drawing.abort();
    this.#player.unload();
    this.#job = null;
    this.#notes.setText(null);
    this.#notes.setProblem(null);
    byId("result").hidden = true;
  }

  #version() {
    const versions = this.#versions();
    return versions.corrected ?? (this.#view === "readable" ? versions.readable : null) ?? versions.verbatim;
  }

  #versions() {
    return versionsOf(resultOf(this.#open), this.#open.edits);
  }

  #listen() {
    const player = this.#player;
    player.on("time", () => this.#highlight());
    player.on("state", () => {
      if (!player.playing) this.#waveform.updateAria();
    });
    player.on("unplayable", () => this.#notes.setWave("player.unplayable"));
    byId("edit").addEventListener("click", () => this.#edit());
    byId("again").addEventListener("click", () => this.#onAgain(this.#open));
    byId("copy").addEventListener("click", () => void this.#copy());
    byId("undo").addEventListener("click", () => this.#undo());
    byId("next-unsure").addEventListener("click", () => {
      const word = this.#transcript.nextUnsure();
      if (word) player.seek(word.start);
    });
    const threshold = inputById("threshold");
    threshold.value = recall(THRESHOLD) ?? "70";
    threshold.addEventListener("input", () => {
      store(THRESHOLD, threshold.value);
      this.#mark();
    });
    byId("view-choice").addEventListener("change", () => {
      this.#view = inputById("view-readable").checked ? "readable" : "verbatim";
      store(VIEW, this.#view);
      this.#show();
    });
    byId("result").addEventListener("keydown", (event) => {
      // Space on a control operates that control.
      const { target } = event;
      if (event.key !== " " || !(target instanceof Element && target.closest("#transcript, #wave"))) return;
      event.preventDefault();
      player.toggle();
    });
  }

  #highlight() {
    if (!this.#job) return;
    const word = this.#transcript.highlight(this.#player.time, { follow: this.#player.playing });
    this.#waveform.setTime(this.#player.time, word);
  }

  #describe() {
    byId("result-title").textContent = this.#open.name;
    const corrected = this.#version().kind === "corrected";
    showFacts(this.#i18n, resultOf(this.#open), { live: this.#open.live, corrected });
    this.#mark();
  }

  #show() {
    const versions = this.#versions();
    const version = this.#version();
    byId("view-choice").hidden = Boolean(versions.corrected) || !versions.readable;
    inputById("view-readable").checked = version.kind === "readable";
    inputById("view-verbatim").checked = version.kind === "verbatim";
    // Of corrected words, only those that were not found are in doubt.
    byId("doubt").hidden = version.words.every((word) => word.found);
    const aligned = version.words.some((word) => word.found !== undefined);
    byId("threshold").hidden = aligned;
    byId("threshold-field").hidden = aligned;
    byId("undo").hidden = !versions.corrected;
    this.#transcript.show(version.words, version.lengths, resultOf(this.#open).language);
    this.#waveform.setWords(version.words);
    this.#mark();
    this.#highlight();
    this.#i18n.setText(byId("downloads-of"), `downloads.${version.kind}`);
    this.#downloads.recordingButton.hidden = !this.#open.recorded;
    showAlternatives(this.#i18n, resultOf(this.#open), (alternative) => {
      this.#open.edits = fromAlternative(alternative);
      this.#show();
      this.#describe();
      this.#notes.setText("alternatives.used");
    });
  }

  #mark() {
    const share = Number(inputById("threshold").value) / 100;
    const count = this.#transcript.mark(share);
    const label = this.#i18n.t("text.threshold", { percent: this.#i18n.percent(share) });
    byId("threshold-label").textContent = label;
    this.#i18n.setText(byId("next-unsure"), count ? "text.nextUnsure" : "text.noneUnsure", { n: count });
    buttonById("next-unsure").disabled = count === 0;
  }

  /**
   * Open the editor.
   * @param {number | null} index of a word to select.
   */
  #edit(index = null) {
    if (this.#editor.open || !this.#open.file) return;
    const version = this.#version();
    const { draft } = this.#open;
    this.#notes.setText(null);
    const selection = index === null || draft ? null : rangeOf(version.words, index);
    this.#editor.start(draft ?? textOf(version), resultOf(this.#open).language, selection);
  }

  /**
   * Close the editor and keep a changed text as a draft.
   * @param {string} text
   */
  #closeEditor(text) {
    const changed = text !== textOf(this.#version());
    this.#open.draft = changed ? text : null;
    this.#editor.end();
    this.#show();
    this.#notes.setText(changed ? "edit.kept" : null);
    byId("edit").focus();
  }

  /**
   * Find the times of a corrected text, one paragraph a line; never rejects.
   * @param {string} text
   */
  async #align(text) {
    const job = this.#open;
    const result = resultOf(job);
    if (!text) {
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
      const { model, language, duration } = result;
      const options = { signal: this.#aligning.signal, requestId };
      const answer = await this.#api.align(fileOf(job), job.name, text, { model, language }, options);
      job.edits = fromAlignment(answer.words, text, duration);
      job.draft = null;
      if (job !== this.#job) return;
      const lost = job.edits.words.filter((word) => !word.found).length;
      this.#editor.end();
      this.#show();
      this.#describe();
      this.#notes.setText(lost ? "edit.lost" : "edit.all", { n: lost });
      byId("edit").focus({ preventScroll: true });
      // The editor was taller than the text: scroll back to its beginning.
      this.#notes.scrollIntoView();
    } catch (thrown) {
      const error = asApiError(thrown);
      if (job !== this.#job) return;
      this.#notes.setText(null);
      if (error.code !== "cancelled") this.#notes.setProblem(error);
    } finally {
      clearInterval(poll);
      this.#editor.busy = false;
    }
  }

  /**
   * Show how far an alignment is.
   * @param {Job} job
   * @param {string} requestId
   */
  async #pollAlignment(job, requestId) {
    const { done, windows } = await this.#api.progress(requestId).catch(() => ({ done: 0, windows: 1 }));
    const waiting = this.#notes.textKey?.startsWith("edit.aligning");
    if (done && waiting && job === this.#job) {
      this.#notes.setText("edit.aligningShare", { percent: this.#i18n.percent(done / windows) });
    }
  }

  #undo() {
    this.#open.edits = null;
    this.#open.draft = null;
    this.#show();
    this.#describe();
    this.#notes.setText("edit.undone");
    byId("edit").focus();
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(textOf(this.#version()));
      this.#notes.setText("copied");
    } catch {
      this.#notes.setText("copyFailed");
    }
  }

  /** The shown text and its recording, for downloads. */
  #source() {
    const { file, name } = this.#open;
    const version = this.#version();
    return { transcript: version.transcript(resultOf(this.#open)), name: name.replace(/\.[^.]+$/, ""), recording: name, file };
  }

  /**
   * Draw the recording's waveform, or show why there is none; never rejects.
   * @param {Blob} file
   * @param {number} duration in seconds.
   */
  async #drawWaveform(file, duration) {
    const { signal } = (this.#drawing = new AbortController());
    this.#notes.setWave("wave.drawing");
    /** @type {Awaited<ReturnType<typeof peaksOf>>} */
    let drawn;
    try {
      drawn = await peaksOf(file, duration, signal);
    } catch (error) {
      if (signal.aborted) return;
      reportError(error);
      drawn = { reason: "unreadable" };
    }
    if (drawn.peaks) this.#waveform.setPeaks(drawn.peaks);
    // A message of the player stays.
    if (this.#notes.waveKey === "wave.drawing") this.#notes.setWave(drawn.reason ? `wave.${drawn.reason}` : null);
  }
}
