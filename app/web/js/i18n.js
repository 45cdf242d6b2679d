/**
 * The languages of the page: translates keys with their facts into the chosen language.
 *
 * Elements carry their key in `data-i18n`, so that all of them can be translated again at once.
 */

import { Emitter } from "./events.js";

/** @typedef {Record<string, string | number>} Facts */
/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>> & {other: string}} Message */

/** @type {Record<string, string>} */
export const INTERFACE_LANGUAGES = {
  nb: "Norsk bokmål",
  nn: "Norsk nynorsk",
  da: "Dansk",
  en: "English",
};

const STORED = "nordlyd.interface";
/** @type {Record<string, string>} */
const ALIASES = { no: "nb" };
const ATTRIBUTES = ["aria-label", "title", "placeholder"];

/**
 * The first of a person's languages that the page has; English where it has none.
 * @param {readonly string[]} languages
 * @param {string | null} stored
 */
export function preferredLanguage(languages, stored) {
  if (stored !== null && stored in INTERFACE_LANGUAGES) return stored;
  for (const tag of languages) {
    const code = tag.toLowerCase().split("-")[0];
    const known = ALIASES[code] ?? code;
    if (known in INTERFACE_LANGUAGES) return known;
  }
  return "en";
}

/**
 * Emits `change` after each change of language.
 * @extends {Emitter<{change: null}>}
 */
export class Translator extends Emitter {
  /** @type {Record<string, Message>} */
  #messages = {};
  #numbers = new Intl.NumberFormat();
  #plurals = new Intl.PluralRules();
  language = "en";

  /**
   * Translate the page into a language.
   * @param {string} language
   */
  async setLanguage(language, { remember = false } = {}) {
    this.#messages = (await import(`./i18n/${language}.js`)).default;
    this.language = language;
    this.#numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    this.#plurals = new Intl.PluralRules(language);
    if (remember) store(STORED, language);
    document.documentElement.lang = language;
    this.#translate(document);
    this.emit("change", null);
  }

  /** The language that was chosen before, or the browser's. */
  static initial() {
    return preferredLanguage(navigator.languages ?? [navigator.language], recall(STORED));
  }

  /** @param {string} key */
  has(key) {
    return key in this.#messages;
  }

  /**
   * A message; `{name}` in it becomes the fact of that name, `n` selects singular or plural.
   * @param {string} key
   * @param {Facts} facts
   */
  t(key, facts = {}) {
    let message = this.#messages[key];
    if (message === undefined) throw new Error(`There is no message ${key} in ${this.language}.`);
    if (typeof message !== "string") message = message[this.#plurals.select(Number(facts.n))] ?? message.other;
    return message.replace(/\{(\w+)\}/g, (_, name) => {
      const fact = facts[name];
      return typeof fact === "number" ? this.#numbers.format(fact) : (fact ?? "");
    });
  }

  /** @param {number} share in 0..1. */
  percent(share) {
    return new Intl.NumberFormat(this.language, { style: "percent" }).format(share);
  }

  /**
   * Date and time of day.
   * @param {string} time in ISO 8601.
   */
  time(time) {
    return new Intl.DateTimeFormat(this.language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
  }

  /**
   * Name of a language that is spoken in recordings.
   * @param {string} code
   */
  languageName(code) {
    if (this.has(`speech.${code}`)) return this.t(`speech.${code}`);
    const name = new Intl.DisplayNames([this.language], { type: "language", fallback: "code" }).of(code);
    return name ?? code;
  }

  /**
   * Set an element's text to a message, now and after every change of language.
   * @param {HTMLElement} element
   * @param {string} key
   * @param {Facts} facts
   */
  setText(element, key, facts = {}) {
    element.dataset.i18n = key;
    element.dataset.i18nFacts = JSON.stringify(facts);
    element.textContent = this.t(key, facts);
  }

  /**
   * The same for an attribute.
   * @param {Element} element
   * @param {"aria-label" | "title" | "placeholder"} attribute
   * @param {string} key
   * @param {Facts} facts
   */
  setLabel(element, attribute, key, facts = {}) {
    element.setAttribute(`data-i18n-${attribute}`, key);
    element.setAttribute(`data-i18n-${attribute}-facts`, JSON.stringify(facts));
    element.setAttribute(attribute, this.t(key, facts));
  }

  /** @param {ParentNode} root */
  #translate(root) {
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-i18n]"))) {
      element.textContent = this.t(element.dataset.i18n ?? "", JSON.parse(element.dataset.i18nFacts ?? "{}"));
    }
    for (const attribute of ATTRIBUTES) {
      const name = `data-i18n-${attribute}`;
      for (const element of root.querySelectorAll(`[${name}]`)) {
        const facts = JSON.parse(element.getAttribute(`${name}-facts`) ?? "{}");
        element.setAttribute(attribute, this.t(element.getAttribute(name) ?? "", facts));
      }
    }
  }
}

/**
 * Store a value for the next visit, or for this tab, where the browser allows it.
 * @param {string} name
 * @param {string} value
 */
export function store(name, value, { tab = false } = {}) {
  try {
    (tab ? sessionStorage : localStorage).setItem(name, value);
  } catch {
    // Private windows may forbid it; the page works without.
  }
}

/** @param {string} name */
export function recall(name, { tab = false } = {}) {
  try {
    return (tab ? sessionStorage : localStorage).getItem(name);
  } catch {
    return null;
  }
}
