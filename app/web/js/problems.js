/** An error of the service in, plain words and what to do about it out. */

import { make } from "./dom.js";

const SAME = {
  loading: "unavailable",
  draining: "unavailable",
  hung: "unavailable",
  failed: "unavailable",
  bad_request: "invalid_request",
};

/** The group of messages that fits an error's code. */
function problemOf(i18n, error) {
  const code = SAME[error.code] ?? error.code;
  if (i18n.has(`problem.${code}`)) return code;
  return error.status >= 400 && error.status < 500 ? "invalid_request" : "other";
}

/** Fill an element with what went wrong, in words, advice and the service's own message. */
export function describeProblem(i18n, element, error) {
  const code = problemOf(i18n, error);
  const title = make("p", { class: "problem-title" });
  const advice = make("p", {});
  i18n.say(title, `problem.${code}`);
  i18n.say(advice, `problem.${code}.do`);
  element.replaceChildren(title, advice);
  if (!error.status) return;
  const summary = make("summary", {});
  i18n.say(summary, "problem.detail");
  const details = make("details", {}, summary, make("p", { lang: "en", textContent: error.message }));
  if (error.requestId) {
    const request = make("p", { class: "hint" });
    i18n.say(request, "problem.request", { id: error.requestId });
    details.append(request);
  }
  element.append(details);
}
