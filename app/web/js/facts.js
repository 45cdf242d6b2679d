/** The line of facts under a recording's title: duration, language, model, mean confidence. */

import { byId, clock, make } from "./dom.js";

/**
 * @param {import("./i18n.js").Translator} i18n
 * @param {import("./api.js").TranscriptJson} result
 * @param {{live: boolean, corrected: boolean}} origin how the shown text came about.
 */
export function showFacts(i18n, result, { live, corrected }) {
  const facts = [clock(result.duration), i18n.languageName(result.language), result.model];
  if (typeof result.confidence === "number") {
    facts.push(i18n.t("facts.sure", { percent: i18n.percent(result.confidence) }));
  }
  if (live) facts.push(i18n.t("facts.live"));
  if (corrected) facts.push(i18n.t("facts.corrected"));
  byId("result-facts").replaceChildren(...facts.map((fact) => make("span", { textContent: fact })));
}
