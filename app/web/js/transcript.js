/** The text on the page: shows words with times, emits a time to play from or a word to correct. */

import { clock, make } from "./dom.js";
import { wordAt } from "./words.js";

// After scrolling by hand, the text does not scroll by itself for so long.
const SCROLL_PAUSE_MS = 4000;

/** @typedef {import("./api.js").Word} Word */

export class Transcript {
  #element;
  #readout;
  #i18n;
  #onPlay;
  #onCorrect;
  /** @type {Word[]} */
  #words = [];
  /** @type {HTMLElement[]} */
  #spans = [];
  /** Index of the first word of each paragraph. @type {number[]} */
  #firsts = [];
  #cursor = 0;
  #now = -1;
  #threshold = 0;
  #scrolledAt = 0;
  /** Whether the words can be played and corrected. */
  hasRecording = true;

  /**
   * @param {HTMLElement} element
   * @param {HTMLElement} readout describes the focused word.
   * @param {import("./i18n.js").Translator} i18n
   * @param {object} callbacks
   * @param {(time: number) => void} callbacks.onPlay called with seconds to play from.
   * @param {(index: number) => void} callbacks.onCorrect called with the index of a word.
   */
  constructor(element, readout, i18n, { onPlay, onCorrect }) {
    this.#onPlay = onPlay;
    this.#onCorrect = onCorrect;
    this.#element = element;
    this.#readout = readout;
    this.#i18n = i18n;
    element.addEventListener("click", (event) => this.#onClick(event));
    element.addEventListener("dblclick", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.#onCorrect(index);
    });
    element.addEventListener("keydown", (event) => this.#onKey(event));
    element.addEventListener("focusin", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.#describe(index);
    });
    for (const event of ["wheel", "touchmove"]) {
      window.addEventListener(event, () => (this.#scrolledAt = performance.now()), { passive: true });
    }
    i18n.setLabel(element, "aria-label", "text.label");
    i18n.on("change", () => this.#showHint());
  }

  /**
   * Show words.
   * @param {Word[]} words
   * @param {number[]} lengths of the paragraphs, in words.
   * @param {string} language code of the spoken language.
   */
  show(words, lengths, language) {
    this.#words = words;
    this.#spans = words.map((word, index) => make("span", { class: "w", tabIndex: -1, "data-i": index, textContent: word.word }));
    this.#firsts = [];
    this.#now = -1;
    const paragraphs = [];
    let next = 0;
    for (const length of lengths) {
      this.#firsts.push(next);
      const paragraph = make("p", { lang: language });
      for (let i = next; i < next + length; i++) paragraph.append(...(i > next ? [" "] : []), this.#spans[i]);
      const stamp = make("span", { class: "stamp", "data-i": next, textContent: clock(words[next].start) });
      stamp.setAttribute("aria-hidden", "true");
      paragraphs.push(make("div", { class: "paragraph" }, stamp, paragraph));
      next += length;
    }
    if (!words.length) {
      const empty = make("p", { class: "empty" });
      this.#i18n.setText(empty, "text.empty");
      paragraphs.push(empty);
    }
    this.#element.replaceChildren(...paragraphs);
    this.#cursor = 0;
    if (this.#spans.length) this.#spans[0].tabIndex = 0;
    this.mark(this.#threshold);
    this.#showHint();
  }

  /**
   * Mark words below a threshold of confidence.
   * @param {number} threshold in 0..1.
   * @returns how many words are marked.
   */
  mark(threshold) {
    this.#threshold = threshold;
    let count = 0;
    this.#words.forEach((word, index) => {
      const span = this.#spans[index];
      const unsure = this.#isUnsure(word);
      span.classList.toggle("unsure", unsure);
      span.classList.toggle("lost", word.found === false);
      if (unsure || word.found === false) {
        // Screen readers announce marked words too.
        span.setAttribute("role", "mark");
        count++;
      } else span.removeAttribute("role");
    });
    return count;
  }

  /**
   * Highlight the word that is spoken at a time.
   * @param {number} time in seconds.
   * @param {{follow: boolean}} options whether to scroll to it.
   * @returns the word, or null between words.
   */
  highlight(time, { follow }) {
    const index = wordAt(this.#words, time);
    const word = index >= 0 && time < this.#words[index].end ? this.#words[index] : null;
    if (index === this.#now) return word;
    this.#spans[this.#now]?.classList.remove("now");
    this.#now = index;
    const span = this.#spans[index];
    span?.classList.add("now");
    if (span && follow && performance.now() - this.#scrolledAt > SCROLL_PAUSE_MS) keepInView(span);
    return word;
  }

  /** Move to the next uncertain word after the cursor, wrapping around; null where there is none. */
  nextUnsure() {
    const total = this.#words.length;
    for (let step = 1; step <= total; step++) {
      const index = (this.#cursor + step) % total;
      if (this.#isUnsure(this.#words[index]) || this.#words[index].found === false) {
        this.#go(index);
        return this.#words[index];
      }
    }
    return null;
  }

  /** @param {Word} word */
  #isUnsure(word) {
    return word.found === undefined && word.confidence < this.#threshold;
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const index = indexOf(event.target);
    if (index === null || !getSelection()?.isCollapsed) return;
    this.#go(index);
    this.#onPlay(this.#words[index].start);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const paragraph = this.#firsts.findLastIndex((first) => first <= this.#cursor);
    /** @type {Record<string, number>} */
    const targets = {
      ArrowLeft: this.#cursor - 1,
      ArrowRight: this.#cursor + 1,
      ArrowUp: this.#firsts[this.#firsts[paragraph] < this.#cursor ? paragraph : paragraph - 1],
      ArrowDown: this.#firsts[paragraph + 1],
      Home: 0,
      End: this.#words.length - 1,
    };
    if (event.key in targets) {
      event.preventDefault();
      if (this.#words[targets[event.key]]) this.#go(targets[event.key]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.#onPlay(this.#words[this.#cursor].start);
    } else if (event.key === "e" || event.key === "F2") {
      event.preventDefault();
      this.#onCorrect(this.#cursor);
    } else if (event.key === "u") {
      event.preventDefault();
      this.nextUnsure();
    }
  }

  /**
   * Move the cursor and the focus to a word.
   * @param {number} index
   */
  #go(index) {
    if (this.#spans[this.#cursor]) this.#spans[this.#cursor].tabIndex = -1;
    this.#cursor = index;
    this.#spans[index].tabIndex = 0;
    this.#spans[index].focus();
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

/**
 * Index of the word at an event's target, or null.
 * @param {EventTarget | null} target
 */
function indexOf(target) {
  const element = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest("[data-i]")) : null;
  const index = element?.dataset.i;
  return index === undefined ? null : Number(index);
}

/** @param {HTMLElement} span */
function keepInView(span) {
  const box = span.getBoundingClientRect();
  if (box.top > 180 && box.bottom < window.innerHeight - 60) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  span.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}
