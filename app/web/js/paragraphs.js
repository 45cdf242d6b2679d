/** The paragraphs on the page: elements for the words of a text, with the names of who speaks. */

import { clock, make } from "./dom.js";
import { COLORS } from "./edits.js";

// Of longer texts, what is far away is not laid out.
const LONG = 60;

/** @typedef {import("./api.js").Word} Word */
/** @typedef {import("./versions.js").Paragraph} Paragraph */
/** @typedef {import("./versions.js").Version} Version */
/** @typedef {"" | "unsure" | "lost"} Mark */

/**
 * The elements of a paragraph, and the marks of its words.
 * @typedef {{element: HTMLElement, name: HTMLButtonElement, spans: HTMLElement[], marks: Mark[]}} Block
 */

export class Paragraphs {
  #element;
  #i18n;
  /** @type {Version} */
  #version = { kind: "verbatim", paragraphs: [], speakers: [] };
  #language = "";
  /** Index of the first word of each paragraph. @type {number[]} */
  #firsts = [];
  /** @type {Map<Paragraph, Block>} */
  #blocks = new Map();
  /** Place of each paragraph, by its element. @type {WeakMap<Element, number>} */
  #places = new WeakMap();

  /**
   * @param {HTMLElement} element
   * @param {import("./i18n.js").Translator} i18n
   */
  constructor(element, i18n) {
    this.#element = element;
    this.#i18n = i18n;
    i18n.on("change", () => this.#showSpeakers());
  }

  /**
   * Show a text; the paragraphs that it shares with the one before keep their elements.
   * @param {Version} version
   * @param {string} language code of the spoken language.
   */
  show(version, language) {
    if (language !== this.#language) this.#blocks.clear();
    this.#language = language;
    this.#version = version;
    this.#firsts = [];
    let first = 0;
    const blocks = new Map();
    for (const [p, paragraph] of version.paragraphs.entries()) {
      this.#firsts.push(first);
      first += paragraph.words.length;
      const block = this.#blocks.get(paragraph) ?? this.#build(paragraph);
      blocks.set(paragraph, block);
      this.#places.set(block.element, p);
    }
    this.#blocks = blocks;
    this.#place([...blocks.values()].map(({ element }) => element));
    this.#element.classList.toggle("long", version.paragraphs.length > LONG);
    this.#showSpeakers();
  }

  /**
   * Mark words below a threshold of confidence.
   * @param {number} threshold in 0..1.
   * @returns how many words are marked.
   */
  mark(threshold) {
    let count = 0;
    for (const [{ words }, { spans, marks }] of this.#blocks) {
      for (const [w, word] of words.entries()) {
        const mark = markOf(word, threshold);
        if (mark) count++;
        if (mark === marks[w]) continue;
        marks[w] = mark;
        spans[w].classList.toggle("unsure", mark === "unsure");
        spans[w].classList.toggle("lost", mark === "lost");
        // Screen readers announce marked words too.
        if (mark) spans[w].setAttribute("role", "mark");
        else spans[w].removeAttribute("role");
      }
    }
    return count;
  }

  /**
   * The element of a word.
   * @param {number} index in the whole text.
   */
  spanOf(index) {
    const p = this.placeOf(index);
    const block = this.#blocks.get(this.#version.paragraphs[p]);
    if (!block) throw new RangeError(`There is no word ${index}.`);
    return block.spans[index - this.#firsts[p]];
  }

  /**
   * The paragraph of a word.
   * @param {number} index
   */
  placeOf(index) {
    return this.#firsts.findLastIndex((first) => first <= index);
  }

  /**
   * Index of the first word of a paragraph; undefined where there is no such paragraph.
   * @param {number} p
   * @returns {number | undefined}
   */
  firstOf(p) {
    return this.#firsts[p];
  }

  /**
   * The word and the paragraph at an event's target, or null; of a time or a name, the paragraph's
   * first word.
   * @param {EventTarget | null} target
   */
  at(target) {
    const element = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest("[data-i]")) : null;
    const paragraph = element?.closest(".paragraph");
    const p = paragraph ? this.#places.get(paragraph) : undefined;
    if (!element || p === undefined) return null;
    return { p, index: this.#firsts[p] + Number(element.dataset.i), isName: element.matches(".speaker-name") };
  }

  /**
   * @param {Paragraph} paragraph
   * @returns {Block}
   */
  #build({ words }) {
    const spans = words.map((word, w) => {
      // Not by make(): this is done for every word of hours of speech.
      const span = document.createElement("span");
      span.className = "w";
      span.tabIndex = -1;
      span.dataset.i = String(w);
      span.textContent = word.word;
      return span;
    });
    const text = make("p", { lang: this.#language });
    for (const [w, span] of spans.entries()) text.append(...(w ? [" "] : []), span);
    const time = clock(words[0].start);
    const stamp = make("span", { class: "stamp", "aria-hidden": "true", "data-i": 0, textContent: time });
    const name = make("button", { type: "button", class: "speaker-name", "aria-haspopup": "dialog", "data-i": 0 });
    const element = make("div", { class: "paragraph" }, stamp, make("div", { class: "spoken" }, name, text));
    return { element, name, spans, marks: words.map(() => "") };
  }

  /**
   * Make these the elements of the text; those that are in their place are not moved.
   * @param {HTMLElement[]} elements
   */
  #place(elements) {
    if (!elements.length) {
      const empty = make("p", { class: "empty" });
      this.#i18n.setText(empty, "text.empty");
      this.#element.replaceChildren(empty);
      return;
    }
    const kept = new Set(/** @type {Element[]} */ (elements));
    const gone = Array.from(this.#element.children).filter((child) => !kept.has(child));
    for (const child of gone) child.remove();
    let next = this.#element.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.#element.insertBefore(element, next);
    }
  }

  /** Name and colour each turn of a speaker, where there are speakers. */
  #showSpeakers() {
    const { paragraphs, speakers } = this.#version;
    this.#element.classList.toggle("with-speakers", speakers.length > 0);
    const known = new Map(speakers.map((speaker) => [speaker.id, speaker]));
    for (const [p, paragraph] of paragraphs.entries()) {
      const block = this.#blocks.get(paragraph);
      if (!block) continue;
      const speaker = known.get(paragraph.speaker ?? "");
      const begins = speakers.length > 0 && paragraphs[p - 1]?.speaker !== paragraph.speaker;
      block.name.hidden = !begins;
      const name = begins ? (speaker?.name ?? this.#i18n.t("speaker.unknown")) : "";
      if (block.name.textContent !== name) block.name.textContent = name;
      if (speaker) block.element.dataset.color = String(speaker.color % COLORS);
      else delete block.element.dataset.color;
    }
  }
}

/**
 * How a word is marked.
 * @param {Word} word
 * @param {number} threshold of confidence, in 0..1.
 * @returns {Mark}
 */
export function markOf(word, threshold) {
  if (word.found === false) return "lost";
  return word.found === undefined && word.confidence < threshold ? "unsure" : "";
}
