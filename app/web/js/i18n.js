/**
 * The languages of the page: a key and its facts in, words in the chosen language out.
 *
 * Elements carry their key in `data-i18n`, so that all of them can be said anew in another
 * language at once.
 */

export const INTERFACE_LANGUAGES = {
  nb: "Norsk bokmål",
  nn: "Norsk nynorsk",
  da: "Dansk",
  en: "English",
};

const REMEMBERED = "nordlyd.interface";
const ALIASES = { no: "nb" };
const ATTRIBUTES = ["aria-label", "title", "placeholder"];

/** The first of a person's languages that the page speaks; English where it speaks none. */
export function preferredLanguage(languages, remembered) {
  if (remembered in INTERFACE_LANGUAGES) return remembered;
  for (const tag of languages) {
    const code = tag.toLowerCase().split("-")[0];
    const known = ALIASES[code] ?? code;
    if (known in INTERFACE_LANGUAGES) return known;
  }
  return "en";
}

export class Translator extends EventTarget {
  #messages = {};
  #numbers = new Intl.NumberFormat();
  #plurals = new Intl.PluralRules();
  language = "en";

  /** Speak a language from now on; every bound element follows. */
  async use(language, { remember = false } = {}) {
    this.#messages = (await import(`./i18n/${language}.js`)).default;
    this.language = language;
    this.#numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    this.#plurals = new Intl.PluralRules(language);
    if (remember) store(REMEMBERED, language);
    document.documentElement.lang = language;
    this.apply(document);
    this.dispatchEvent(new Event("change"));
  }

  /** The language a person had chosen, or the browser's. */
  static initial() {
    return preferredLanguage(navigator.languages ?? [navigator.language], recall(REMEMBERED));
  }

  has(key) {
    return key in this.#messages;
  }

  /** A message; `{name}` in it becomes the fact of that name, `n` chooses one or many. */
  t(key, facts = {}) {
    let message = this.#messages[key];
    if (message === undefined) throw new Error(`There is no message ${key} in ${this.language}.`);
    if (typeof message !== "string") message = message[this.#plurals.select(facts.n)] ?? message.other;
    return message.replace(/\{(\w+)\}/g, (_, name) => {
      const fact = facts[name];
      return typeof fact === "number" ? this.#numbers.format(fact) : String(fact ?? "");
    });
  }

  percent(share) {
    return new Intl.NumberFormat(this.language, { style: "percent" }).format(share);
  }

  /** Name of a language that is spoken in recordings. */
  languageName(code) {
    if (this.has(`speech.${code}`)) return this.t(`speech.${code}`);
    const name = new Intl.DisplayNames([this.language], { type: "language", fallback: "code" }).of(code);
    return name ?? code;
  }

  /** Make an element say a message now and after every change of language. */
  say(element, key, facts = {}) {
    element.dataset.i18n = key;
    element.dataset.i18nFacts = JSON.stringify(facts);
    element.textContent = this.t(key, facts);
  }

  /** The same for an attribute: aria-label, title or placeholder. */
  label(element, attribute, key, facts = {}) {
    element.setAttribute(`data-i18n-${attribute}`, key);
    element.setAttribute(`data-i18n-${attribute}-facts`, JSON.stringify(facts));
    element.setAttribute(attribute, this.t(key, facts));
  }

  apply(root) {
    for (const element of root.querySelectorAll("[data-i18n]")) {
      element.textContent = this.t(element.dataset.i18n, JSON.parse(element.dataset.i18nFacts ?? "{}"));
    }
    for (const attribute of ATTRIBUTES) {
      const name = `data-i18n-${attribute}`;
      for (const element of root.querySelectorAll(`[${name}]`)) {
        const facts = JSON.parse(element.getAttribute(`${name}-facts`) ?? "{}");
        element.setAttribute(attribute, this.t(element.getAttribute(name), facts));
      }
    }
  }
}

/** Keep something for the next visit, or for this tab, where the browser allows it. */
export function store(name, value, { tab = false } = {}) {
  try {
    (tab ? sessionStorage : localStorage).setItem(name, value);
  } catch {
    // Private windows may forbid it; the page works without.
  }
}

export function recall(name, { tab = false } = {}) {
  try {
    return (tab ? sessionStorage : localStorage).getItem(name);
  } catch {
    return null;
  }
}
