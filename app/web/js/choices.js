/** What a person chooses for the next recordings: from the loaded models in, parameters out. */

import { byId, fillSelect } from "./dom.js";
import { recall, store } from "./i18n.js";

const REMEMBERED = "nordlyd.choices";
const DECODERS = ["auto", "greedy", "beam", "greedy+lm"];
const READINGS = [1, 3, 5, 10];
const NEED_READABLE = ["remove_hesitations", "mask_profanities"];
const NEED_BEAM = ["hotwords", "n_best", "lm"];

/** Demonstration models are known by their names: demo-da, demo-nb, demo-nn. */
export const isDemo = (model) => /^demo-/.test(model);

export class Choices {
  #i18n;
  #form = byId("choices");
  #models = [];

  constructor(i18n) {
    this.#i18n = i18n;
    this.#fill();
    this.#restore();
    this.#form.addEventListener("change", () => {
      this.#fill();
      this.#remember();
    });
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    i18n.addEventListener("change", () => this.#fill());
  }

  /** Offer what is loaded: [{id, title, languages, language_models}]. */
  offer(models) {
    if (JSON.stringify(models) === JSON.stringify(this.#models)) return;
    this.#models = models;
    this.#fill();
    this.#restore();
    this.#fill();
  }

  /** Parameters of a request, without those that stand as the service has them. */
  current() {
    const chosen = Object.fromEntries(
      [...this.#form.elements]
        .filter((field) => field.name && !field.disabled)
        .map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value.trim()]),
    );
    if (!chosen.format_text) for (const name of NEED_READABLE) delete chosen[name];
    if (chosen.decoder === "auto") delete chosen.decoder;
    if (chosen.n_best === "1") delete chosen.n_best;
    // One a line is as good as commas.
    chosen.hotwords = (chosen.hotwords ?? "").replace(/\s*\n\s*/g, ", ");
    return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== "" && value !== false));
  }

  #fill() {
    const { t, languageName } = { t: this.#i18n.t.bind(this.#i18n), languageName: (code) => this.#i18n.languageName(code) };
    const field = this.#form.elements;
    const languages = [...new Set(this.#models.flatMap((model) => model.languages))];
    fillSelect(field.language, languages.map((code) => [code, languageName(code)]));
    const fitting = this.#models.filter((model) => model.languages.includes(field.language.value));
    const unspoken = this.#models.filter((model) => model.languages.length === 0);
    fillSelect(field.model, [
      ["", t("choices.modelAuto")],
      ...[...fitting, ...unspoken].map((model) => [model.id, model.title ?? model.id]),
    ]);
    fillSelect(field.decoder, DECODERS.map((name) => [name, t(`decoder.${name}`)]));
    fillSelect(
      field.n_best,
      READINGS.map((n) => [String(n), n === 1 ? t("choices.alternativesNone") : t("choices.alternativesUpTo", { n })]),
    );
    const asked = field.model.value;
    const candidates = this.#models.filter((model) => (asked ? model.id === asked : fitting.includes(model)));
    const named = new Set(candidates.flatMap((model) => model.language_models ?? []));
    named.delete("default");
    fillSelect(field.lm, [["", t("choices.lmAuto")], ...[...named].sort().map((name) => [name, name])]);
    byId("lm-field").hidden = named.size === 0;
    for (const name of NEED_BEAM) field[name].disabled = field.decoder.value === "greedy";
    for (const name of NEED_READABLE) field[name].disabled = !field.format_text.checked;
    byId("demo-note").hidden = !(candidates.length && candidates.every((model) => isDemo(model.id)));
  }

  #remember() {
    // Expected names may be nobody else's business: they are not kept.
    const { hotwords, ...kept } = this.current();
    store(REMEMBERED, JSON.stringify({ ...kept, format_text: this.#form.elements.format_text.checked }));
  }

  #restore() {
    const kept = { language: this.#i18n.language, format_text: true, ...parse(recall(REMEMBERED)) };
    // What a model offers depends on the language, so in the order of the form.
    for (const field of this.#form.elements) {
      const value = kept[field.name];
      if (value === undefined) continue;
      if (field.type === "checkbox") field.checked = Boolean(value);
      else if ([...field.options].some((option) => option.value === String(value))) field.value = String(value);
      this.#fill();
    }
  }
}

function parse(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
