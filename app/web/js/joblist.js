/** The list of recordings: a line for each job, with its progress and its buttons. */

import { byId, clock, make } from "./dom.js";
import { describeProblem } from "./problems.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("./jobs.js").JobQueue} JobQueue */

/** @typedef {"open" | "cancel" | "retry" | "remove"} Action */

/**
 * The elements of one job; `shown` is the error that is described in `problem`.
 * @typedef {object} Line
 * @property {HTMLElement} item
 * @property {HTMLElement} state
 * @property {HTMLProgressElement} progress
 * @property {HTMLElement} problem
 * @property {Record<Action, HTMLButtonElement>} buttons
 * @property {Error | null} shown
 */

export class JobList {
  #i18n;
  #queue;
  /** @type {Map<Job, Line>} */
  #lines = new Map();
  /** @type {Job | null} */
  #current = null;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {JobQueue} queue
   * @param {object} callbacks
   * @param {(job: Job) => void} callbacks.onOpen called with the job whose text is to be shown.
   * @param {(job: Job) => void} callbacks.onRemove called with a job that is to be removed.
   * @param {(text: string) => void} callbacks.announce
   */
  constructor(i18n, queue, { onOpen, onRemove, announce }) {
    this.#i18n = i18n;
    this.#queue = queue;
    this.onOpen = onOpen;
    this.onRemove = onRemove;
    queue.on("change", (job) => {
      this.#update(job);
      if (job.state === "failed") announce(i18n.t("job.failedSaid", { name: job.name }));
    });
    i18n.on("change", () => queue.jobs.forEach((job) => this.#update(job)));
  }

  /**
   * Mark the line whose text is shown.
   * @param {Job | null} job
   */
  mark(job) {
    this.#current = job;
    for (const [other, line] of this.#lines) this.#mark(line, other === job);
  }

  /**
   * @param {Line} line
   * @param {boolean} current
   */
  #mark(line, current) {
    line.item.toggleAttribute("data-current", current);
    line.buttons.open.classList.toggle("primary", !current);
  }

  /** @param {Job} job */
  #update(job) {
    if (!this.#queue.jobs.includes(job)) {
      this.#removeLine(job);
      return;
    }
    const line = this.#lines.get(job) ?? this.#addLine(job);
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

  /**
   * Hide or show a button; the focus stays in the line when its button goes.
   * @param {HTMLButtonElement} button
   * @param {boolean} shown
   */
  #toggle(button, shown) {
    const focused = document.activeElement === button;
    button.hidden = !shown;
    if (focused && !shown) {
      setTimeout(() => firstButton(button.parentElement)?.focus());
    }
  }

  /** @param {Job} job */
  #describe(job) {
    const i18n = this.#i18n;
    switch (job.state) {
      case "sending":
        return i18n.t("job.sending", { percent: i18n.percent(job.share ?? 0) });
      case "working":
        if (job.share !== null) return i18n.t("job.share", { percent: i18n.percent(job.share) });
        return job.ahead ? i18n.t("job.ahead", { time: clock(job.ahead) }) : i18n.t("job.working");
      case "paused":
        return i18n.t("job.paused", { n: job.wait });
      case "done":
        return i18n.t(job.kept ? "job.kept" : "job.done");
      default:
        return i18n.t(`job.${job.state}`);
    }
  }

  /**
   * @param {HTMLProgressElement} progress
   * @param {Job} job
   */
  #showProgress(progress, job) {
    progress.hidden = !job.running;
    if (job.state === "paused" || job.share === null) progress.removeAttribute("value");
    else progress.value = job.share;
  }

  /**
   * @param {Job} job
   * @param {Action} action
   * @param {() => void} run
   */
  #makeButton(job, action, run) {
    const button = make("button", { type: "button", class: "button small" });
    this.#i18n.setText(button, `job.${action}`);
    // The recording's name distinguishes the buttons of a list; the label begins with the visible text.
    this.#i18n.setLabel(button, "aria-label", `job.${action}Of`, { name: job.name });
    button.addEventListener("click", run);
    return button;
  }

  /**
   * @param {Job} job
   * @returns {Line}
   */
  #addLine(job) {
    const buttons = {
      open: this.#makeButton(job, "open", () => this.onOpen(job)),
      cancel: this.#makeButton(job, "cancel", () => this.#queue.cancel(job)),
      retry: this.#makeButton(job, "retry", () => this.#queue.retry(job)),
      remove: this.#makeButton(job, "remove", () => this.onRemove(job)),
    };
    const state = make("span", { class: "job-state" });
    const progress = make("progress", { max: 1 });
    this.#i18n.setLabel(progress, "aria-label", "job.progress", { name: job.name });
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
    /** @type {Line} */
    const line = { item, state, progress, problem, buttons, shown: null };
    this.#lines.set(job, line);
    this.#mark(line, job === this.#current);
    return line;
  }

  /** @param {Job} job */
  #removeLine(job) {
    const line = this.#lines.get(job);
    if (!line) return;
    const focused = line.item.contains(document.activeElement);
    line.item.remove();
    this.#lines.delete(job);
    byId("jobs").hidden = this.#lines.size === 0;
    if (focused) (firstButton(byId("job-list")) ?? byId("files")).focus();
  }
}

/**
 * @param {Element | null} element
 * @returns {HTMLButtonElement | null}
 */
function firstButton(element) {
  return element?.querySelector("button:not([hidden])") ?? null;
}
