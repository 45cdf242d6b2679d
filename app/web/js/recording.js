/** A recording as it grows: pieces of PCM in, any later part of it and at last a WAV out. */

import { wavOf } from "./wav.js";

// So much stays at hand to be sent again; what is older becomes a blob, which need not be in memory.
const AT_HAND_SECONDS = 120;

export class Recording {
  #old = [];
  #pieces = [];
  #oldLength = 0;
  length = 0; // in samples

  constructor(rate) {
    this.rate = rate;
  }

  get seconds() {
    return this.length / this.rate;
  }

  add(piece) {
    this.#pieces.push(piece);
    this.length += piece.length;
    if (this.length - this.#oldLength < 2 * AT_HAND_SECONDS * this.rate) return;
    const aged = [];
    for (let length = 0; length < AT_HAND_SECONDS * this.rate; length += aged.at(-1).length) aged.push(this.#pieces.shift());
    this.#oldLength += aged.reduce((sum, piece) => sum + piece.length, 0);
    this.#old.push(new Blob(aged));
  }

  /** Samples from one on, at most some seconds of them; empty where nothing later is at hand. */
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

  /** Whether the samples from one on are all at hand. */
  reaches(first) {
    return first >= this.#oldLength;
  }

  wav() {
    return wavOf([...this.#old, ...this.#pieces], this.rate);
  }
}
