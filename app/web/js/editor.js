/** Correcting in place: the text of paragraphs in, what a person made of it out. */

import { byId } from "./dom.js";

export class Editor {
  #form = byId("editor");
  #area = byId("edit-text");
  #busy = false;

  /** Called with the corrected text, one paragraph a line. */
  onDone = () => {};
  /** Called with the text as it was left. */
  onCancel = () => {};
  /** Called when the words are no longer to be looked for. */
  onStop = () => {};

  /** @param player is operated from the keyboard while the hands stay on the text. */
  constructor(player) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#busy) this.onDone(this.text);
    });
    const cancel = () => (this.#busy ? this.onStop() : this.onCancel(this.text));
    byId("edit-cancel").addEventListener("click", cancel);
    this.#area.addEventListener("input", () => this.#grow());
    this.#area.addEventListener("keydown", (event) => {
      const run = {
        Escape: cancel,
        F9: () => player.toggle(),
        F7: () => player.skip(-3),
        Enter: event.ctrlKey || event.metaKey ? () => this.#form.requestSubmit() : null,
      }[event.key];
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

  /** @param word [first, past] character to be selected, if one was chosen. */
  start(text, language, word = null) {
    this.#show(true);
    this.#area.value = text;
    this.#area.lang = language;
    this.#grow();
    this.#area.focus();
    this.#area.setSelectionRange(...(word ?? [0, 0]));
  }

  end() {
    this.#show(false);
  }

  /** While the words are looked for, nothing can be changed. */
  set busy(busy) {
    this.#busy = busy;
    this.#area.readOnly = busy;
    // Not disabled: that would drop the focus.
    byId("realign").setAttribute("aria-disabled", String(busy));
  }

  #show(open) {
    this.#form.hidden = !open;
    for (const id of ["realign", "edit-cancel"]) byId(id).hidden = !open;
    for (const id of ["transcript", "word-readout", "edit", "copy", "again", "downloads"]) byId(id).hidden = open;
    byId("view-tools").hidden = open;
    // Shown again, with the text, by whoever knows whether there is something to show.
    for (const id of ["alternatives", "undo"]) if (open) byId(id).hidden = true;
  }

  #grow() {
    if (this.#form.hidden || CSS.supports("field-sizing", "content")) return;
    this.#area.style.height = "auto";
    this.#area.style.height = `${this.#area.scrollHeight + 4}px`;
  }
}
