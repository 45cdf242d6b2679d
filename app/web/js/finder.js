/** Find and replace: shows the places of a text one by one, and makes a version with others. */

import { byId, inputById } from "./dom.js";
import { find, replace, wordsIn } from "./edits.js";
import { tokens } from "./words.js";

/** @typedef {import("./edits.js").Match} Match */
/** @typedef {import("./versions.js").Version} Version */

export class Finder {
  #form = byId("find", HTMLFormElement);
  #i18n;
  #transcript;
  #version;
  #onChange;
  /** @type {Match[]} */
  #matches = [];
  /** The match that is shown, or -1. */
  #at = -1;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./transcript.js").Transcript} transcript
   * @param {object} callbacks
   * @param {() => Version} callbacks.version returns the text that is searched.
   * @param {(version: Version, cursor: number) => void} callbacks.onChange called with a version
   *     in which places were replaced.
   */
  constructor(i18n, transcript, { version, onChange }) {
    this.#i18n = i18n;
    this.#transcript = transcript;
    this.#version = version;
    this.#onChange = onChange;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#step(1);
    });
    for (const id of ["find-text", "find-case", "find-words"]) byId(id).addEventListener("input", () => this.#search());
    byId("find-before").addEventListener("click", () => this.#step(-1));
    byId("find-replace").addEventListener("click", () => this.#replaceOne());
    byId("find-replace-all").addEventListener("click", () => this.#replaceAll());
    byId("find-close").addEventListener("click", () => this.close());
    this.#form.addEventListener("keydown", (event) => this.#onKey(event));
  }

  get isOpen() {
    return !this.#form.hidden;
  }

  open() {
    this.#form.hidden = false;
    inputById("find-text").focus();
    inputById("find-text").select();
    this.#search();
  }

  /** Close the form; the focus moves to the word at the cursor. */
  close() {
    this.hide();
    if (this.#transcript.cursor >= 0) this.#transcript.go(this.#transcript.cursor);
  }

  hide() {
    this.#form.hidden = true;
    this.#matches = [];
    this.#at = -1;
    this.#transcript.hideMatch();
  }

  /** Search again, in a text that was changed. */
  refresh() {
    if (this.isOpen) this.#search();
  }

  /** Find all places, and show the first one from the cursor on. */
  #search() {
    const version = this.#version();
    this.#matches = find(version, {
      text: inputById("find-text").value,
      matchCase: inputById("find-case").checked,
      wholeWords: inputById("find-words").checked,
    });
    const firsts = firstWords(version);
    const cursor = Math.max(0, this.#transcript.cursor);
    const next = this.#matches.findIndex(({ p, from, to }) => {
      return firsts[p] + wordsIn(version.paragraphs[p], { p, from, to }).first >= cursor;
    });
    this.#at = next < 0 ? Math.min(0, this.#matches.length - 1) : next;
    this.#show();
  }

  /** @param {1 | -1} step */
  #step(step) {
    const total = this.#matches.length;
    if (!total) return;
    this.#at = (this.#at + step + total) % total;
    this.#show();
  }

  #show() {
    const state = byId("find-state");
    const match = this.#matches[this.#at];
    if (!match) {
      this.#transcript.hideMatch();
      if (tokens(inputById("find-text").value).length) this.#i18n.setText(state, "find.none");
      else {
        delete state.dataset.i18n;
        state.textContent = "";
      }
      return;
    }
    const version = this.#version();
    const { first, last } = wordsIn(version.paragraphs[match.p], match);
    const begin = firstWords(version)[match.p];
    this.#transcript.showMatch(begin + first, begin + last);
    this.#i18n.setText(state, "find.place", { at: this.#at + 1, total: this.#matches.length });
  }

  #replaceOne() {
    const match = this.#matches[this.#at];
    if (!match) return;
    const before = this.#version();
    const text = inputById("find-new").value;
    const changed = replace(before, [match], text);
    // Not again in the words that were written.
    const { first, last } = wordsIn(before.paragraphs[match.p], match);
    const added = wordCount(changed) - wordCount(before);
    this.#onChange(changed, firstWords(before)[match.p] + first + Math.max(0, last - first + 1 + added));
  }

  #replaceAll() {
    const n = this.#matches.length;
    if (!n) return;
    this.#onChange(replace(this.#version(), this.#matches, inputById("find-new").value), this.#transcript.cursor);
    this.#i18n.setText(byId("find-state"), "find.replaced", { n });
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && event.target === byId("find-new")) {
      event.preventDefault();
      this.#replaceOne();
    } else if (event.key === "Enter" && event.shiftKey && event.target === byId("find-text")) {
      event.preventDefault();
      this.#step(-1);
    }
  }
}

/**
 * Index of the first word of each paragraph.
 * @param {Version} version
 */
function firstWords({ paragraphs }) {
  let next = 0;
  return paragraphs.map(({ words }) => (next += words.length) - words.length);
}

const wordCount = (/** @type {Version} */ { paragraphs }) => paragraphs.reduce((sum, { words }) => sum + words.length, 0);
