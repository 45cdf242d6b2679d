/** The steps of editing one text: each can be undone, and done again. */

/** @typedef {import("./versions.js").Version} Version */

// Steps share the paragraphs that did not change, so that many of them fit into memory.
const MAX_STEPS = 500;

export class History {
  /** Null is the text as it came from the service. @type {(Version | null)[]} */
  #states;
  #at;

  /** @param {Version | null} current what was edited before, if anything. */
  constructor(current = null) {
    this.#states = current ? [null, current] : [null];
    this.#at = this.#states.length - 1;
  }

  /** The edited text; null where nothing is edited. */
  get current() {
    return this.#states[this.#at];
  }

  get canUndo() {
    return this.#at > 0;
  }

  get canRedo() {
    return this.#at < this.#states.length - 1;
  }

  /**
   * Add a step; those that were undone are dropped.
   * @param {Version | null} state
   */
  push(state) {
    this.#states = [...this.#states.slice(0, this.#at + 1), state].slice(-MAX_STEPS);
    this.#at = this.#states.length - 1;
  }

  undo() {
    if (this.canUndo) this.#at--;
  }

  redo() {
    if (this.canRedo) this.#at++;
  }
}
