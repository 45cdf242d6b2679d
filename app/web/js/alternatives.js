/** The list of alternatives: shows other hypotheses of the beam search and reports the chosen one. */

import { byId, make } from "./dom.js";

/** @typedef {{text: string, words: import("./api.js").Word[]}} Alternative */

/**
 * @param {import("./i18n.js").Translator} i18n
 * @param {import("./api.js").TranscriptJson} result
 * @param {(alternative: Alternative) => void} onChoose
 */
export function showAlternatives(i18n, { language, alternatives = [] }, onChoose) {
  byId("alternatives").hidden = alternatives.length < 2;
  byId("alternative-list").replaceChildren(
    ...alternatives.map((alternative) => {
      const button = make("button", { type: "button", class: "button small" });
      i18n.setText(button, "alternatives.use");
      button.addEventListener("click", () => onChoose(alternative));
      return make("li", {}, make("span", { lang: language, textContent: alternative.text }), button);
    }),
  );
}
