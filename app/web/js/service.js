/** Watches the service: calls back with its health, and shows on the page why it is not ready. */

import { byId } from "./dom.js";

const SOON_MS = 2000;
const LATER_MS = 30_000;
const KNOWN = new Set(["loading", "draining", "hung", "failed"]);

/**
 * @param {import("./api.js").Api} api
 * @param {import("./i18n.js").Translator} i18n
 * @param {(health: import("./api.js").Health) => void} onHealth called each time the service answers.
 */
export function watchService(api, i18n, onHealth) {
  const note = byId("service-note");
  const show = (/** @type {string} */ state) => {
    const key = state === "ready" ? null : `service.${KNOWN.has(state) ? state : "unreachable"}`;
    if (note.dataset.i18n === (key ?? undefined)) return;
    note.hidden = key === null;
    if (key) i18n.setText(note, key);
    else delete note.dataset.i18n;
  };
  const poll = async () => {
    let state = "unreachable";
    try {
      const health = await api.health();
      state = health.state;
      i18n.setText(byId("version"), "version", { version: health.version });
      onHealth(health);
    } catch {
      // Shown on the page, and polled again.
    }
    show(state);
    setTimeout(poll, state === "ready" ? LATER_MS : SOON_MS);
  };
  void poll();
}
