/** A growing recording: collects pieces of PCM, returns recent samples and in the end a WAV. */

import { wavOf } from "./wav.js";

// Samples that stay in memory to be sent again; older ones become a blob, which need not be in memory.
const RECENT_SECONDS = 120;

export class Recording {
  /** @type {Blob[]} */
  #old = [];
  /** @type {Int16Array<ArrayBuffer>[]} */
  #pieces = [];
  #oldLength = 0;
  length = 0; // in samples

  /** @param {number} rate in Hz. */
  constructor(rate) {
    this.rate = rate;
  }

  get seconds() {
    return this.length / this.rate;
  }

  /** @param {Int16Array} piece */
  add(piece) {
    this.#pieces.push(/** @type {Int16Array<ArrayBuffer>} */ (piece));
    this.length += piece.length;
    const recent = RECENT_SECONDS * this.rate;
    if (this.length - this.#oldLength < 2 * recent) return;
    let count = 0;
    let length = 0;
    while (length < recent) length += this.#pieces[count++].length;
    this.#old.push(new Blob(this.#pieces.splice(0, count)));
    this.#oldLength += length;
  }

  /**
   * Recent samples from one on; empty where there are none.
   * @param {number} first index of the first sample.
   * @param {number} seconds at most so many.
   */
  from(first, seconds = 1) {
    let at = this.#oldLength;
    const out = [];
    let length = 0;
    for (const piece of this.#pieces) {
      const skip = Math.max(0, first - at);
      at += piece.length;
      if (skip >= piece.length) continue;
      out.push(piece.subarray(skip));
      length += piece.length - skip;
      if (length >= seconds * this.rate) break;
    }
    const samples = new Int16Array(length);
    let filled = 0;
    for (const piece of out) {
      samples.set(piece, filled);
      filled += piece.length;
    }
    return samples;
  }

  /**
   * Whether all samples from one on are still in memory.
   * @param {number} first
   */
  reaches(first) {
    return first >= this.#oldLength;
  }

  wav() {
    return wavOf([...this.#old, ...this.#pieces], this.rate);
  }
}
