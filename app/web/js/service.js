/** Watches the service: calls back with its health, and tells what stands in the way of work. */

import { byId } from "./dom.js";

const SOON_MS = 2000;
const LATER_MS = 30_000;
const KNOWN = new Set(["loading", "draining", "hung", "failed"]);

/** @param onHealth called with {version, state, models, …} each time the service answers. */
export function watchService(api, i18n, onHealth) {
  const note = byId("service-note");
  const tell = (state) => {
    const key = state === "ready" ? null : `service.${KNOWN.has(state) ? state : "unreachable"}`;
    if (note.dataset.i18n === (key ?? undefined)) return;
    note.hidden = key === null;
    if (key) i18n.say(note, key);
    else delete note.dataset.i18n;
  };
  const look = async () => {
    let state = "unreachable";
    try {
      const health = await api.health();
      state = health.state;
      i18n.say(byId("version"), "version", { version: health.version });
      onHealth(health);
    } catch {
      // Told on the page, and asked again.
    }
    tell(state);
    setTimeout(look, state === "ready" ? LATER_MS : SOON_MS);
  };
  look();
}
