/** Explains an error of the service, with advice. */

import { make } from "./dom.js";

/** Codes that share the messages of another. @type {Record<string, string>} */
const SAME = {
  loading: "unavailable",
  draining: "unavailable",
  hung: "unavailable",
  jobs_unavailable: "unavailable",
  failed: "unavailable",
  bad_request: "invalid_request",
  media_crashed: "invalid_audio",
  quota_exceeded: "queue_full",
};

/**
 * The group of messages that fits an error's code.
 * @param {import("./i18n.js").Translator} i18n
 * @param {import("./exchange.js").ApiError} error
 */
function problemOf(i18n, error) {
  const code = SAME[error.code] ?? error.code;
  if (i18n.has(`problem.${code}`)) return code;
  return error.status >= 400 && error.status < 500 ? "invalid_request" : "other";
}

/**
 * Fill an element with an explanation, advice and the service's own message.
 * @param {import("./i18n.js").Translator} i18n
 * @param {HTMLElement} element
 * @param {import("./exchange.js").ApiError} error
 */
export function describeProblem(i18n, element, error) {
  const code = problemOf(i18n, error);
  const title = make("p", { class: "problem-title" });
  const advice = make("p", {});
  i18n.setText(title, `problem.${code}`);
  i18n.setText(advice, `problem.${code}.do`);
  element.replaceChildren(title, advice);
  if (!error.status) return;
  const summary = make("summary", {});
  i18n.setText(summary, "problem.detail");
  const details = make("details", {}, summary, make("p", { lang: "en", textContent: error.message }));
  if (error.requestId) {
    const request = make("p", { class: "hint" });
    i18n.setText(request, "problem.request", { id: error.requestId });
    details.append(request);
  }
  element.append(details);
}
