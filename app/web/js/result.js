/** One recording's text, opened: a finished job in; hearing, correcting and taking it along out. */

import { asApiError } from "./api.js";
import { isDemo } from "./choices.js";
import { byId, clock, make } from "./dom.js";
import { Downloads } from "./downloads.js";
import { Editor } from "./editor.js";
import { recall, store } from "./i18n.js";
import { peaksOf } from "./peaks.js";
import { newId } from "./jobs.js";
import { Player } from "./player.js";
import { describeProblem } from "./problems.js";
import { Transcript } from "./transcript.js";
import { versionsOf, corrected, chosen } from "./versions.js";
import { Waveform } from "./waveform.js";
import { paragraphTexts } from "./words.js";

const THRESHOLD = "nordlyd.threshold";
const VIEW = "nordlyd.view";
const POLL_MS = 1000;

export class Result {
  #i18n;
  #api;
  #announce;
  #job = null;
  #view = recall(VIEW) ?? "readable";
  #drawing = new AbortController();
  #aligning = new AbortController();
  #player;
  #waveform;
  #transcript;
  #editor;
  #downloads;

  /** Called with the job to transcribe once more. */
  onAgain = () => {};

  constructor(i18n, api, announce) {
    this.#i18n = i18n;
    this.#api = api;
    this.#announce = announce;
    this.#player = new Player(i18n);
    this.#waveform = new Waveform(byId("wave"), i18n, (time) => {
      this.#player.seek(time);
      this.#waveform.at(time);
      this.#waveform.tell();
    });
    this.#transcript = new Transcript(byId("transcript"), byId("word-readout"), i18n);
    this.#editor = new Editor(this.#player);
    this.#downloads = new Downloads(api, i18n, announce);
    this.#join();
    i18n.addEventListener("change", () => this.#job && this.#describe());
  }

  get job() {
    return this.#job;
  }

  get editing() {
    return this.#editor.open;
  }

  /** Open a job's text; `focus` moves there, for those who asked for it. */
  show(job, { focus = false } = {}) {
    this.hide();
    this.#job = job;
    byId("result").hidden = false;
    byId("result-demo").hidden = !isDemo(job.result.model);
    // In the service's own words, as those of its errors.
    const warnings = job.result.warnings ?? [];
    byId("result-warnings").hidden = warnings.length === 0;
    byId("result-warnings").replaceChildren(...warnings.map(({ message }) => make("li", { textContent: message })));
    byId("again").hidden = false;
    this.#player.load(job.file, job.result.duration);
    this.#describe();
    this.#show();
    this.#waveform.show(job.result.duration, this.#version().words);
    this.#paint(job);
    if (focus) byId("result-title").focus();
  }

  hide() {
    this.#aligning.abort();
    if (this.#editor.open) this.#leave(this.#editor.text);
    this.#drawing.abort();
    this.#player.unload();
    this.#job = null;
    this.#note(null);
    this.#problem(null);
    byId("result").hidden = true;
  }

  #version() {
    const versions = versionsOf(this.#job);
    return versions.corrected ?? versions[this.#view] ?? versions.verbatim;
  }

  #join() {
    const player = this.#player;
    player.addEventListener("time", () => this.#follow());
    player.addEventListener("state", () => player.playing || this.#waveform.tell());
    player.addEventListener("unplayable", () => this.#waveNote("player.unplayable"));
    this.#transcript.onPlay = (time) => player.play(time);
    this.#transcript.onCorrect = (index) => this.#edit(index);
    this.#editor.onDone = (text) => this.#align(text);
    this.#editor.onCancel = (text) => this.#leave(text);
    this.#editor.onStop = () => this.#aligning.abort();
    this.#downloads.source = () => this.#source();
    this.#downloads.onProblem = (error) => this.#problem(error);
    byId("edit").addEventListener("click", () => this.#edit());
    byId("again").addEventListener("click", () => this.onAgain(this.#job));
    byId("copy").addEventListener("click", () => this.#copy());
    byId("undo").addEventListener("click", () => this.#undo());
    byId("next-unsure").addEventListener("click", () => {
      const word = this.#transcript.nextUnsure();
      if (word) player.seek(word.start);
    });
    const threshold = byId("threshold");
    threshold.value = recall(THRESHOLD) ?? "70";
    threshold.addEventListener("input", () => {
      store(THRESHOLD, threshold.value);
      this.#mark();
    });
    byId("view-choice").addEventListener("change", ({ target }) => {
      this.#view = target.value;
      store(VIEW, target.value);
      this.#show();
    });
    byId("result").addEventListener("keydown", (event) => {
      // Space on a control operates that control.
      if (event.key !== " " || !event.target.closest("#transcript, #wave")) return;
      event.preventDefault();
      player.toggle();
    });
  }

  #follow() {
    if (!this.#job) return;
    const word = this.#transcript.highlight(this.#player.time, { follow: this.#player.playing });
    this.#waveform.at(this.#player.time, word);
  }

  #describe() {
    const { name, result, live } = this.#job;
    byId("result-title").textContent = name;
    const facts = [clock(result.duration), this.#i18n.languageName(result.language), result.model];
    if (result.confidence !== null) facts.push(this.#i18n.t("facts.sure", { percent: this.#i18n.percent(result.confidence) }));
    if (live) facts.push(this.#i18n.t("facts.live"));
    if (this.#version().kind === "corrected") facts.push(this.#i18n.t("facts.corrected"));
    byId("result-facts").replaceChildren(...facts.map((fact) => make("span", { textContent: fact })));
    this.#mark();
  }

  #show() {
    const versions = versionsOf(this.#job);
    const version = this.#version();
    const result = this.#job.result;
    byId("view-choice").hidden = Boolean(versions.corrected) || !versions.readable;
    byId("view-readable").checked = version.kind === "readable";
    byId("view-verbatim").checked = version.kind === "verbatim";
    // Of words that a person wrote, only those that were not found are in doubt.
    byId("doubt").hidden = version.words.every((word) => word.found);
    for (const part of [byId("threshold"), byId("threshold-label").parentElement]) {
      part.hidden = version.words.some((word) => word.found !== undefined);
    }
    byId("undo").hidden = !versions.corrected;
    this.#transcript.show(version.words, version.lengths, result.language);
    this.#waveform.setWords(version.words);
    this.#mark();
    this.#follow();
    this.#i18n.say(byId("downloads-of"), `downloads.${version.kind}`);
    this.#downloads.recordingButton.hidden = !this.#job.recorded;
    this.#alternatives();
  }

  #mark() {
    const share = Number(byId("threshold").value) / 100;
    const count = this.#transcript.mark(share);
    const label = this.#i18n.t("text.threshold", { percent: this.#i18n.percent(share) });
    byId("threshold-label").textContent = label;
    this.#i18n.say(byId("next-unsure"), count ? "text.nextUnsure" : "text.noneUnsure", { n: count });
    byId("next-unsure").disabled = count === 0;
  }

  #alternatives() {
    const readings = this.#job.result.alternatives ?? [];
    byId("alternatives").hidden = readings.length < 2;
    byId("alternative-list").replaceChildren(
      ...readings.map((reading) => {
        const button = make("button", { type: "button", class: "button small" });
        this.#i18n.say(button, "alternatives.use");
        button.addEventListener("click", () => {
          this.#job.edits = chosen(reading);
          this.#show();
          this.#describe();
          this.#note("alternatives.used");
        });
        const text = make("span", { lang: this.#job.result.language, textContent: reading.text });
        return make("li", {}, text, button);
      }),
    );
  }

  #edit(index = null) {
    if (this.#editor.open) return;
    const { words, lengths } = this.#version();
    const text = paragraphTexts(words, lengths).join("\n");
    const draft = this.#job.draft;
    this.#note(null);
    // Words and paragraphs are both parted by one character, so places agree.
    const before = index === null ? 0 : words.slice(0, index).reduce((sum, word) => sum + word.word.length + 1, 0);
    const range = index === null || draft ? null : [before, before + words[index].word.length];
    this.#editor.start(draft ?? text, this.#job.result.language, range);
  }

  #leave(text) {
    const { words, lengths } = this.#version();
    const changed = text !== paragraphTexts(words, lengths).join("\n");
    this.#job.draft = changed ? text : null;
    this.#editor.end();
    this.#show();
    this.#note(changed ? "edit.kept" : null);
    byId("edit").focus();
  }

  async #align(text) {
    const job = this.#job;
    if (!text) return this.#note("edit.empty");
    this.#editor.busy = true;
    this.#problem(null);
    this.#note("edit.aligning");
    this.#aligning = new AbortController();
    const requestId = newId();
    const watch = setInterval(() => this.#tellAdvance(job, requestId), POLL_MS);
    try {
      const { model, language } = job.result;
      const options = { signal: this.#aligning.signal, requestId };
      const answer = await this.#api.align(job.file, job.name, text, { model, language }, options);
      job.edits = corrected(answer.words, text, job.result.duration);
      job.draft = null;
      if (job !== this.#job) return;
      const lost = job.edits.words.filter((word) => !word.found).length;
      this.#editor.end();
      this.#show();
      this.#describe();
      this.#note(lost ? "edit.lost" : "edit.all", { n: lost });
      byId("edit").focus({ preventScroll: true });
      // The editor was taller than the text: begin to read at its beginning.
      byId("text-note").scrollIntoView({ block: "nearest" });
    } catch (thrown) {
      const error = asApiError(thrown);
      if (job !== this.#job) return;
      this.#note(null);
      if (error.code !== "cancelled") this.#problem(error);
    } finally {
      clearInterval(watch);
      this.#editor.busy = false;
    }
  }

  async #tellAdvance(job, requestId) {
    const { done, windows } = await this.#api.progress(requestId).catch(() => ({ done: 0 }));
    const waiting = byId("text-note").dataset.i18n?.startsWith("edit.aligning");
    if (done && waiting && job === this.#job) {
      this.#note("edit.aligningShare", { percent: this.#i18n.percent(done / windows) });
    }
  }

  #undo() {
    this.#job.edits = null;
    this.#job.draft = null;
    this.#show();
    this.#describe();
    this.#note("edit.undone");
    byId("edit").focus();
  }

  async #copy() {
    const { words, lengths } = this.#version();
    try {
      await navigator.clipboard.writeText(paragraphTexts(words, lengths).join("\n"));
      this.#note("copied");
    } catch {
      this.#note("copyFailed");
    }
  }

  /** What a download is made of: the text as it is shown. */
  #source() {
    const { file, name, result } = this.#job;
    const version = this.#version();
    return { transcript: version.transcript(result), name: name.replace(/\.[^.]+$/, ""), recording: name, file };
  }

  async #paint(job) {
    const { signal } = (this.#drawing = new AbortController());
    this.#waveNote("wave.drawing");
    let drawn;
    try {
      drawn = await peaksOf(job.file, job.result.duration, signal);
    } catch (error) {
      if (signal.aborted) return;
      reportError(error);
      drawn = { reason: "unreadable" };
    }
    if (drawn.peaks) this.#waveform.setPeaks(drawn.peaks);
    // An error of the player stays.
    if (byId("wave-note").dataset.i18n === "wave.drawing") this.#waveNote(drawn.reason ? `wave.${drawn.reason}` : null);
  }

  #waveNote(key) {
    this.#fill(byId("wave-note"), key);
  }

  #note(key, facts = {}) {
    byId("text-note").classList.toggle("calm", key !== "edit.lost" && key !== "edit.empty");
    this.#fill(byId("text-note"), key, facts);
  }

  #fill(element, key, facts = {}) {
    element.hidden = key === null;
    if (key) this.#i18n.say(element, key, facts);
    else {
      delete element.dataset.i18n;
      element.textContent = "";
    }
  }

  #problem(error) {
    byId("result-problem").hidden = error === null;
    if (error) describeProblem(this.#i18n, byId("result-problem"), error);
  }
}
