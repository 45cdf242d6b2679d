/** Recording with live text; a finished recording becomes a job with its text. */

import { buttonById, byId, clock, make } from "./dom.js";
import { Job } from "./jobs.js";
import { LiveTranscription } from "./live.js";
import { openMicrophone, MicrophoneError } from "./microphone.js";
import { Recording } from "./recording.js";
import { LevelMeter } from "./level.js";
import { timeFormatted } from "./words.js";

/** @typedef {import("./live.js").Final} Final */

export class Recorder {
  #i18n;
  #api;
  #keys;
  #choices;
  #onDone;
  /** @type {import("./microphone.js").Microphone | null} */
  #microphone = null;
  /** The recording and its live text, from the open microphone on. @type {Session | null} */
  #session = null;
  #meter = new LevelMeter(byId("live-level", HTMLCanvasElement));

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {import("./keyring.js").KeyRing} keys
   * @param {import("./choices.js").Choices} choices
   * @param {{onDone: (job: Job) => void}} callbacks called with a job that is done, or to be transcribed.
   */
  constructor(i18n, api, keys, choices, { onDone }) {
    this.#i18n = i18n;
    this.#api = api;
    this.#keys = keys;
    this.#choices = choices;
    this.#onDone = onDone;
    byId("record").addEventListener("click", () => void this.#start());
    byId("live-stop").addEventListener("click", () => void this.#stop());
    byId("live-discard").addEventListener("click", () => void this.#discard());
    window.addEventListener("beforeunload", (event) => {
      if (this.#session) event.preventDefault();
    });
  }

  /** Opens the microphone and starts recording; never rejects. */
  async #start() {
    if (this.#microphone) return;
    byId("live").hidden = false;
    document.body.toggleAttribute("data-started", true);
    buttonById("record").disabled = true;
    byId("live-text").replaceChildren();
    buttonById("live-stop").disabled = true;
    this.#note(null);
    this.#state("live.connecting");
    this.#clock(0);
    byId("live-title").focus();
    /** @type {Int16Array[]} */
    const early = [];
    /** @type {(piece: Int16Array) => void} */
    let take = (piece) => void early.push(piece);
    try {
      this.#microphone = await openMicrophone((piece) => take(piece));
    } catch (error) {
      if (!(error instanceof MicrophoneError)) reportError(error);
      byId("live-text").hidden = true;
      this.#state("record.title");
      this.#note(`mic.${error instanceof MicrophoneError ? error.reason : "failed"}`);
      buttonById("record").disabled = false;
      byId("record").focus();
      return;
    }
    byId("live-text").hidden = false;
    const session = this.#openSession(this.#microphone.rate);
    this.#session = session;
    take = (piece) => this.#take(session, piece);
    early.forEach(take);
    buttonById("live-stop").disabled = false;
    byId("live-stop").focus();
    this.#state("live.listening");
    byId("live").toggleAttribute("data-recording", true);
    this.#showHint();
  }

  /**
   * @param {number} rate in Hz.
   * @returns {Session}
   */
  #openSession(rate) {
    const recording = new Recording(rate);
    const { recording: choices, live: chosen, whole } = this.#choices.forMicrophone();
    const parameters = { ...chosen, encoding: "s16le", rate };
    const live = new LiveTranscription(
      (more) => this.#api.live({ ...parameters, ...more }),
      () => this.#keys.request({ wrong: this.#keys.known }),
      recording,
    );
    live.on("ready", () => this.#note(null));
    live.on("partial", (partial) => this.#showPartial(live, partial));
    live.on("final", (final) => this.#showFinal(live, final));
    live.on("broken", () => this.#note("live.broken"));
    live.on("lost", () => this.#note("live.lost"));
    return { recording, live, choices, whole };
  }

  /**
   * @param {Session} session
   * @param {Int16Array} piece
   */
  #take({ recording, live }, piece) {
    recording.add(piece);
    this.#meter.add(piece);
    this.#clock(recording.seconds);
    live.pump();
  }

  #showHint() {
    const hint = make("p", { class: "hint", id: "live-speak" });
    this.#i18n.setText(hint, "live.speak");
    byId("live-text").append(hint);
  }

  /**
   * Show text that may still change; screen readers do not announce it.
   * @param {LiveTranscription} live
   * @param {import("./live.js").Partial} partial
   */
  #showPartial(live, { utterance, text, stable }) {
    if (live.finals.has(utterance) || !text) return;
    const line = this.#line(live, utterance);
    line.setAttribute("aria-hidden", "true");
    const rest = text.slice(stable.length);
    line.replaceChildren(make("span", { textContent: stable }), make("span", { class: "tentative", textContent: rest }));
    this.#scroll();
  }

  /**
   * @param {LiveTranscription} live
   * @param {Final} final
   */
  #showFinal(live, { utterance, text, formatted_text: formatted }) {
    const line = this.#line(live, utterance);
    if (!text) {
      line.remove();
      return;
    }
    line.removeAttribute("aria-hidden");
    line.replaceChildren(formatted ?? text);
    this.#scroll();
  }

  /**
   * The paragraph of an utterance, made where there is none.
   * @param {LiveTranscription} live
   * @param {number} utterance
   */
  #line(live, utterance) {
    document.getElementById("live-speak")?.remove();
    const id = `utterance-${utterance}`;
    const known = document.getElementById(id);
    if (known) return known;
    const line = make("p", { id, lang: live.language });
    byId("live-text").append(line);
    return line;
  }

  #scroll() {
    byId("live-text").scrollTop = byId("live-text").scrollHeight;
  }

  /** Ends the recording and passes its job on; never rejects. */
  async #stop() {
    const session = this.#session;
    if (!this.#microphone || !session) return;
    const { recording, live, choices, whole } = session;
    buttonById("live-stop").disabled = true;
    await this.#closeMicrophone();
    this.#state("live.finishing");
    const complete = await live.finish();
    if (this.#session !== session) return; // discarded meanwhile
    this.#end();
    if (!recording.length) {
      byId("live").hidden = false;
      byId("live-text").hidden = true;
      this.#state("record.title");
      this.#note("record.empty");
      return;
    }
    const time = new Date().toLocaleTimeString(this.#i18n.language, { hour: "2-digit", minute: "2-digit" });
    const name = `${this.#i18n.t("record.name", { time: time.replace(":", ".") })}.wav`;
    const job = new Job(recording.wav(), name, choices);
    job.recorded = true;
    if (complete && !whole) {
      try {
        Object.assign(job, { state: "done", share: 1, result: resultOf(live, recording.seconds), live: true });
      } catch (error) {
        // The recording matters more than its live text: it is transcribed as a file.
        reportError(error);
        job.state = "waiting";
      }
    }
    this.#onDone(job);
  }

  async #discard() {
    this.#session?.live.close();
    await this.#closeMicrophone();
    this.#end();
    byId("record").focus();
  }

  async #closeMicrophone() {
    const microphone = this.#microphone;
    this.#microphone = null;
    byId("live").toggleAttribute("data-recording", false);
    await microphone?.close();
  }

  #end() {
    this.#session = null;
    this.#meter.clear();
    buttonById("record").disabled = false;
    byId("live").hidden = true;
  }

  /** @param {string} key */
  #state(key) {
    this.#i18n.setText(byId("live-state"), key);
  }

