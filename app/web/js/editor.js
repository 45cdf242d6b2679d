/** The editor of the text: paragraphs are corrected in place. */

import { byId } from "./dom.js";

export class Editor {
  #form = byId("editor", HTMLFormElement);
  #area = byId("edit-text", HTMLTextAreaElement);
  #busy = false;

  /**
   * @param {import("./player.js").Player} player operated from the keyboard while the hands stay on the text.
   * @param {object} callbacks
   * @param {(text: string) => void} callbacks.onDone called with the corrected text, one paragraph a line.
   * @param {(text: string) => void} callbacks.onCancel called with the text as it was left.
   * @param {() => void} callbacks.onStop called when a running alignment is to stop.
   */
  constructor(player, { onDone, onCancel, onStop }) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#busy) onDone(this.text);
    });
    const cancel = () => (this.#busy ? onStop() : onCancel(this.text));
    byId("edit-cancel").addEventListener("click", cancel);
    this.#area.addEventListener("input", () => this.#grow());
    this.#area.addEventListener("keydown", (event) => {
      /** @type {Record<string, (() => void) | null>} */
      const actions = {
        Escape: cancel,
        F9: () => player.toggle(),
        F7: () => player.skip(-3),
        Enter: event.ctrlKey || event.metaKey ? () => this.#form.requestSubmit() : null,
      };
      const run = actions[event.key];
      if (!run) return;
      event.preventDefault();
      run();
    });
    window.addEventListener("resize", () => this.#grow());
  }

  get open() {
    return !this.#form.hidden;
  }

  get text() {
    return this.#area.value
      .split("\n")
      .map((line) => line.trim().replace(/\s+/g, " "))
      .filter(Boolean)
      .join("\n");
  }

  /**
   * Open the editor.
   * @param {string} text
   * @param {string} language code of the text's language.
   * @param {[first: number, past: number] | null} selection characters to select, if any.
   */
  start(text, language, selection = null) {
    this.#show(true);
    this.#area.value = text;
    this.#area.lang = language;
    this.#grow();
    this.#area.focus();
    this.#area.setSelectionRange(...(selection ?? [0, 0]));
  }

  end() {
    this.#show(false);
  }

  /** While an alignment runs, the text cannot be changed. */
  set busy(/** @type {boolean} */ busy) {
    this.#busy = busy;
    this.#area.readOnly = busy;
    // Not disabled: that would drop the focus.
    byId("realign").setAttribute("aria-disabled", String(busy));
  }

  /** @param {boolean} open */
  #show(open) {
    this.#form.hidden = !open;
    for (const id of ["realign", "edit-cancel"]) byId(id).hidden = !open;
    for (const id of ["transcript", "word-readout", "edit", "copy", "again", "downloads"]) byId(id).hidden = open;
    byId("view-tools").hidden = open;
    // Shown again by Result, with the text, where there is something to show.
    for (const id of ["alternatives", "undo"]) if (open) byId(id).hidden = true;
  }

  #grow() {
    if (this.#form.hidden || CSS.supports("field-sizing", "content")) return;
    this.#area.style.height = "auto";
    this.#area.style.height = `${this.#area.scrollHeight + 4}px`;
  }
}
