/** Runs on the audio thread: cuts the microphone's samples into pieces of 16-bit PCM. */

const PIECE = 1600; // 0.1 s at 16 kHz

class PcmWorklet extends AudioWorkletProcessor {
  #piece = new Int16Array(PIECE);
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = () => {
      // Stopping: the rest is sent too, and the answer marks it as the last.
      this.#send();
      this.port.postMessage(null);
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([input]) {
    const channel = input[0];
    if (!channel) return true;
    for (const sample of channel) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.#piece[this.#filled++] = clipped < 0 ? clipped * 32768 : clipped * 32767;
      if (this.#filled === PIECE) this.#send();
    }
    return true;
  }

  #send() {
    if (!this.#filled) return;
    const piece = this.#piece.slice(0, this.#filled);
    this.port.postMessage(piece, [piece.buffer]);
    this.#filled = 0;
  }
}

registerProcessor("pcm", PcmWorklet);
