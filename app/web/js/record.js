/** Recording with live text: a press of a button in, a job with its text out. */

import { byId, clock, make } from "./dom.js";
import { Job } from "./jobs.js";
import { LiveTranscription } from "./live.js";
import { openMicrophone, MicrophoneError } from "./microphone.js";
import { Recording } from "./recording.js";
import { LevelMeter } from "./level.js";
import { timeReadable } from "./words.js";

export class Recorder {
  #i18n;
  #api;
  #keys;
  #choices;
  #microphone = null;
  #recording = null;
  #live = null;
  #chosen = null;
  #meter = new LevelMeter(byId("live-level"));

  /** Called with a Job that has its result, or is to be transcribed if it has none. */
  onDone = () => {};

  constructor(i18n, api, keys, choices) {
    this.#i18n = i18n;
    this.#api = api;
    this.#keys = keys;
    this.#choices = choices;
    byId("record").addEventListener("click", () => this.#start());
    byId("live-stop").addEventListener("click", () => this.#stop());
    byId("live-discard").addEventListener("click", () => this.#discard());
    window.addEventListener("beforeunload", (event) => {
      if (this.#recording) event.preventDefault();
    });
  }

  async #start() {
    if (this.#microphone) return;
    byId("live").hidden = false;
    document.body.toggleAttribute("data-started", true);
    byId("record").disabled = true;
    byId("live-text").replaceChildren();
    byId("live-stop").disabled = true;
    this.#note(null);
    this.#state("live.connecting");
    this.#clock(0);
    byId("live-title").focus();
    const early = [];
    let take = (piece) => early.push(piece);
    try {
      this.#microphone = await openMicrophone((piece) => take(piece));
    } catch (error) {
      if (!(error instanceof MicrophoneError)) reportError(error);
      byId("live-text").hidden = true;
      this.#state("record.title");
      this.#note(`mic.${error instanceof MicrophoneError ? error.reason : "failed"}`);
      byId("record").disabled = false;
      byId("record").focus();
      return;
    }
    byId("live-text").hidden = false;
    this.#recording = new Recording(this.#microphone.rate);
    this.#chosen = this.#choices.current();
    this.#listen();
    take = (piece) => this.#take(piece);
    early.forEach(take);
    byId("live-stop").disabled = false;
    byId("live-stop").focus();
    this.#state("live.listening");
    byId("live").toggleAttribute("data-recording", true);
    this.#speakNow();
  }

  #listen() {
    const parameters = { ...this.#chosen, encoding: "s16le", rate: this.#recording.rate };
    const live = new LiveTranscription(
      (more) => this.#api.live({ ...parameters, ...more }),
      () => this.#keys.ask({ wrong: this.#keys.known }),
      this.#recording,
    );
    live.addEventListener("ready", () => this.#note(null));
    live.addEventListener("partial", ({ detail }) => this.#partial(detail));
    live.addEventListener("final", ({ detail }) => this.#final(detail));
    live.addEventListener("broken", () => this.#note("live.broken"));
    live.addEventListener("lost", () => this.#note("live.lost"));
    this.#live = live;
  }

  #take(piece) {
    this.#recording.add(piece);
    this.#meter.add(piece);
    this.#clock(this.#recording.seconds);
    this.#live.pump();
  }

  #speakNow() {
    const hint = make("p", { class: "hint", id: "live-speak" });
    this.#i18n.say(hint, "live.speak");
    byId("live-text").append(hint);
  }

  /** Text that may still change: shown, but not read out by screen readers again and again. */
  #partial({ utterance, text, stable }) {
    if (this.#live.finals.has(utterance) || !text) return;
    const line = this.#line(utterance);
    line.setAttribute("aria-hidden", "true");
    const rest = text.slice(stable.length);
    line.replaceChildren(make("span", { textContent: stable }), make("span", { class: "tentative", textContent: rest }));
    this.#scroll();
  }

  #final({ utterance, text, formatted_text: readable }) {
    const line = this.#line(utterance);
    if (!text) return line.remove();
    line.removeAttribute("aria-hidden");
    line.replaceChildren(readable ?? text);
    this.#scroll();
  }

  #line(utterance) {
    document.getElementById("live-speak")?.remove();
    const id = `utterance-${utterance}`;
    const known = document.getElementById(id);
    if (known) return known;
    const line = make("p", { id, lang: this.#live.language });
    byId("live-text").append(line);
    return line;
  }

  #scroll() {
    byId("live-text").scrollTop = byId("live-text").scrollHeight;
  }

  async #stop() {
    if (!this.#microphone) return;
    byId("live-stop").disabled = true;
    const live = this.#live;
    await this.#closeMicrophone();
    this.#state("live.finishing");
    const complete = await live.finish();
    const recording = this.#recording;
    if (!recording) return; // thrown away meanwhile
    this.#end();
    if (!recording.length) {
      byId("live").hidden = false;
      byId("live-text").hidden = true;
      this.#state("record.title");
      return this.#note("record.empty");
    }
    const time = new Date().toLocaleTimeString(this.#i18n.language, { hour: "2-digit", minute: "2-digit" });
    const name = `${this.#i18n.t("record.name", { time: time.replace(":", ".") })}.wav`;
    const job = new Job(recording.wav(), name, this.#chosen);
    job.recorded = true;
    if (complete) {
      try {
        Object.assign(job, { state: "done", share: 1, result: resultOf(live, recording.seconds), live: true });
      } catch (error) {
        // The recording is worth more than its live text: it is transcribed as a file.
        reportError(error);
        job.state = "waiting";
      }
    }
    this.onDone(job);
  }

  async #discard() {
    this.#live?.close();
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
    this.#recording = null;
    this.#live = null;
    this.#meter.clear();
    byId("record").disabled = false;
    byId("live").hidden = true;
  }

  #state(key) {
    this.#i18n.say(byId("live-state"), key);
  }

  #clock(seconds) {
    const text = clock(seconds);
    if (byId("live-clock").textContent !== text) byId("live-clock").textContent = text;
  }

  #note(key) {
    byId("live-note").hidden = key === null;
    if (key) this.#i18n.say(byId("live-note"), key);
  }
}

/** What was heard live, in the form of an answer of POST /transcribe. */
function resultOf(live, duration) {
  const finals = [...live.finals.values()].filter((final) => final.words.length).sort((a, b) => a.utterance - b.utterance);
  const words = finals.flatMap((final) => final.words);
  const result = {
    text: finals.map((final) => final.text).join(" "),
    words,
    segments: segmentsOf(finals, (final) => final.text),
    confidence: words.length ? words.reduce((sum, word) => sum + word.confidence, 0) / words.length : null,
    language: live.language,
    model: live.model,
    duration,
  };
  if (finals.length && finals.every((final) => final.formatted_text !== undefined)) {
    result.formatted_text = finals.map((final) => final.formatted_text).join(" ");
    result.formatted_words = finals.flatMap((final) => timeReadable(final.words, final.formatted_text));
    result.formatted_segments = segmentsOf(finals, (final) => final.formatted_text);
  }
  return result;
}

function segmentsOf(finals, textOf) {
  return finals.map((final, id) => ({
    id,
    start: final.words[0].start,
    end: final.words.at(-1).end,
    text: textOf(final),
    confidence: final.confidence,
  }));
}
