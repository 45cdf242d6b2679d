/**
 * Live transcription over WS /stream: sends a growing recording, emits partial and final texts.
 *
 * A broken connection is resumed at the sample that the service received last. Where that fails,
 * `lost` is emitted; the recording itself is still complete.
 */

import { Emitter } from "./events.js";

/** @typedef {import("./api.js").Word} Word */
/** @typedef {{session: string, model: string, language: string, received: number}} Ready */
/** @typedef {{utterance: number, text: string, stable: string}} Partial */
/** @typedef {{utterance: number, text: string, formatted_text?: string, words: Word[], confidence: number}} Final */
/** @typedef {{code: string, message: string}} StreamError */

const MAX_BUFFERED_BYTES = 1 << 20;
const MAX_TRIES = 6;
const FINISH_TIMEOUT_MS = 30_000;

/**
 * Emits the messages `ready`, `partial` and `final`, `broken` before a reconnection, and `lost`.
 * @extends {Emitter<{ready: Ready, partial: Partial, final: Final, broken: null, lost: null}>}
 */
export class LiveTranscription extends Emitter {
  #open;
  #requestKey;
  #recording;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {string | null} */
  #session = null;
  /** Samples that were sent. */
  #sent = 0;
  #tries = 0;
  /** @type {"connecting" | "ready" | "ended" | "lost"} */
  #state = "connecting";
  #finishing = false;
  /** @type {((complete: boolean) => void) | null} */
  #onEnd = null;
  /** @type {StreamError | null} */
  #error = null;
  /** Final texts by the number of their utterance. @type {Map<number, Final>} */
  finals = new Map();
  /** @type {string | null} */
  model = null;
  /** @type {string | null} */
  language = null;

  /**
   * @param {(parameters: Record<string, string>) => WebSocket} open opens a socket with more parameters.
   * @param {() => Promise<boolean>} requestKey requests a key from the person; true if there is one to try.
   * @param {import("./recording.js").Recording} recording
   */
  constructor(open, requestKey, recording) {
    super();
    this.#open = open;
    this.#requestKey = requestKey;
    this.#recording = recording;
    this.#connect();
  }

  /** Send what was recorded since; call as the recording grows. */
  pump() {
    const socket = this.#socket;
    if (this.#state !== "ready" || !socket) return;
    while (socket.bufferedAmount < MAX_BUFFERED_BYTES) {
      const samples = this.#recording.from(this.#sent);
      if (!samples.length) break;
      socket.send(samples);
      this.#sent += samples.length;
    }
    if (this.#finishing && this.#sent >= this.#recording.length) {
      this.#finishing = false;
      socket.send(JSON.stringify({ type: "end" }));
    } else if (this.#finishing) {
      setTimeout(() => this.pump(), 50);
    }
  }

  /**
   * End the audio.
   * @returns {Promise<boolean>} whether the texts are complete.
   */
  finish() {
    if (this.#state === "lost") return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#fail(), FINISH_TIMEOUT_MS);
      this.#onEnd = (complete) => {
        clearTimeout(timer);
        resolve(complete);
      };
      this.#finishing = true;
      this.pump();
    });
  }

  /** Stop without waiting for texts. */
  close() {
    this.#state = "ended";
    this.#socket?.close();
  }

  #connect() {
    let socket;
    try {
      socket = this.#open(this.#session ? { session: this.#session } : {});
    } catch (error) {
      reportError(error);
      // Later: the caller adds its listeners after this constructor.
      queueMicrotask(() => this.#fail());
      return;
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      if (socket === this.#socket) void this.#onClose(code);
    };
  }

  /** @param {any} message one of the events of WS /stream. */
  #receive(message) {
    if (message.type === "ready") {
      this.#session = message.session;
      this.model = message.model;
      this.language = message.language;
      this.#sent = Math.round(message.received * this.#recording.rate);
      if (!this.#recording.reaches(this.#sent)) {
        this.#fail();
        return;
      }
      this.#tries = 0;
      this.#state = "ready";
      this.emit("ready", message);
      this.pump();
    } else if (message.type === "final") {
      this.finals.set(message.utterance, message);
      this.emit("final", message);
    } else if (message.type === "partial") {
      this.emit("partial", message);
    } else if (message.type === "error") {
      this.#error = message.error;
    } else if (message.type === "end") {
      this.#state = "ended";
      this.#onEnd?.(true);
    }
  }

  /**
   * Reconnects where that can help; never rejects.
   * @param {number} code
   */
  async #onClose(code) {
    if (this.#state === "ended" || this.#state === "lost") return;
    const error = this.#error;
    this.#error = null;
    if (error?.code === "invalid_api_key") {
      let given = false;
      try {
        given = await this.#requestKey();
      } catch (thrown) {
        reportError(thrown);
      }
      if (given) this.#connect();
      else this.#fail();
      return;
    }
    // A refusal would be repeated, and before the first answer there is nothing to resume.
    if (error || code === 1008 || !this.#session || ++this.#tries > MAX_TRIES) {
      this.#fail();
      return;
    }
    this.#state = "connecting";
    this.emit("broken", null);
    setTimeout(() => {
      if (this.#state === "connecting") this.#connect();
    }, 250 * 2 ** this.#tries);
  }

  #fail() {
    if (this.#state === "ended" || this.#state === "lost") return;
    this.#state = "lost";
    this.#socket?.close();
    this.emit("lost", null);
    this.#onEnd?.(false);
  }
}
