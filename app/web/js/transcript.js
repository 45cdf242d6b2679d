/** The text on the page: words with times in, a place to hear or a word to correct out. */

import { clock, make } from "./dom.js";
import { wordAt } from "./words.js";

const LEAVE_ALONE_MS = 4000;

export class Transcript {
  #element;
  #readout;
  #i18n;
  #words = [];
  #spans = [];
  #firsts = []; // index of the first word of each paragraph
  #cursor = 0;
  #now = -1;
  #threshold = 0;
  #touched = 0;

  /** Called with seconds to play from. */
  onPlay = () => {};
  /** Called with the index of a word. */
  onCorrect = () => {};

  constructor(element, readout, i18n) {
    this.#element = element;
    this.#readout = readout;
    this.#i18n = i18n;
    element.addEventListener("click", (event) => this.#click(event));
    element.addEventListener("dblclick", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.onCorrect(index);
    });
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("focusin", (event) => {
      const index = indexOf(event.target);
      if (index !== null) this.#tell(index);
    });
    for (const event of ["wheel", "touchmove"]) {
      window.addEventListener(event, () => (this.#touched = performance.now()), { passive: true });
    }
    i18n.label(element, "aria-label", "text.label");
    i18n.addEventListener("change", () => this.#hint());
  }

  /**
   * Show words.
   * @param lengths of the paragraphs, in words.
   * @param language code of what is spoken.
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
      this.#i18n.say(empty, "text.empty");
      paragraphs.push(empty);
    }
    this.#element.replaceChildren(...paragraphs);
    this.#cursor = 0;
    if (this.#spans.length) this.#spans[0].tabIndex = 0;
    this.mark(this.#threshold);
    this.#hint();
  }

  /** Mark words that are less sure than the threshold. @returns how many there are */
  mark(threshold) {
    this.#threshold = threshold;
    let count = 0;
    this.#words.forEach((word, index) => {
      const span = this.#spans[index];
      const unsure = this.#isUnsure(word);
      span.classList.toggle("unsure", unsure);
      span.classList.toggle("lost", word.found === false);
      // Screen readers can tell marked words too.
      if (unsure || word.found === false) span.setAttribute("role", "mark");
      else span.removeAttribute("role");
      count += unsure || word.found === false;
    });
    return count;
  }

  /** Show which word is being said. @returns the word, or null between words */
  highlight(time, { follow }) {
    const index = wordAt(this.#words, time);
    const word = index >= 0 && time < this.#words[index].end ? this.#words[index] : null;
    if (index === this.#now) return word;
    this.#spans[this.#now]?.classList.remove("now");
    this.#now = index;
    const span = this.#spans[index];
    span?.classList.add("now");
    if (span && follow && performance.now() - this.#touched > LEAVE_ALONE_MS) keepInView(span);
    return word;
  }

  /** Go to the next word that is not sure, from the cursor on and around. */
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

  #isUnsure(word) {
    return word.found === undefined && word.confidence < this.#threshold;
  }

  #click(event) {
    const index = indexOf(event.target);
    if (index === null || !getSelection().isCollapsed) return;
    this.#go(index);
    this.onPlay(this.#words[index].start);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const paragraph = this.#firsts.findLastIndex((first) => first <= this.#cursor);
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
      this.onPlay(this.#words[this.#cursor].start);
    } else if (event.key === "e" || event.key === "F2") {
      event.preventDefault();
      this.onCorrect(this.#cursor);
    } else if (event.key === "u") {
      event.preventDefault();
      this.nextUnsure();
    }
  }

  #go(index) {
    if (this.#spans[this.#cursor]) this.#spans[this.#cursor].tabIndex = -1;
    this.#cursor = index;
    this.#spans[index].tabIndex = 0;
    this.#spans[index].focus();
  }

  /** Say of a word when it is and how sure it is. */
  #tell(index) {
    const { word, start, confidence, found } = this.#words[index];
    const facts = { word, time: clock(start), percent: this.#i18n.percent(confidence) };
    const key =
      found === false ? "readoutLost" : found ? "readoutPlain" : confidence < this.#threshold ? "readoutUnsure" : "readout";
    this.#i18n.say(this.#readout, `text.${key}`, facts);
  }

  #hint() {
    if (this.#words.length) this.#i18n.say(this.#readout, "text.hint");
    else this.#readout.textContent = "";
  }
}

function indexOf(target) {
  const index = target.closest?.("[data-i]")?.dataset.i;
  return index === undefined ? null : Number(index);
}

function keepInView(span) {
  const box = span.getBoundingClientRect();
  if (box.top > 180 && box.bottom < window.innerHeight - 60) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  span.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
}