  /** @param {number} seconds */
  #clock(seconds) {
    const text = clock(seconds);
    if (byId("live-clock").textContent !== text) byId("live-clock").textContent = text;
  }

  /** @param {string | null} key */
  #note(key) {
    byId("live-note").hidden = key === null;
    if (key) this.#i18n.setText(byId("live-note"), key);
  }
}

/**
 * A recording and what belongs to it while it is made.
 * @typedef {{recording: Recording, live: LiveTranscription, choices: import("./exchange.js").Parameters, whole: boolean}} Session
 */

/**
 * The live texts in the form of an answer of POST /transcribe.
 * @param {LiveTranscription} live
 * @param {number} duration in seconds.
 * @returns {import("./api.js").TranscriptJson}
 */
function resultOf(live, duration) {
  const finals = [...live.finals.values()].filter((final) => final.words.length).toSorted((a, b) => a.utterance - b.utterance);
  const words = finals.flatMap((final) => final.words);
  /** @type {import("./api.js").TranscriptJson} */
  const result = {
    text: finals.map((final) => final.text).join(" "),
    words,
    segments: segmentsOf(finals, (final) => final.text),
    confidence: words.length ? words.reduce((sum, word) => sum + word.confidence, 0) / words.length : null,
    language: live.language ?? "",
    model: live.model ?? "",
    duration,
  };
  if (finals.length && finals.every((final) => final.formatted_text !== undefined)) {
    const formattedOf = (/** @type {Final} */ final) => final.formatted_text ?? "";
    result.formatted_text = finals.map(formattedOf).join(" ");
    result.formatted_words = finals.flatMap((final) => timeFormatted(final.words, formattedOf(final)));
    result.formatted_segments = segmentsOf(finals, formattedOf);
  }
  return result;
}

/**
 * @param {Final[]} finals with words.
 * @param {(final: Final) => string} textOf
 */
function segmentsOf(finals, textOf) {
  return finals.map((final, id) => ({
    id,
    start: final.words[0].start,
    end: final.words[final.words.length - 1].end,
    text: textOf(final),
    confidence: final.confidence,
  }));
}
