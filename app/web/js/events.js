/** Event targets whose events carry a value of a known type. */

/** @template {Record<string, any>} Events names of events and what each carries. */
export class Emitter {
  #target = new EventTarget();

  /**
   * Call back with the value of every event of a name.
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {(value: Events[Name]) => void} listener
   */
  on(name, listener) {
    this.#target.addEventListener(name, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  }

  /**
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {Events[Name]} value
   */
  emit(name, value) {
    this.#target.dispatchEvent(new CustomEvent(name, { detail: value }));
  }
}
