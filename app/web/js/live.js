/**
 * Live transcription over WS /stream: a growing recording in, partial and final texts out.
 *
 * A connection that breaks is taken up again where the service had got to. Should that not work,
 * `lost` is fired and the recording itself is still there.
 */

const MOST_BUFFERED = 1 << 20;
const TRIES = 6;
const LAST_WORDS_MS = 30_000;

/** Fires `ready`, `partial` and `final` with the message as `detail`, `broken`, `lost` with an error. */
export class LiveTranscription extends EventTarget {
  #open;
  #askKey;
  #recording;
  #socket = null;
  #session = null;
  #sent = 0;
  #tries = 0;
  #state = "connecting"; // ready, ended, lost
  #finishing = false;
  #ended = null;
  #error = null;
  finals = new Map();
  model = null;
  language = null;

  /**
   * @param open gives a WebSocket for more parameters.
   * @param askKey asks the person for a key; true once there is one to try.
   */
  constructor(open, askKey, recording) {
    super();
    this.#open = open;
    this.#askKey = askKey;
    this.#recording = recording;
    this.#connect();
  }

  /** Call as the recording grows. */
  pump() {
    if (this.#state !== "ready") return;
    while (this.#socket.bufferedAmount < MOST_BUFFERED) {
      const samples = this.#recording.from(this.#sent);
      if (!samples.length) break;
      this.#socket.send(samples);
      this.#sent += samples.length;
    }
    if (this.#finishing && this.#sent >= this.#recording.length) {
      this.#finishing = false;
      this.#socket.send(JSON.stringify({ type: "end" }));
    } else if (this.#finishing) {
      setTimeout(() => this.pump(), 50);
    }
  }

  /** Nothing more is said. @returns whether every word came back */
  finish() {
    if (this.#state === "lost") return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#lose(), LAST_WORDS_MS);
      this.#ended = (complete) => {
        clearTimeout(timer);
        resolve(complete);
      };
      this.#finishing = true;
      this.pump();
    });
  }

  /** Want nothing more of it. */
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
      // Later, so that whoever made this object is listening.
      queueMicrotask(() => this.#lose(error));
      return;
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
    socket.onclose = ({ code }) => socket === this.#socket && this.#closed(code);
  }

  #hear(message) {
    if (message.type === "ready") {
      this.#session = message.session;
      this.model = message.model;
      this.language = message.language;
      this.#sent = Math.round(message.received * this.#recording.rate);
      if (!this.#recording.reaches(this.#sent)) return this.#lose();
      this.#tries = 0;
      this.#state = "ready";
      this.#tell("ready", message);
      this.pump();
    } else if (message.type === "final") {
      this.finals.set(message.utterance, message);
      this.#tell("final", message);
    } else if (message.type === "partial") {
      this.#tell("partial", message);
    } else if (message.type === "error") {
      this.#error = message.error;
    } else if (message.type === "end") {
      this.#state = "ended";
      this.#ended?.(true);
    }
  }

  async #closed(code) {
    if (this.#state === "ended" || this.#state === "lost") return;
    const error = this.#error;
    this.#error = null;
    if (error?.code === "invalid_api_key") {
      let given = false;
      try {
        given = await this.#askKey();
      } catch (thrown) {
        reportError(thrown);
      }
      return given ? this.#connect() : this.#lose(error);
    }
    // What the service said no to, it says no to again. Before the first answer nothing broke.
    if (error || code === 1008 || !this.#session || ++this.#tries > TRIES) return this.#lose(error);
    this.#state = "connecting";
    this.#tell("broken");
    setTimeout(() => this.#state === "connecting" && this.#connect(), 250 * 2 ** this.#tries);
  }

  #lose(error = null) {
    if (this.#state === "ended" || this.#state === "lost") return;
    this.#state = "lost";
    this.#socket?.close();
    this.#tell("lost", error);
    this.#ended?.(false);
  }

  #tell(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
