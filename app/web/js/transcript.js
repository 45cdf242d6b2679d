/** The text on the page: emits a time to play from, a corrected word, and where a speaker is changed. */

import { clock } from "./dom.js";
import { markOf, Paragraphs } from "./paragraphs.js";
import { wordsOf } from "./versions.js";
import { correctInPlace } from "./wordinput.js";
import { orderByStart, wordAt } from "./words.js";

// After scrolling by hand, the text does not scroll by itself for so long.
const SCROLL_PAUSE_MS = 4000;
/** Pixels that the player and the bar of commands cover, at the top and at the bottom. */
const COVERED = { top: 180, bottom: 120 };

/** @typedef {import("./api.js").Word} Word */
/** @typedef {import("./versions.js").Version} Version */

export class Transcript {
  #element;
  #readout;
  #i18n;
  #onPlay;
  #onCorrect;
  #onSpeaker;
  #paragraphs;
  /** @type {Word[]} */
  #words = [];
  #order = orderByStart([]);
  #cursor = 0;
  #threshold = 0;
  #scrolledAt = -Infinity;
  #now = -1;
  /** @type {{cursor: HTMLElement | null, now: HTMLElement | null, match: HTMLElement[]}} */
  #shown = { cursor: null, now: null, match: [] };
  /** Closes the input of a word, while one is open. @type {(() => void) | null} */
  #closeInput = null;
  /** Whether the words can be played. */
  hasRecording = true;

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} readout describes the focused word.
   * @param {import("./i18n.js").Translator} i18n
   * @param {object} callbacks
   * @param {(time: number) => void} callbacks.onPlay called with seconds to play from.
   * @param {(index: number, text: string) => void} callbacks.onCorrect called with a word's new text.
   * @param {() => void} callbacks.onSpeaker called when the speaker at the cursor is to be changed.
   */
  constructor(element, readout, i18n, { onPlay, onCorrect, onSpeaker }) {
    this.#onPlay = onPlay;
    this.#onCorrect = onCorrect;
    this.#onSpeaker = onSpeaker;
    this.#element = element;
    this.#readout = readout;
    this.#i18n = i18n;
    this.#paragraphs = new Paragraphs(element, i18n);
    element.addEventListener("click", (event) => this.#onClick(event));
    element.addEventListener("dblclick", (event) => {
      const at = this.#paragraphs.at(event.target);
      if (at && !at.isName) this.correct(at.index);
    });
    element.addEventListener("keydown", (event) => this.#onKey(event));
    element.addEventListener("focusin", (event) => {
      const at = this.#paragraphs.at(event.target);
      if (!at) return;
      if (!at.isName) this.#moveCursor(at.index);
      this.#describe(at.index);
    });
    for (const event of ["wheel", "touchmove"]) {
      window.addEventListener(event, () => (this.#scrolledAt = performance.now()), { passive: true });
    }
    i18n.setLabel(element, "aria-label", "text.label");
    i18n.on("change", () => this.#showHint());
  }

  /** Index of the word that commands are for; -1 where there are no words. */
  get cursor() {
    return this.#words.length ? this.#cursor : -1;
  }

  /**
   * Show a text.
   * @param {Version} version
   * @param {string} language code of the spoken language.
   * @param {number} cursor index of a word.
   */
  show(version, language, cursor = 0) {
    this.#closeInput?.();
    const focused = this.#element.contains(document.activeElement);
    this.#words = wordsOf(version);
    this.#order = orderByStart(this.#words);
    this.#paragraphs.show(version, language);
    this.hideMatch();
    this.#showNow(-1);
    this.mark(this.#threshold);
    this.#moveCursor(Math.min(cursor, this.#words.length - 1));
    if (focused && this.#words.length) this.go(this.#cursor);
    else this.#showHint();
  }

  /**
   * Mark words below a threshold of confidence.
   * @param {number} threshold in 0..1.
   * @returns how many words are marked.
   */
  mark(threshold) {
    this.#threshold = threshold;
    return this.#paragraphs.mark(threshold);
  }

  /**
   * Highlight the word that is spoken at a time.
   * @param {number} time in seconds.
   * @param {{follow: boolean}} options whether to scroll to it.
   * @returns the word, or null between words.
   */
  highlight(time, { follow }) {
    const index = wordAt(this.#words, this.#order, time);
    const word = index >= 0 && time < this.#words[index].end ? this.#words[index] : null;
    if (index === this.#now) return word;
    const span = this.#showNow(index);
    // What is being written stays in sight.
    const follows = follow && !this.#closeInput;
    if (span && follows && performance.now() - this.#scrolledAt > SCROLL_PAUSE_MS) keepInView(span);
    return word;
  }

  /**
   * Show words that a search found, and put the cursor there.
   * @param {number} first index of the first word.
   * @param {number} last
   */
  showMatch(first, last) {
    this.hideMatch();
    for (let index = first; index <= last; index++) this.#shown.match.push(this.#paragraphs.spanOf(index));
    for (const span of this.#shown.match) span.classList.add("match");
    this.#moveCursor(first);
    keepInView(this.#shown.match[0]);
  }

  hideMatch() {
    for (const span of this.#shown.match) span.classList.remove("match");
    this.#shown.match = [];
  }

  /** Move to the next uncertain word after the cursor, wrapping around; null where there is none. */
  nextUnsure() {
    const total = this.#words.length;
    for (let step = 1; step <= total; step++) {
      const index = (this.#cursor + step) % total;
      if (!markOf(this.#words[index], this.#threshold)) continue;
      this.go(index);
      return this.#words[index];
    }
    return null;
  }

  /**
   * Move the cursor and the focus to a word.
   * @param {number} index
   */
  go(index) {
    this.#moveCursor(index);
    this.#shown.cursor?.focus();
  }

  /**
   * Let the person write a word anew.
   * @param {number} index
   */
  correct(index) {
    this.#closeInput?.();
    this.#moveCursor(index);
    this.#closeInput = correctInPlace(this.#paragraphs.spanOf(index), this.#words[index].word, {
      label: this.#i18n.t("edit.correctWord"),
      onEnd: (text, by) => {
        this.#closeInput = null;
        if (text !== null) this.#onCorrect(index, text);
        if (by === "key") this.go(this.#cursor);
      },
    });
  }

  /** @param {number} index of a word, or -1. */
  #showNow(index) {
    const span = index < 0 ? null : this.#paragraphs.spanOf(index);
    this.#shown.now?.classList.remove("now");
    span?.classList.add("now");
    this.#shown.now = span;
    this.#now = index;
    return span;
  }

  /** @param {number} index */
  #moveCursor(index) {
    this.#cursor = Math.max(0, index);
    if (this.#shown.cursor) this.#shown.cursor.tabIndex = -1;
    this.#shown.cursor = this.#words.length ? this.#paragraphs.spanOf(this.#cursor) : null;
    if (this.#shown.cursor) this.#shown.cursor.tabIndex = 0;
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const at = this.#paragraphs.at(event.target);
    if (!at) return;
    if (at.isName) {
      if (this.#paragraphs.placeOf(this.#cursor) !== at.p) this.#moveCursor(at.index);
      this.#onSpeaker();
    } else if (getSelection()?.isCollapsed) {
      this.go(at.index);
      this.#onPlay(this.#words[at.index].start);
    }
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const at = this.#paragraphs.at(event.target);
    if (!at || at.isName || event.ctrlKey || event.metaKey || event.altKey) return;
    const cursor = this.#cursor;
    const p = this.#paragraphs.placeOf(cursor);
    const first = this.#paragraphs.firstOf(p) ?? 0;
    /** @type {Record<string, number | undefined>} */
    const targets = {
      ArrowLeft: cursor - 1,
      ArrowRight: cursor + 1,
      ArrowUp: first < cursor ? first : this.#paragraphs.firstOf(p - 1),
      ArrowDown: this.#paragraphs.firstOf(p + 1),
      Home: 0,
      End: this.#words.length - 1,
    };
    /** @type {Record<string, () => void>} */
    const actions = {
      Enter: () => this.#onPlay(this.#words[cursor].start),
      e: () => this.correct(cursor),
      F2: () => this.correct(cursor),
      u: () => void this.nextUnsure(),
    };
    if (event.key in targets) {
      event.preventDefault();
      const target = targets[event.key] ?? -1;
      if (this.#words[target]) this.go(target);
    } else if (event.key in actions) {
      event.preventDefault();
      actions[event.key]();
    }
  }

  /**
   * Show the time and confidence of a word.
   * @param {number} index
   */
  #describe(index) {
    const { word, start, confidence, found } = this.#words[index];
    const facts = { word, time: clock(start), percent: this.#i18n.percent(confidence) };
    const key =
      found === false ? "readoutLost" : found ? "readoutPlain" : confidence < this.#threshold ? "readoutUnsure" : "readout";
    this.#i18n.setText(this.#readout, `text.${key}`, facts);
  }

  #showHint() {
    if (this.#words.length) this.#i18n.setText(this.#readout, this.hasRecording ? "text.hint" : "text.noRecording");
    else this.#readout.textContent = "";
  }
}

/** @param {HTMLElement} span */
function keepInView(span) {
  const box = span.getBoundingClientRect();
  const { innerHeight } = window;
  if (box.top > COVERED.top && box.bottom < innerHeight - COVERED.bottom) return;
  // A smooth way over hours of text would lay out all of it.
  const isFar = box.bottom < -innerHeight || box.top > 2 * innerHeight;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  span.scrollIntoView({ block: "center", behavior: isFar || isCalm ? "instant" : "smooth" });
}
