/** The API key of this tab: kept until it closes, asked for when the service wants one. */

import { byId } from "./dom.js";
import { recall, store } from "./i18n.js";

const KEPT = "nordlyd.key";

export class KeyRing {
  #i18n;
  #key = recall(KEPT, { tab: true }) ?? "";
  #asking = null;

  constructor(i18n, announce) {
    this.#i18n = i18n;
    byId("forget-key").addEventListener("click", () => {
      this.#keep("");
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

  /** Ask the person; true once there is a key to try. Who asks meanwhile gets the same answer. */
  ask({ wrong }) {
    this.#asking ??= this.#dialog(wrong).finally(() => (this.#asking = null));
    return this.#asking;
  }

  #dialog(wrong) {
    const dialog = byId("key-dialog");
    const input = byId("key");
    this.#i18n.say(byId("key-text"), wrong ? "key.wrong" : "key.text");
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
        if (given) this.#keep(input.value.trim());
        input.value = "";
        resolve(given);
      };
    });
  }

  #keep(key) {
    this.#key = key;
    store(KEPT, key, { tab: true });
    this.#show();
  }

  #show() {
    byId("forget-key").hidden = !this.known;
  }
}

function binary(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
