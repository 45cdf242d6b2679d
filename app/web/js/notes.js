/** Messages around the open text: a note under the text, one under the waveform, and problems. */

import { byId } from "./dom.js";
import { describeProblem } from "./problems.js";

/** Notes that call for attention; all others are calm. */
const URGENT = new Set(["edit.lost", "edit.empty"]);

export class Notes {
  #i18n;
  #text = byId("text-note");
  #wave = byId("wave-note");
  #problem = byId("result-problem");

  /** @param {import("./i18n.js").Translator} i18n */
  constructor(i18n) {
    this.#i18n = i18n;
  }

  /** Key of the note under the text, if any. */
  get textKey() {
    return this.#text.dataset.i18n ?? null;
  }

  /** Key of the note under the waveform, if any. */
  get waveKey() {
    return this.#wave.dataset.i18n ?? null;
  }

  /** @param {string | null} key */
  setText(key, facts = {}) {
    this.#text.classList.toggle("calm", key === null || !URGENT.has(key));
    this.#fill(this.#text, key, facts);
  }

  /** @param {string | null} key */
  setWave(key) {
    this.#fill(this.#wave, key);
  }

  /** @param {import("./exchange.js").ApiError | null} error */
  setProblem(error) {
    this.#problem.hidden = error === null;
    if (error) describeProblem(this.#i18n, this.#problem, error);
  }

  /** Scroll to the note under the text. */
  scrollIntoView() {
    this.#text.scrollIntoView({ block: "nearest" });
  }

  /**
   * @param {HTMLElement} element
   * @param {string | null} key
   */
  #fill(element, key, facts = {}) {
    element.hidden = key === null;
    if (key) this.#i18n.setText(element, key, facts);
    else {
      delete element.dataset.i18n;
      element.textContent = "";
    }
  }
}
