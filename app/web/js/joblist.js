/** The list of recordings: jobs in, a line for each with its progress and what can be done. */

import { byId, clock, make } from "./dom.js";
import { describeProblem } from "./problems.js";

export class JobList {
  #i18n;
  #queue;
  #lines = new Map();
  #current = null;

  /** @param onOpen called with the job whose text is wanted. */
  constructor(i18n, queue, { onOpen, announce }) {
    this.#i18n = i18n;
    this.#queue = queue;
    this.onOpen = onOpen;
    queue.addEventListener("change", ({ detail: job }) => this.#update(job));
    queue.addEventListener("change", ({ detail: job }) => {
      if (job.state === "failed") announce(i18n.t("job.failedSaid", { name: job.name }));
    });
    i18n.addEventListener("change", () => queue.jobs.forEach((job) => this.#update(job)));
  }

  /** Mark the line whose text is shown. */
  mark(job) {
    this.#current = job;
    for (const [other, line] of this.#lines) this.#mark(line, other === job);
  }

  #mark(line, current) {
    line.item.toggleAttribute("data-current", current);
    line.buttons.open.classList.toggle("primary", !current);
  }

  #update(job) {
    if (!this.#queue.jobs.includes(job)) {
      this.#forget(job);
      return;
    }
    const line = this.#lines.get(job) ?? this.#begin(job);
    byId("jobs").hidden = false;
    line.state.textContent = this.#describe(job);
    line.item.dataset.state = job.state;
    this.#showProgress(line.progress, job);
    line.problem.hidden = !job.error;
    if (job.error && line.shown !== job.error) describeProblem(this.#i18n, line.problem, job.error);
    line.shown = job.error;
    const cancellable = job.running || job.state === "waiting";
    this.#toggle(line.buttons.cancel, cancellable);
    this.#toggle(line.buttons.open, job.state === "done" || job.result !== null);
    this.#toggle(line.buttons.retry, job.state === "failed" || job.state === "cancelled");
    this.#toggle(line.buttons.remove, !cancellable);
  }

  /** Hide or show a button; the focus stays in the line when its button goes. */
  #toggle(button, shown) {
    const focused = document.activeElement === button;
    button.hidden = !shown;
    if (focused && !shown) {
      setTimeout(() => button.parentElement?.querySelector("button:not([hidden])")?.focus());
    }
  }

  #describe(job) {
    const { t, percent } = { t: this.#i18n.t.bind(this.#i18n), percent: this.#i18n.percent.bind(this.#i18n) };
    switch (job.state) {
      case "sending":
        return t("job.sending", { percent: percent(job.share) });
      case "working":
        if (job.share !== null) return t("job.share", { percent: percent(job.share) });
        return job.ahead ? t("job.ahead", { time: clock(job.ahead) }) : t("job.working");
      case "paused":
        return t("job.paused", { n: job.wait });
      default:
        return t(`job.${job.state}`);
    }
  }

  #showProgress(progress, job) {
    progress.hidden = !job.running;
    if (job.state === "paused" || job.share === null) progress.removeAttribute("value");
    else progress.value = job.share;
  }

  #begin(job) {
    const buttons = {};
    for (const [action, run] of [
      ["open", () => this.onOpen(job)],
      ["cancel", () => this.#queue.cancel(job)],
      ["retry", () => this.#queue.retry(job)],
      ["remove", () => this.#queue.remove(job)],
    ]) {
      const button = make("button", { type: "button", class: "button small" });
      this.#i18n.say(button, `job.${action}`);
      // Each is told apart by its recording; the name begins with what is seen on the button.
      this.#i18n.label(button, "aria-label", `job.${action}Of`, { name: job.name });
      button.addEventListener("click", run);
      buttons[action] = button;
    }
    const state = make("span", { class: "job-state" });
    const progress = make("progress", { max: 1 });
    this.#i18n.label(progress, "aria-label", "job.progress", { name: job.name });
    const problem = make("div", { class: "problem", role: "alert", hidden: true });
    const item = make(
      "li",
      { class: "job" },
      make("div", { class: "job-text" }, make("span", { class: "job-name", textContent: job.name }), state),
      make("div", { class: "job-buttons" }, ...Object.values(buttons)),
      progress,
      problem,
    );
    byId("job-list").append(item);
    const line = { item, state, progress, problem, buttons, shown: null };
    this.#lines.set(job, line);
    this.#mark(line, job === this.#current);
    return line;
  }

  #forget(job) {
    const line = this.#lines.get(job);
    if (!line) return;
    const focused = line.item.contains(document.activeElement);
    line.item.remove();
    this.#lines.delete(job);
    byId("jobs").hidden = this.#lines.size === 0;
    if (focused) (byId("job-list").querySelector("button:not([hidden])") ?? byId("files")).focus();
  }
}
