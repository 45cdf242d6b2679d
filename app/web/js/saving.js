/** Saves a corrected text of a job on the service, where the operator keeps corrections. */

import { asApiError } from "./exchange.js";
import { buttonById, byId, inputById } from "./dom.js";

/** @typedef {import("./jobs.js").Job} Job */

export class Saving {
  #api;
  #i18n;
  #notes;
  #announce;
  #job;
  #transcript;
  #allowed = false;
  /** The job that the tick is of. @type {Job | null} */
  #shown = null;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {import("./notes.js").Notes} notes
   * @param {(text: string) => void} announce
   * @param {object} callbacks
   * @param {() => Job | null} callbacks.job returns the open one.
   * @param {() => object} callbacks.transcript returns its text as it is shown.
   */
  constructor(i18n, api, notes, announce, { job, transcript }) {
    this.#i18n = i18n;
    this.#api = api;
    this.#notes = notes;
    this.#announce = announce;
    this.#job = job;
    this.#transcript = transcript;
    byId("save").addEventListener("click", () => void this.#save());
  }

  /** @param {boolean} allowed whether the operator keeps corrections. */
  allow(allowed) {
    this.#allowed = allowed;
    this.refresh();
  }

  /** Shows the button where the open text is corrected and the service has its job. */
  refresh() {
    const job = this.#job();
    byId("save-actions").hidden = !(this.#allowed && job?.correctable && job.history.current !== null);
    if (job === this.#shown) return;
    this.#shown = job;
    inputById("save-training").checked = job?.training ?? false;
  }

  async #save() {
    const job = this.#job();
    if (!job) return;
    const button = buttonById("save");
    button.disabled = true;
    try {
      const training = inputById("save-training").checked;
      const stored = await this.#api.correct(job.id, this.#transcript(), training);
      job.training = stored.training;
      const key = stored.training ? "save.doneTraining" : "save.done";
      this.#announce(this.#i18n.t(key));
      if (job !== this.#job()) return;
      this.#notes.setText(key);
      this.#notes.setProblem(null);
    } catch (thrown) {
      const error = asApiError(thrown);
      if (job === this.#job()) this.#notes.setProblem(error);
    } finally {
      button.disabled = false;
    }
  }
}
