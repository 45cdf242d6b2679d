/** The open recording: plays a finished job, and shows, edits and downloads its text. */

import { showAlternatives } from "./alternatives.js";
import { isDemo } from "./choices.js";
import { Correction } from "./correction.js";
import { byId, inputById, make } from "./dom.js";
import { Doubt } from "./doubt.js";
import { Downloads } from "./downloads.js";
import { Editing } from "./editing.js";
import { turnAt } from "./edits.js";
import { showFacts } from "./facts.js";
import { recall, store } from "./i18n.js";
import { Notes } from "./notes.js";
import { peaksOf } from "./peaks.js";
import { resultOf } from "./jobs.js";
import { Player } from "./player.js";
import { Saving } from "./saving.js";
import { Transcript } from "./transcript.js";
import { fromAlternative, textOf, transcriptOf, versionsOf, wordsOf } from "./versions.js";
import { Waveform } from "./waveform.js";

const VIEW = "nordlyd.view";
const BACK_SECONDS = 3;

/** @typedef {import("./jobs.js").Job} Job */

export class Result {
  #i18n;
  #kept;
  #onAgain;
  #notes;
  /** @type {Job | null} */
  #job = null;
  #view = recall(VIEW) ?? "readable";
  #drawing = new AbortController();
  /** Whether the service keeps voices with names. */
  #keepsVoices = false;
  #player;
  #waveform;
  #transcript;
  #doubt;
  #correction;
  #editing;
  #downloads;
  #saving;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {import("./kept.js").KeptTexts} kept saves what is edited.
   * @param {(text: string) => void} announce
   * @param {{onAgain: (job: Job) => void}} callbacks called with a job to transcribe again.
   */
  constructor(i18n, api, kept, announce, { onAgain }) {
    this.#i18n = i18n;
    this.#kept = kept;
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
      onCorrect: (index, text) => this.#editing.correct(index, text),
      onSpeaker: () => this.#editing.chooseSpeaker(),
    });
    this.#doubt = new Doubt(i18n, this.#transcript, this.#notes, {
      version: () => this.#version(),
      onMove: (word) => this.#player.seek(word.start),
    });
    this.#correction = new Correction(i18n, api, this.#notes, {
      job: () => this.#job,
      version: () => this.#version(),
      onDraft: (job) => kept.saveSoon(job),
      onClose: () => this.#show(),
      onAligned: (job) => this.#edited(job),
    });
    this.#editing = new Editing(i18n, this.#transcript, announce, {
      history: () => this.#open.history,
      version: () => this.#version(),
      onChange: (cursor) => this.#edited(this.#open, cursor),
    });
    this.#downloads = new Downloads(api, i18n, announce, {
      source: () => this.#source(),
      onProblem: (error) => this.#notes.setProblem(error),
    });
    this.#saving = new Saving(i18n, api, this.#notes, announce, {
      job: () => this.#job,
      transcript: () => this.#source().transcript,
    });
    this.#listen();
    kept.on("change", (job) => job === this.#job && this.#showKept(job));
    i18n.on("change", () => {
      if (!this.#job) return;
      this.#describe();
      this.#doubt.mark();
    });
  }

  get job() {
    return this.#job;
  }

  /** @param {import("./api.js").Health} health of the service. */
  setService(health) {
    this.#saving.allow(health.keeps_corrections);
    this.#keepsVoices = health.known_speakers;
    this.#showVoiceCommand();
  }

  /** The recording, and the turn at the cursor; null where there is no recording or no word. */
  get turn() {
    const { cursor } = this.#transcript;
    if (!this.#job?.file || cursor < 0) return null;
    const { duration } = resultOf(this.#job);
    return { file: this.#job.file, recording: this.#job.name, duration, ...turnAt(this.#version(), cursor) };
  }

  get editing() {
    return this.#correction.isOpen;
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
    this.#showVoiceCommand();
    this.#transcript.hasRecording = hasRecording;
    this.#player.load(job.file, result.duration);
    this.#describe();
    this.#show();
    this.#waveform.show(result.duration, wordsOf(this.#version()));
    this.#showDraft(job);
    byId("kept-state").hidden = true;
    if (job.kept) this.#showKept(job);
    if (job.file) void this.#drawWaveform(job.file, result.duration);
    if (focus) byId("result-title").focus();
  }

  hide() {
    this.#correction.close();
    this.#editing.reset();
    this.#drawing.abort();
    this.#player.unload();
    this.#job = null;
    this.#notes.setText(null);
    this.#notes.setProblem(null);
    byId("result").hidden = true;
  }

  /** The text that is shown: the edited one where there is one. */
  #version() {
    const { verbatim, readable } = versionsOf(resultOf(this.#open));
    return this.#open.history.current ?? (this.#view === "readable" ? readable : null) ?? verbatim;
  }

  #listen() {
    const player = this.#player;
    player.on("time", () => this.#highlight());
    player.on("state", () => {
      if (!player.playing) this.#waveform.updateAria();
    });
    player.on("unplayable", () => this.#notes.setWave("player.unplayable"));
    byId("edit").addEventListener("click", () => this.#correction.open());
    byId("again").addEventListener("click", () => this.#onAgain(this.#open));
    byId("copy").addEventListener("click", () => void this.#copy());
    byId("restore").addEventListener("click", () => this.#restore());
    byId("view-choice").addEventListener("change", () => {
      this.#view = inputById("view-readable").checked ? "readable" : "verbatim";
      store(VIEW, this.#view);
      this.#show();
    });
    document.addEventListener("keydown", (event) => this.#onPlayerKey(event));
  }

  /** @param {KeyboardEvent} event */
  #onPlayerKey(event) {
    const { target } = event;
    if (!this.#job?.file || !(target instanceof Element)) return;
    // Space on a control operates that control.
    const isSpace = event.key === " " && target.matches(".w, #wave");
    /** @type {Record<string, () => void>} */
    const actions = { F9: () => this.#player.toggle(), F7: () => this.#player.skip(-BACK_SECONDS) };
    const run = isSpace ? actions.F9 : actions[event.key];
    if (!run) return;
    event.preventDefault();
    run();
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
  }

  /** @param {number} cursor index of the word where the cursor is to be. */
  #show(cursor = 0) {
    const { readable } = versionsOf(resultOf(this.#open));
    const version = this.#version();
    const words = wordsOf(version);
    const isEdited = this.#open.history.current !== null;
    byId("view-choice").hidden = isEdited || !readable;
    inputById("view-readable").checked = version.kind === "readable";
    inputById("view-verbatim").checked = version.kind === "verbatim";
    byId("restore").hidden = !isEdited;
    this.#transcript.show(version, resultOf(this.#open).language, cursor);
    this.#waveform.setWords(words);
    this.#doubt.refresh();
    this.#highlight();
    this.#editing.refresh();
    this.#saving.refresh();
    this.#i18n.setText(byId("downloads-of"), `downloads.${version.kind}`);
    this.#downloads.recordingButton.hidden = !this.#open.recorded;
    showAlternatives(this.#i18n, resultOf(this.#open), (alternative) => {
      this.#open.history.push(fromAlternative(alternative));
      this.#edited(this.#open);
      this.#notes.setText("alternatives.used");
    });
  }

  /**
   * Show and keep what was edited.
   * @param {Job} job
   * @param {number} cursor index of the word where the cursor is to be.
   */
  #edited(job, cursor = 0) {
    this.#kept.saveSoon(job);
    if (job !== this.#job) return;
    this.#show(cursor);
    this.#describe();
    this.#showDraft(job);
  }

  /** @param {Job} job whose whole text may be being corrected. */
  #showDraft(job) {
    this.#notes.setText(job.draft === null ? null : "edit.kept");
  }

  /** @param {Job} job that was saved, or could not be. */
  #showKept(job) {
    const state = byId("kept-state");
    state.hidden = false;
    state.classList.toggle("note", !job.kept);
    this.#i18n.setText(state, job.kept ? "kept.here" : "kept.nowhere");
  }

  #showVoiceCommand() {
    byId("keep-voice").hidden = !(this.#keepsVoices && this.#job?.file);
  }

  #restore() {
    this.#open.history.push(null);
    this.#open.draft = null;
    this.#edited(this.#open);
    this.#notes.setText("edit.restored");
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
    const transcript = transcriptOf(this.#version(), resultOf(this.#open));
    return { transcript, name: name.replace(/\.[^.]+$/, ""), recording: name, file };
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
