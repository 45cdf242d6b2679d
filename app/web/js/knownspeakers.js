/** The known speakers of the key: lists them, adds one, and erases them. */

import { asApiError } from "./exchange.js";
import { confirmErasure } from "./confirm.js";
import { byId, make } from "./dom.js";
import { describeProblem } from "./problems.js";
import { VoiceDialog } from "./voicedialog.js";

/** @typedef {import("./api.js").KnownSpeaker} KnownSpeaker */

export class KnownSpeakers {
  #i18n;
  #api;
  #announce;
  #dialog;
  #fold = byId("voices", HTMLDetailsElement);
  #problem = byId("voices-problem");
  /** Null before they are known. @type {KnownSpeaker[] | null} */
  #speakers = null;
  /** Of the newest request: the answer to an older one is not used. */
  #round = 0;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./api.js").Api} api
   * @param {import("./keyring.js").KeyRing} keys
   * @param {(text: string) => void} announce
   */
  constructor(i18n, api, keys, announce) {
    this.#i18n = i18n;
    this.#api = api;
    this.#announce = announce;
    this.#dialog = new VoiceDialog(i18n, api, (name) => {
      announce(i18n.t("voices.addedSaid", { name }));
      if (this.#fold.open) void this.#load();
    });
    byId("voice-add").addEventListener("click", () => this.#dialog.open(null));
    this.#fold.addEventListener("toggle", () => {
      if (this.#fold.open) void this.#load();
    });
    keys.on("change", () => {
      this.#show(null);
      if (this.#fold.open) void this.#load({ quiet: true });
    });
    i18n.on("change", () => this.#show(this.#speakers));
  }

  /** @param {boolean} allowed whether the operator allows that voices are kept. */
  allow(allowed) {
    this.#fold.hidden = !allowed;
  }

  /**
   * Let the person keep the voice of a turn.
   * @param {import("./voicedialog.js").Turn} turn
   */
  keep(turn) {
    this.#dialog.open(turn);
  }

  /**
   * Lists the speakers anew; never rejects.
   * @param {{quiet?: boolean}} options whether a missing key is an error instead of requested.
   */
  async #load({ quiet = false } = {}) {
    const round = ++this.#round;
    try {
      const { speakers } = await this.#api.listSpeakers({ quiet });
      if (round !== this.#round) return;
      this.#problem.hidden = true;
      this.#show(speakers);
    } catch (thrown) {
      if (round === this.#round) this.#fail(thrown);
    }
  }

  /** @param {KnownSpeaker[] | null} speakers */
  #show(speakers) {
    this.#speakers = speakers;
    byId("voice-list").replaceChildren(...(speakers ?? []).map((speaker) => this.#line(speaker)));
    byId("voice-none").hidden = speakers?.length !== 0;
  }

  /** @param {KnownSpeaker} speaker */
  #line(speaker) {
    const { name, created_at: created } = speaker;
    const added = this.#i18n.t("voices.added", { time: this.#i18n.time(created) });
    const erase = make("button", { type: "button", class: "button small" });
    this.#i18n.setText(erase, "stored.erase");
    this.#i18n.setLabel(erase, "aria-label", "stored.eraseOf", { name });
    erase.addEventListener("click", () => void this.#erase(speaker));
    return make(
      "li",
      { class: "job" },
      make(
        "div",
        { class: "job-text" },
        make("span", { class: "job-name", textContent: name }),
        make("span", { class: "job-state", textContent: added }),
      ),
      make("div", { class: "job-buttons" }, erase),
    );
  }

  /**
   * Erases a speaker after a confirmation; never rejects.
   * @param {KnownSpeaker} speaker
   */
  async #erase({ id, name }) {
    if (!(await confirmErasure(this.#i18n, { title: "voices.eraseTitle", text: "voices.eraseText", name }))) return;
    try {
      await this.#api.deleteSpeaker(id);
    } catch (thrown) {
      // It was erased meanwhile, from another machine.
      if (asApiError(thrown).code !== "speaker_not_found") {
        this.#fail(thrown);
        return;
      }
    }
    this.#announce(this.#i18n.t("stored.erasedSaid", { name }));
    this.#show((this.#speakers ?? []).filter((other) => other.id !== id));
    // The button that had the focus is gone.
    byId("voice-add").focus();
    void this.#load({ quiet: true });
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    describeProblem(this.#i18n, this.#problem, asApiError(thrown));
    this.#problem.hidden = false;
  }
}
