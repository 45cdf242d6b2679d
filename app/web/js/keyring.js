/** The API key of this tab: kept until it closes, requested from the person when the service needs one. */

import { byId, inputById } from "./dom.js";
import { Emitter } from "./events.js";
import { recall, store } from "./i18n.js";

const STORED = "nordlyd.key";

/**
 * Emits `change` when there is another key, or none any more.
 * @extends {Emitter<{change: null}>}
 */
export class KeyRing extends Emitter {
  #i18n;
  #key = recall(STORED, { tab: true }) ?? "";
  /** @type {Promise<boolean> | null} */
  #request = null;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {(text: string) => void} announce
   */
  constructor(i18n, announce) {
    super();
    this.#i18n = i18n;
    byId("forget-key").addEventListener("click", () => {
      this.#store("");
      announce(i18n.t("key.forgotten"));
      byId("interface-language").focus();
    });
    this.#show();
  }

  get known() {
    return this.#key !== "";
  }

  /** Value of the header `authorization`. Header values are bytes, so a key of any letters goes as UTF-8. */
  header() {
    return this.known ? `Bearer ${binary(this.#key)}` : null;
  }

  /** WebSockets cannot send headers from a browser: the key goes as a subprotocol. */
  protocols() {
    if (!this.known) return [];
    const encoded = btoa(binary(this.#key)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    return [`nordlyd.key.${encoded}`];
  }

  /**
   * Request a key from the person; calls meanwhile share one dialog.
   * @param {{wrong: boolean}} options whether a key was refused before.
   * @returns {Promise<boolean>} whether there is a key to try.
   */
  request({ wrong }) {
    this.#request ??= this.#dialog(wrong).finally(() => (this.#request = null));
    return this.#request;
  }

  /**
   * @param {boolean} wrong
   * @returns {Promise<boolean>}
   */
  #dialog(wrong) {
    const dialog = byId("key-dialog", HTMLDialogElement);
    const input = inputById("key");
    this.#i18n.setText(byId("key-text"), wrong ? "key.wrong" : "key.text");
    input.value = "";
    input.setAttribute("aria-invalid", String(wrong));
    dialog.returnValue = "";
    byId("key-cancel").onclick = () => dialog.close("");
    byId("key-form").onsubmit = (event) => {
      event.preventDefault();
      dialog.close(input.value.trim() ? "use" : "");
    };
    dialog.showModal();
    input.focus();
    return new Promise((resolve) => {
      dialog.onclose = () => {
        const given = dialog.returnValue === "use";
        if (given) this.#store(input.value.trim());
        input.value = "";
        resolve(given);
      };
    });
  }

  /** @param {string} key */
  #store(key) {
    this.#key = key;
    store(STORED, key, { tab: true });
    this.#show();
    this.emit("change", null);
  }

  #show() {
    byId("forget-key").hidden = !this.known;
  }
}

/** @param {string} text */
function binary(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
