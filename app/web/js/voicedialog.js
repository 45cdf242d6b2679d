/** The dialog that keeps a voice under a name: that of a turn of the open text, or of a file. */

import { ApiError, asApiError } from "./exchange.js";
import { cut } from "./cut.js";
import { buttonById, byId, clock, inputById } from "./dom.js";
import { describeProblem } from "./problems.js";

// The longest sample that the service accepts.
const MAX_SECONDS = 60;
/** Problems of their own, by the field that the service refuses. @type {Record<string, string | undefined>} */
const REFUSED = { file: "voice_sample", name: "voice_name" };
// "speaker 1", "Taler 2": a label in the place of a name.
const LABEL = /^\p{L}+ \d+$/u;

/**
 * When someone speaks in a recording, in seconds; `name` may be empty.
 * @typedef {{file: Blob, recording: string, duration: number, start: number, end: number, name: string}} Turn
 */

export class VoiceDialog {
  #i18n;
  #api;
  #onAdded;
  #dialog = byId("voice-dialog", HTMLDialogElement);
  #problem = byId("voice-problem");
  /** Whose voice is kept; null for that of a file. @type {Turn | null} */
  #turn = null;
  #sending = new AbortController();

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {(name: string) => void} onAdded called when a voice was kept.
   */
  constructor(i18n, api, onAdded) {
    this.#i18n = i18n;
    this.#api = api;
    this.#onAdded = onAdded;
    byId("voice-cancel").addEventListener("click", () => this.#dialog.close());
    byId("voice-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#keep();
    });
    this.#dialog.addEventListener("close", () => this.#sending.abort());
  }

  /** @param {Turn | null} turn whose voice is to be kept; null for that of a file. */
  open(turn) {
    this.#turn = turn;
    const file = inputById("voice-file");
    file.value = "";
    file.required = turn === null;
    byId("voice-file-field").hidden = turn !== null;
    byId("voice-turn").hidden = turn === null;
    if (turn) {
      const [from, to] = [turn.start, this.#endOf(turn)].map(clock);
      this.#i18n.setText(byId("voice-turn"), "voices.turn", { recording: turn.recording, from, to });
    }
    inputById("voice-name").value = turn && !LABEL.test(turn.name) ? turn.name : "";
    this.#problem.hidden = true;
    this.#dialog.showModal();
    inputById("voice-name").focus();
  }

  /** Sends the sample; never rejects. */
  async #keep() {
    const { signal } = (this.#sending = new AbortController());
    const name = inputById("voice-name").value.trim();
    const submit = buttonById("voice-keep");
    submit.disabled = true;
    this.#problem.hidden = true;
    try {
      const { sample, file } = await this.#sample();
      await this.#api.addSpeaker(name, sample, file, { signal });
      this.#dialog.close();
      this.#onAdded(name);
    } catch (thrown) {
      this.#describe(asApiError(thrown));
    } finally {
      submit.disabled = false;
    }
  }

  /** @returns {Promise<{sample: Blob, file: string}>} */
  async #sample() {
    const turn = this.#turn;
    if (turn) {
      const sample = await cut(turn.file, { start: turn.start, end: this.#endOf(turn), duration: turn.duration });
      if (!sample) throw new ApiError("The browser cannot decode the recording.", { code: "voice_uncut" });
      return { sample, file: "turn.wav" };
    }
    const file = inputById("voice-file").files?.[0];
    if (!file) throw new Error("The form has no file.");
    return { sample: file, file: file.name };
  }

  /** @param {Turn} turn */
  #endOf({ start, end }) {
    return Math.min(end, start + MAX_SECONDS);
  }

  /** @param {ApiError} error */
  #describe(error) {
    if (error.code === "cancelled") return;
    const own = error.status === 400 ? REFUSED[error.param ?? ""] : undefined;
    if (own) error.code = own;
    describeProblem(this.#i18n, this.#problem, error);
    this.#problem.hidden = false;
  }
}
