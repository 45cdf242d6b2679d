/** The recording's picture: peaks, words and a time in; a place to go to out. */

import { blank, clock } from "./dom.js";

const BLOCKS = 1200;
const BAR = 2;
const GAP = 1.5;
const STEP = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

export class Waveform {
  #element;
  #canvas;
  #i18n;
  #peaks = null;
  #blocks = new Float32Array(BLOCKS);
  #duration = 0;
  #time = 0;
  #word = null;
  #drawing = 0;

  /** @param element the slider around a canvas. @param onSeek called with seconds. */
  constructor(element, i18n, onSeek) {
    this.#element = element;
    this.#canvas = element.querySelector("canvas");
    this.#i18n = i18n;
    i18n.label(element, "aria-label", "wave.label");
    i18n.addEventListener("change", () => this.tell());
    const place = (event) => {
      const box = element.getBoundingClientRect();
      onSeek(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.#duration);
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      place(event);
    });
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) place(event);
    });
    element.addEventListener("keydown", (event) => {
      const target = { Home: 0, End: this.#duration }[event.key] ?? this.#time + (STEP[event.key] ?? NaN);
      if (Number.isNaN(target) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      onSeek(Math.min(this.#duration, Math.max(0, target)));
    });
    new ResizeObserver(() => this.#draw()).observe(element);
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.#draw());
    }
  }

  /** Show another recording; until its peaks are known, its words are what there is to see. */
  show(duration, words) {
    this.#duration = duration;
    this.#peaks = null;
    this.setWords(words);
    this.at(0);
    this.tell();
  }

  setWords(words) {
    this.#word = null;
    this.#blocks.fill(0);
    for (const word of words) {
      const [first, past] = [word.start, word.end].map((time) => Math.round((time / this.#duration) * BLOCKS));
      this.#blocks.fill(0.45, first, Math.max(past, first + 1));
    }
    this.#draw();
  }

  setPeaks(peaks) {
    this.#peaks = peaks;
    this.#draw();
  }

  /** Where it plays, and the word that is being said there, if any. */
  at(time, word = null) {
    this.#time = time;
    this.#word = word;
    this.#draw();
  }

  /** Say the place to screen readers; not while it plays, when it would talk into the speech. */
  tell() {
    const facts = { now: clock(this.#time), all: clock(this.#duration) };
    this.#element.setAttribute("aria-valuemax", this.#duration.toFixed(2));
    this.#element.setAttribute("aria-valuenow", Math.min(this.#time, this.#duration).toFixed(2));
    this.#element.setAttribute("aria-valuetext", this.#i18n.t("wave.value", facts));
  }

  #draw() {
    // Once a frame, however often it is asked for.
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#paint();
    });
  }

  #paint() {
    const { context, width, height } = blank(this.#canvas);
    if (!width || !height) return;
    const x = (seconds) => (this.#duration ? (seconds / this.#duration) * width : 0);
    if (this.#word) {
      context.fillStyle = this.#color("--wave-word");
      const from = x(this.#word.start);
      context.beginPath();
      context.roundRect(from, 0, Math.max(3, x(this.#word.end) - from), height, 4);
      context.fill();
    }
    const played = x(this.#time);
    const colors = [this.#color("--wave-played"), this.#color("--wave")];
    for (let at = 0; at < width; at += BAR + GAP) {
      const size = Math.max(2, this.#height(at / width, (at + BAR + GAP) / width) * (height - 8));
      context.fillStyle = colors[at < played ? 0 : 1];
      context.beginPath();
      context.roundRect(at, (height - size) / 2, BAR, size, 1);
      context.fill();
    }
    context.fillStyle = this.#color("--accent");
    context.fillRect(Math.min(width - 2, played), 0, 2, height);
  }

  /** How high the bar between two shares of the recording is, in 0..1. */
  #height(from, to) {
    const heights = this.#peaks ?? this.#blocks;
    const first = Math.floor(from * heights.length);
    const past = Math.max(first + 1, Math.floor(to * heights.length));
    return heights.subarray(first, past).reduce((most, height) => Math.max(most, height), 0);
  }

  /** A colour of the design system as the canvas can read it. */
  #color(name) {
    this.#canvas.style.color = `var(${name})`;
    return getComputedStyle(this.#canvas).color;
  }
}
