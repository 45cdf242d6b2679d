/** The form of options for the next recordings: offers the loaded models, returns parameters. */

import { byId, fillSelect } from "./dom.js";
import { recall, store } from "./i18n.js";

/** @typedef {import("./api.js").ModelInfo} ModelInfo */
/** @typedef {import("./i18n.js").Translator} Translator */

const STORED = "nordlyd.choices";
const DECODERS = ["auto", "greedy", "beam", "greedy+lm"];
const BACKGROUND = ["long", "all", "none"];
const N_BEST = [1, 3, 5, 10];
const NEED_FORMATTING = ["remove_hesitations", "mask_profanities"];
const NEED_BEAM = ["hotwords", "n_best", "lm"];
const DETECTED = ["auto", "auto-each"];
const MOST_SPEAKERS = 10;
// Names may be confidential.
const NOT_STORED = ["hotwords", "redact_names"];

/**
 * Whether a model is a demonstration: demo-da, demo-nb, demo-nn.
 * @param {string} model
 */
export const isDemo = (model) => model.startsWith("demo-");

export class Choices {
  #i18n;
  #form = byId("choices", HTMLFormElement);
  /** @type {ModelInfo[]} */
  #models = [];
  #diarizes = false;
  #knowsSpeakers = false;

  /** @param {Translator} i18n */
  constructor(i18n) {
    this.#i18n = i18n;
    this.#fill();
    this.#restore();
    this.#form.addEventListener("change", () => {
      this.#fill();
      this.#store();
    });
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    i18n.on("change", () => this.#fill());
  }

  /**
   * Offer what the service can do: its models, and whether it finds out who speaks, by name too.
   * @param {import("./api.js").Health} health
   */
  setService({ models, diarize, known_speakers }) {
    const before = [this.#models, this.#diarizes, this.#knowsSpeakers];
    if (JSON.stringify([models, diarize, known_speakers]) === JSON.stringify(before)) return;
    this.#models = models;
    this.#diarizes = diarize;
    this.#knowsSpeakers = known_speakers;
    this.#fill();
    this.#restore();
    this.#fill();
  }

  /** Parameters of a request, without those that are the service's defaults. */
  current() {
    /** @type {Record<string, string | boolean>} */
    const chosen = Object.fromEntries(
      this.#fields()
        .filter((field) => field.name && field.name !== "redact" && !field.disabled)
        .map((field) => [field.name, isCheckbox(field) ? field.checked && valueOf(field) : field.value.trim()]),
    );
    if (!chosen.format_text) for (const name of NEED_FORMATTING) delete chosen[name];
    delete chosen.background;
    if (chosen.decoder === "auto") delete chosen.decoder;
    if (chosen.n_best === "1") delete chosen.n_best;
    chosen.redact = this.#redacted().filter((box) => box.checked).map((box) => box.value).join(", ");
    // Lines are accepted as well as commas.
    for (const name of NOT_STORED) chosen[name] = String(chosen[name] ?? "").replace(/\s*\n\s*/g, ", ");
    return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== "" && value !== false));
  }

  /**
   * Parameters of a recording by the microphone, which has one channel, and those of its live text.
   * `whole` is whether only the finished recording can be transcribed as chosen.
   */
  forMicrophone() {
    const { channels: _, ...recording } = this.current();
    const { diarize, num_speakers: __, known_speakers: ___, ...live } = recording;
    const detected = DETECTED.includes(String(live.language));
    if (detected) delete live.language;
    if (live.redact) delete live.n_best;
    return { recording, live, whole: Boolean(diarize) || detected };
  }

  /** Which recordings are handed in as jobs: `long`, `all` or `none`. */
  get background() {
    return this.#select("background").value;
  }

  /** The form's controls, in its order. */
  #fields() {
    return /** @type {(HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement)[]} */ ([...this.#form.elements]);
  }

  /** The boxes of what is masked. */
  #redacted() {
    return this.#fields().filter(isCheckbox).filter((box) => box.name === "redact");
  }

  /** @param {string} name */
  #checkbox(name) {
    return /** @type {HTMLInputElement} */ (this.#field(name));
  }

  /** @param {string} name */
  #field(name) {
    const field = this.#fields().find((candidate) => candidate.name === name);
    if (!field) throw new Error(`There is no field ${name}.`);
    return field;
  }

  /** @param {string} name */
  #select(name) {
    return /** @type {HTMLSelectElement} */ (this.#field(name));
  }

  #fill() {
    const i18n = this.#i18n;
    const language = this.#select("language");
    const model = this.#select("model");
    const decoder = this.#select("decoder");
    const codes = [...new Set(this.#models.flatMap((loaded) => loaded.languages))];
    fillSelect(language, [
      ...codes.map((code) => /** @type {[string, string]} */ ([code, i18n.languageName(code)])),
      .../** @type {[string, string][]} */ (
        codes.length > 1 ? [["auto", i18n.t("choices.languageAuto")], ["auto-each", i18n.t("choices.languageEach")]] : []
      ),
    ]);
    const detected = DETECTED.includes(language.value);
    const ofLanguage = this.#models.filter((loaded) => loaded.languages.length && (detected || loaded.languages.includes(language.value)));
    const ofNone = this.#models.filter((loaded) => !detected && loaded.languages.length === 0);
    fillSelect(model, [
      ["", i18n.t("choices.modelAuto")],
      ...[...ofLanguage, ...ofNone].map(({ id, title }) => /** @type {[string, string]} */ ([id, title ?? id])),
    ]);
    fillSelect(this.#select("background"), BACKGROUND.map((name) => [name, i18n.t(`background.${name}`)]));
    fillSelect(decoder, DECODERS.map((name) => [name, i18n.t(`decoder.${name}`)]));
    fillSelect(
      this.#select("n_best"),
      N_BEST.map((n) => [String(n), n === 1 ? i18n.t("choices.alternativesNone") : i18n.t("choices.alternativesUpTo", { n })]),
    );
    const candidates = this.#models.filter((loaded) => (model.value ? loaded.id === model.value : ofLanguage.includes(loaded)));
    const names = new Set(candidates.flatMap((loaded) => loaded.language_models ?? []));
    names.delete("default");
    // Each model has its own.
    if (detected && !model.value) names.clear();
    fillSelect(this.#select("lm"), [
      ["", i18n.t("choices.lmAuto")],
      ...[...names].toSorted().map((name) => /** @type {[string, string]} */ ([name, name])),
    ]);
    byId("lm-field").hidden = names.size === 0;
    for (const name of NEED_BEAM) this.#field(name).disabled = decoder.value === "greedy";
    // Each channel, and each utterance in a language of its own, has one text.
    const separate = this.#checkbox("channels").checked;
    if (separate || language.value === "auto-each") this.#field("n_best").disabled = true;
    this.#fillSpeakers(separate);
    const listed = this.#redacted().some((box) => box.value === "names" && box.checked);
    byId("redact_names-field").hidden = !listed;
    this.#field("redact_names").disabled = !listed;
    const formatted = this.#checkbox("format_text").checked;
    for (const name of NEED_FORMATTING) this.#field(name).disabled = !formatted;
    byId("demo-note").hidden = !(candidates.length && candidates.every((loaded) => isDemo(loaded.id)));
  }

  /** @param {boolean} separate whether each channel is a speaker. */
  #fillSpeakers(separate) {
    const numbers = Array.from({ length: MOST_SPEAKERS }, (_, place) => String(place + 1));
    fillSelect(this.#select("num_speakers"), [
      ["", this.#i18n.t("choices.speakersAuto")],
      ...numbers.map((number) => /** @type {[string, string]} */ ([number, number])),
    ]);
    const diarize = this.#checkbox("diarize");
    byId("diarize-field").hidden = !this.#diarizes;
    diarize.disabled = !this.#diarizes || separate;
    const counted = diarize.checked && !diarize.disabled;
    byId("num_speakers-field").hidden = !counted;
    this.#select("num_speakers").disabled = !counted;
    const named = counted && this.#knowsSpeakers;
    byId("known_speakers-field").hidden = !named;
    this.#field("known_speakers").disabled = !named;
  }

  #store() {
    const kept = Object.entries(this.current()).filter(([name]) => !NOT_STORED.includes(name));
    const formatted = this.#checkbox("format_text").checked;
    store(STORED, JSON.stringify({ ...Object.fromEntries(kept), format_text: formatted, background: this.background }));
  }

  #restore() {
    /** @type {Record<string, unknown>} */
    const kept = { language: this.#i18n.language, format_text: true, ...parse(recall(STORED)) };
    // What a model offers depends on the language, so in the order of the form.
    for (const field of this.#fields()) {
      const value = kept[field.name];
      if (value === undefined) continue;
      if (field.name === "redact" && isCheckbox(field)) {
        field.checked = typeof value === "string" && value.split(", ").includes(field.value);
      } else if (isCheckbox(field)) field.checked = Boolean(value);
      else if (typeof value === "string" && field instanceof HTMLSelectElement) {
        if ([...field.options].some((option) => option.value === value)) field.value = value;
      }
      this.#fill();
    }
  }
}

/**
 * @param {HTMLElement} field
 * @returns {field is HTMLInputElement}
 */
const isCheckbox = (field) => field instanceof HTMLInputElement && field.type === "checkbox";

/**
 * What a ticked box stands for: its value in the page's HTML, true where it has none.
 * @param {HTMLInputElement} field
 */
const valueOf = (field) => field.getAttribute("value") ?? true;

/**
 * @param {string | null} text
 * @returns {Record<string, unknown>}
 */
function parse(text) {
  try {
    return JSON.parse(text ?? "{}") ?? {};
  } catch {
    return {};
  }
}
