/** The waveform: shows peaks, words and the position, emits a time to seek to. */

import { clearCanvas, clock } from "./dom.js";

const BLOCKS = 1200;
const BAR = 2;
const GAP = 1.5;
/** Seconds that a key moves. @type {Record<string, number>} */
const STEP = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

/** @typedef {import("./api.js").Word} Word */

export class Waveform {
  #element;
  #canvas;
  #i18n;
  /** @type {Float32Array | null} */
  #peaks = null;
  #blocks = new Float32Array(BLOCKS);
  #duration = 0;
  #time = 0;
  /** @type {Word | null} */
  #word = null;
  #drawing = 0;

  /**
   * @param {HTMLElement} element the slider.
   * @param {HTMLCanvasElement} canvas inside it.
   * @param {import("./i18n.js").Translator} i18n
   * @param {(time: number) => void} onSeek called with seconds.
   */
  constructor(element, canvas, i18n, onSeek) {
    this.#element = element;
    this.#canvas = canvas;
    this.#i18n = i18n;
    i18n.setLabel(element, "aria-label", "wave.label");
    i18n.on("change", () => this.updateAria());
    const seek = (/** @type {PointerEvent} */ event) => {
      const box = element.getBoundingClientRect();
      onSeek(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.#duration);
    };
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      seek(event);
    });
    element.addEventListener("pointermove", (event) => {
      if (element.hasPointerCapture(event.pointerId)) seek(event);
    });
    element.addEventListener("keydown", (event) => {
      /** @type {Record<string, number>} */
      const ends = { Home: 0, End: this.#duration };
      const target = ends[event.key] ?? this.#time + (STEP[event.key] ?? NaN);
      if (Number.isNaN(target) || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      onSeek(Math.min(this.#duration, Math.max(0, target)));
    });
    new ResizeObserver(() => this.#draw()).observe(element);
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "(forced-colors: active)"]) {
      matchMedia(query).addEventListener("change", () => this.#draw());
    }
  }

  /**
   * Show another recording; until its peaks are known, its words are drawn as blocks.
   * @param {number} duration in seconds.
   * @param {Word[]} words
   */
  show(duration, words) {
    this.#duration = duration;
    this.#peaks = null;
    this.setWords(words);
    this.setTime(0);
    this.updateAria();
  }

  /** @param {Word[]} words */
  setWords(words) {
    this.#word = null;
    this.#blocks.fill(0);
    for (const word of words) {
      const [first, past] = [word.start, word.end].map((time) => Math.round((time / this.#duration) * BLOCKS));
      this.#blocks.fill(0.45, first, Math.max(past, first + 1));
    }
    this.#draw();
  }

  /** @param {Float32Array} peaks in 0..1. */
  setPeaks(peaks) {
    this.#peaks = peaks;
    this.#draw();
  }

  /**
   * Show the position, and the word that is spoken there, if any.
   * @param {number} time in seconds.
   * @param {Word | null} word
   */
  setTime(time, word = null) {
    this.#time = time;
    this.#word = word;
    this.#draw();
  }

  /** Update what screen readers announce; not while it plays, when they would interrupt the speech. */
  updateAria() {
    const facts = { now: clock(this.#time), all: clock(this.#duration) };
    this.#element.setAttribute("aria-valuemax", this.#duration.toFixed(2));
    this.#element.setAttribute("aria-valuenow", Math.min(this.#time, this.#duration).toFixed(2));
    this.#element.setAttribute("aria-valuetext", this.#i18n.t("wave.value", facts));
  }

  #draw() {
    // At most once a frame.
    if (this.#drawing) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#paint();
    });
  }

  #paint() {
    const { context, width, height } = clearCanvas(this.#canvas);
    if (!width || !height) return;
    const x = (/** @type {number} */ seconds) => (this.#duration ? (seconds / this.#duration) * width : 0);
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

  /**
   * Height of the bar between two shares of the recording, in 0..1.
   * @param {number} from
   * @param {number} to
   */
  #height(from, to) {
    const heights = this.#peaks ?? this.#blocks;
    const first = Math.floor(from * heights.length);
    const past = Math.max(first + 1, Math.floor(to * heights.length));
    return heights.subarray(first, past).reduce((max, height) => Math.max(max, height), 0);
  }

  /**
   * A colour of the stylesheet in a form that a canvas takes.
   * @param {string} name
   */
  #color(name) {
    this.#canvas.style.color = `var(${name})`;
    return getComputedStyle(this.#canvas).color;
  }
}
