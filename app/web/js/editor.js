/** The editor of the text: paragraphs are corrected in place. */

import { byId } from "./dom.js";

export class Editor {
  #form = byId("editor", HTMLFormElement);
  #area = byId("edit-text", HTMLTextAreaElement);
  #busy = false;

  /**
   * @param {object} callbacks
   * @param {(text: string) => void} callbacks.onInput called with the text after each change.
   * @param {(text: string) => void} callbacks.onDone called with the corrected text, one paragraph a line.
   * @param {() => void} callbacks.onCancel called when the editor is to be closed.
   * @param {() => void} callbacks.onStop called when a running alignment is to stop.
   */
  constructor({ onInput, onDone, onCancel, onStop }) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#busy) onDone(this.text);
    });
    const cancel = () => (this.#busy ? onStop() : onCancel());
    byId("edit-cancel").addEventListener("click", cancel);
    this.#area.addEventListener("input", () => {
      this.#grow();
      onInput(this.text);
    });
    this.#area.addEventListener("keydown", (event) => {
      /** @type {Record<string, (() => void) | null>} */
      const actions = {
        Escape: cancel,
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
   */
  start(text, language) {
    this.#show(true);
    this.#area.value = text;
    this.#area.lang = language;
    this.#grow();
    this.#area.focus();
    this.#area.setSelectionRange(0, 0);
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
    for (const id of ["view-tools", "speakers", "transcript", "word-readout", "edit-bar", "edit", "copy", "again", "downloads"]) {
      byId(id).hidden = open;
    }
    // Shown again by Result, with the text, where there is something to show.
    for (const id of ["alternatives", "restore"]) if (open) byId(id).hidden = true;
  }

  #grow() {
    if (this.#form.hidden || CSS.supports("field-sizing", "content")) return;
    this.#area.style.height = "auto";
    this.#area.style.height = `${this.#area.scrollHeight + 4}px`;
  }
}
