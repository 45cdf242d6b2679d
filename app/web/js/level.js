/** The level meter of the microphone: draws the loudness of the last seconds from pieces of PCM. */

import { clearCanvas } from "./dom.js";

const BARS = 160;

export class LevelMeter {
  #canvas;
  /** @type {number[]} */
  #levels = [];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#paint()).observe(canvas);
  }

  /** @param {Int16Array} piece */
  add(piece) {
    let peak = 0;
    for (const sample of piece) peak = Math.max(peak, Math.abs(sample));
    this.#levels.push(Math.sqrt(peak / 32768));
    if (this.#levels.length > BARS) this.#levels.shift();
    this.#paint();
  }

  clear() {
    this.#levels = [];
  }

  #paint() {
    const { context, width, height } = clearCanvas(this.#canvas);
    if (!width || !height) return;
    context.fillStyle = getComputedStyle(this.#canvas).color;
    const slot = width / BARS;
    this.#levels.forEach((level, index) => {
      const size = Math.max(2, level * (height - 2));
      const at = width - (this.#levels.length - index) * slot;
      context.beginPath();
      context.roundRect(at, (height - size) / 2, Math.max(1, slot - 1.5), size, 1);
      context.fill();
    });
  }
}
