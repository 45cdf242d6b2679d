/** The doubtful words of the open text: marks them, and moves to them and to the least sure lines. */

import { buttonById, byId, inputById } from "./dom.js";
import { placeOf } from "./edits.js";
import { recall, store } from "./i18n.js";

const THRESHOLD = "nordlyd.threshold";

/** @typedef {import("./api.js").Word} Word */
/** @typedef {import("./versions.js").Paragraph} Paragraph */
/** @typedef {import("./versions.js").Version} Version */

export class Doubt {
  #i18n;
  #transcript;
  #notes;
  #version;
  #onMove;
  /** The words of lines that the cursor was in. @type {WeakSet<Word>} */
  #looked = new WeakSet();

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./transcript.js").Transcript} transcript
   * @param {import("./notes.js").Notes} notes
   * @param {object} callbacks
   * @param {() => Version} callbacks.version returns the text that is shown.
   * @param {(word: Word) => void} callbacks.onMove called with the word that a command has moved to.
   */
  constructor(i18n, transcript, notes, { version, onMove }) {
    this.#i18n = i18n;
    this.#transcript = transcript;
    this.#notes = notes;
    this.#version = version;
    this.#onMove = onMove;
    const threshold = inputById("threshold");
    threshold.value = recall(THRESHOLD) ?? "70";
    threshold.addEventListener("input", () => {
      store(THRESHOLD, threshold.value);
      this.mark();
    });
    byId("next-unsure").addEventListener("click", () => {
      const word = transcript.nextUnsure();
      if (word) onMove(word);
    });
    byId("least-sure").addEventListener("click", () => this.#goToLeastSure());
    byId("transcript").addEventListener("focusin", (event) => isWord(event.target) && this.#look());
    byId("transcript").addEventListener("keydown", (event) => {
      if (event.key !== "l" || !isWord(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#goToLeastSure();
    });
  }

  /** Show what there is to doubt in the text that is shown now. */
  refresh() {
    const words = this.#version().paragraphs.flatMap((paragraph) => paragraph.words);
    // Of words that were aligned, only those that were not found are in doubt.
    byId("doubt").hidden = words.every((word) => word.found);
    const aligned = words.some((word) => word.found !== undefined);
    byId("threshold").hidden = aligned;
    byId("threshold-field").hidden = aligned;
    this.mark();
  }

  /** Mark the words below the threshold. */
  mark() {
    const share = Number(inputById("threshold").value) / 100;
    const count = this.#transcript.mark(share);
    const label = this.#i18n.t("text.threshold", { percent: this.#i18n.percent(share) });
    byId("threshold-label").textContent = label;
    this.#i18n.setText(byId("next-unsure"), count ? "text.nextUnsure" : "text.noneUnsure", { n: count });
    buttonById("next-unsure").disabled = count === 0;
  }

  #goToLeastSure() {
    const { paragraphs } = this.#version();
    const p = leastSure(paragraphs, this.#looked);
    if (p === null) {
      this.#notes.setText("text.noneLeft");
      return;
    }
    this.#transcript.go(paragraphs.slice(0, p).reduce((sum, { words }) => sum + words.length, 0));
    this.#onMove(paragraphs[p].words[0]);
  }

  #look() {
    const version = this.#version();
    const { p } = placeOf(version, this.#transcript.cursor);
    for (const word of version.paragraphs[p].words) this.#looked.add(word);
  }
}

const isWord = (/** @type {EventTarget | null} */ target) => target instanceof Element && target.matches(".w");

/**
 * The paragraph of the lowest mean confidence of which no word was looked at; null where there is
 * none. What a person wrote is certain.
 * @param {Paragraph[]} paragraphs
 * @param {WeakSet<Word>} looked
 */
function leastSure(paragraphs, looked) {
  /** @type {number | null} */
  let least = null;
  let lowest = 1;
  for (const [p, { words }] of paragraphs.entries()) {
    const mean = words.reduce((sum, word) => sum + (word.found === false ? 0 : word.confidence), 0) / words.length;
    if (mean >= lowest || words.some((word) => looked.has(word))) continue;
    least = p;
    lowest = mean;
  }
  return least;
}
