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
   * Offer the loaded models.
   * @param {ModelInfo[]} models
   */
  setModels(models) {
    if (JSON.stringify(models) === JSON.stringify(this.#models)) return;
    this.#models = models;
    this.#fill();
    this.#restore();
    this.#fill();
  }

  /** Parameters of a request, without those that are the service's defaults. */
  current() {
    /** @type {Record<string, string | boolean>} */
    const chosen = Object.fromEntries(
      this.#fields()
        .filter((field) => field.name && !field.disabled)
        .map((field) => [field.name, isCheckbox(field) ? field.checked && valueOf(field) : field.value.trim()]),
    );
    if (!chosen.format_text) for (const name of NEED_FORMATTING) delete chosen[name];
    delete chosen.background;
    if (chosen.decoder === "auto") delete chosen.decoder;
    if (chosen.n_best === "1") delete chosen.n_best;
    // Lines are accepted as well as commas.
    chosen.hotwords = String(chosen.hotwords ?? "").replace(/\s*\n\s*/g, ", ");
    return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== "" && value !== false));
  }

  /** Which recordings are handed in as jobs: `long`, `all` or `none`. */
  get background() {
    return this.#select("background").value;
  }

  /** The form's controls, in its order. */
  #fields() {
    return /** @type {(HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement)[]} */ ([...this.#form.elements]);
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
    fillSelect(language, codes.map((code) => [code, i18n.languageName(code)]));
    const ofLanguage = this.#models.filter((loaded) => loaded.languages.includes(language.value));
    const ofNone = this.#models.filter((loaded) => loaded.languages.length === 0);
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
    fillSelect(this.#select("lm"), [
      ["", i18n.t("choices.lmAuto")],
      ...[...names].toSorted().map((name) => /** @type {[string, string]} */ ([name, name])),
    ]);
    byId("lm-field").hidden = names.size === 0;
    for (const name of NEED_BEAM) this.#field(name).disabled = decoder.value === "greedy";
    // Each channel has one text.
    const separate = /** @type {HTMLInputElement} */ (this.#field("channels")).checked;
    if (separate) this.#field("n_best").disabled = true;
    const formatted = /** @type {HTMLInputElement} */ (this.#field("format_text")).checked;
    for (const name of NEED_FORMATTING) this.#field(name).disabled = !formatted;
    byId("demo-note").hidden = !(candidates.length && candidates.every((loaded) => isDemo(loaded.id)));
  }

  #store() {
    // Expected names may be confidential: they are not stored.
    const { hotwords: _, ...kept } = this.current();
    const formatted = /** @type {HTMLInputElement} */ (this.#field("format_text")).checked;
    store(STORED, JSON.stringify({ ...kept, format_text: formatted, background: this.background }));
  }

  #restore() {
    /** @type {Record<string, unknown>} */
    const kept = { language: this.#i18n.language, format_text: true, ...parse(recall(STORED)) };
    // What a model offers depends on the language, so in the order of the form.
    for (const field of this.#fields()) {
      const value = kept[field.name];
      if (value === undefined) continue;
      if (isCheckbox(field)) field.checked = Boolean(value);
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
