/** The list of speakers: renames them, joins two, adds one; and the dialog that gives words to one. */

import { buttonById, byId, clock, inputById, make } from "./dom.js";
import { COLORS } from "./edits.js";

/** @typedef {import("./edits.js").Scope} Scope */
/** @typedef {import("./versions.js").Speaker} Speaker */
/** @typedef {import("./versions.js").Version} Version */

const MAX_NAME = 80;
const SCOPES = /** @type {Scope[]} */ (["word", "paragraph", "turn"]);

/** @typedef {{item: HTMLElement, name: HTMLInputElement, seconds: HTMLElement, badge: HTMLElement}} Line */

export class SpeakerList {
  #i18n;
  #onRename;
  /** @type {Map<string, Line>} */
  #lines = new Map();

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {object} callbacks
   * @param {(id: string, name: string) => void} callbacks.onRename
   * @param {() => void} callbacks.onAdd
   */
  constructor(i18n, { onRename, onAdd }) {
    this.#i18n = i18n;
    this.#onRename = onRename;
    byId("add-speaker").addEventListener("click", onAdd);
  }

  /** @param {Version} version */
  show({ paragraphs, speakers }) {
    /** @type {Map<string | null, number>} */
    const seconds = new Map();
    for (const { speaker, words } of paragraphs) {
      seconds.set(speaker, (seconds.get(speaker) ?? 0) + words[words.length - 1].end - words[0].start);
    }
    const ids = new Set(speakers.map(({ id }) => id));
    for (const [id, { item }] of this.#lines) {
      if (ids.has(id)) continue;
      item.remove();
      this.#lines.delete(id);
    }
    for (const [index, speaker] of speakers.entries()) {
      const line = this.#lines.get(speaker.id) ?? this.#add(speaker.id);
      line.item.dataset.color = String(speaker.color % COLORS);
      line.badge.textContent = String(index + 1);
      line.name.value = speaker.name;
      this.#i18n.setLabel(line.name, "aria-label", "speaker.label", { n: index + 1 });
      line.seconds.textContent = clock(seconds.get(speaker.id) ?? 0);
      // A line that moves loses the focus: those that are in their place stay.
      const list = byId("speaker-list");
      if (list.children[index] !== line.item) list.insertBefore(line.item, list.children[index] ?? null);
    }
    byId("speaker-hint").hidden = speakers.length < 2;
  }

  /**
   * Move the focus to the name of a speaker.
   * @param {string} id
   */
  focus(id) {
    const line = this.#lines.get(id);
    line?.name.focus();
    line?.name.select();
  }

  /**
   * @param {string} id
   * @returns {Line}
   */
  #add(id) {
    const badge = make("span", { class: "speaker-badge", "aria-hidden": "true" });
    const name = make("input", { type: "text", maxLength: MAX_NAME, autocomplete: "off", spellcheck: false });
    const seconds = make("span", { class: "hint" });
    const item = make("li", { class: "speaker" }, badge, name, seconds);
    name.addEventListener("change", () => this.#onRename(id, name.value));
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") name.blur();
    });
    const line = { item, name, seconds, badge };
    this.#lines.set(id, line);
    return line;
  }
}

export class SpeakerDialog {
  #i18n;
  #dialog = byId("speaker-dialog", HTMLDialogElement);
  #onGive;
  /** @type {Speaker[]} */
  #speakers = [];

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {(speaker: Speaker | null, scope: Scope) => void} onGive called with the chosen speaker,
   *     null for a new one, and with what is given to it.
   */
  constructor(i18n, onGive) {
    this.#i18n = i18n;
    this.#onGive = onGive;
    byId("speaker-cancel").addEventListener("click", () => this.#dialog.close());
    byId("speaker-new").addEventListener("click", () => this.#give(null));
    this.#dialog.addEventListener("keydown", (event) => {
      const speaker = this.#speakers[Number(event.key) - 1];
      if (speaker) this.#give(speaker);
    });
  }

  /**
   * Open the dialog.
   * @param {Speaker[]} speakers
   * @param {string | null} current id of the one who speaks there now.
   * @param {string} word at the cursor.
   */
  open(speakers, current, word) {
    this.#speakers = speakers;
    const buttons = speakers.map((speaker, index) => {
      const badge = make("span", { class: "speaker-badge", textContent: String(index + 1) });
      const button = make("button", { type: "button", class: "button" }, badge, make("span", { textContent: speaker.name }));
      button.dataset.color = String(speaker.color % COLORS);
      if (speaker.id === current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => this.#give(speaker));
      return button;
    });
    byId("speaker-choices").replaceChildren(...buttons);
    this.#i18n.setText(byId("scope-word-label"), "speaker.word", { word });
    inputById("scope-paragraph").checked = true;
    this.#dialog.showModal();
    (buttons[0] ?? buttonById("speaker-new")).focus();
  }

  /** @param {Speaker | null} speaker */
  #give(speaker) {
    const scope = SCOPES.find((candidate) => inputById(`scope-${candidate}`).checked) ?? "paragraph";
    this.#dialog.close();
    this.#onGive(speaker, scope);
  }
}
