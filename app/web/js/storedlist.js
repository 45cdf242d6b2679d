/** Shows the jobs that the service keeps: a line for each, with its progress and its buttons. */

import { ApiError, asApiError } from "./exchange.js";
import { confirmErasure } from "./confirm.js";
import { buttonById, byId, clock, make } from "./dom.js";
import { describeProblem } from "./problems.js";
import { isRunning } from "./stored.js";

/** @typedef {import("./api.js").StoredJob} StoredJob */

/**
 * The elements of one job.
 * @typedef {object} Line
 * @property {HTMLElement} item
 * @property {HTMLElement} state
 * @property {HTMLElement} facts
 * @property {HTMLProgressElement} progress
 * @property {HTMLElement} problem
 * @property {HTMLButtonElement} open
 * @property {HTMLButtonElement} erase
 * @property {StoredJob} stored
 */

export class StoredList {
  #i18n;
  #jobs;
  #onOpen;
  #onErased;
  #announce;
  /** @type {Map<string, Line>} */
  #lines = new Map();
  #problem = byId("stored-problem");
  /** @type {import("./jobs.js").Job | null} */
  #current = null;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./stored.js").StoredJobs} jobs
   * @param {(text: string) => void} announce
   * @param {object} callbacks
   * @param {(job: import("./jobs.js").Job) => void} callbacks.onOpen called with a job to be shown.
   * @param {(job: import("./jobs.js").Job) => void} callbacks.onErased called with an opened job.
   */
  constructor(i18n, jobs, announce, { onOpen, onErased }) {
    this.#i18n = i18n;
    this.#jobs = jobs;
    this.#announce = announce;
    this.#onOpen = onOpen;
    this.#onErased = onErased;
    jobs.on("change", () => this.#show());
    i18n.on("change", () => this.#show());
    byId("stored-unlock").addEventListener("click", () => void jobs.refresh({ quiet: false }));
    byId("stored-more").addEventListener("click", () => void this.#showMore());
  }

  /**
   * Mark the line whose text is shown.
   * @param {import("./jobs.js").Job | null} job
   */
  mark(job) {
    this.#current = job;
    for (const [id, line] of this.#lines) this.#mark(line, this.#jobs.isOf(id, job));
  }

  /**
   * @param {Line} line
   * @param {boolean} current
   */
  #mark({ item, open }, current) {
    item.toggleAttribute("data-current", current);
    open.classList.toggle("primary", !current);
  }

  /**
   * The name of a job's recording, also where it came without one.
   * @param {StoredJob} stored
   */
  nameOf(stored) {
    return stored.name || this.#i18n.t("stored.unnamed");
  }

  #show() {
    const { jobs, state, more } = this.#jobs;
    byId("stored").hidden = jobs.length === 0 && state !== "locked";
    byId("stored-locked").hidden = state !== "locked";
    byId("stored-note").hidden = state !== "unreachable";
    buttonById("stored-more").hidden = !more;
    const ids = new Set(jobs.map(({ id }) => id));
    for (const [id, line] of this.#lines) if (!ids.has(id)) this.#remove(id, line);
    const list = byId("stored-list");
    let next = list.firstElementChild;
    for (const stored of jobs) {
      const line = this.#lines.get(stored.id) ?? this.#add(stored);
      this.#update(line, stored);
      // A line that moves loses the focus: those that are in their place stay.
      if (line.item === next) next = next.nextElementSibling;
      else list.insertBefore(line.item, next);
    }
  }

  /**
   * @param {string} id
   * @param {Line} line
   */
  #remove(id, line) {
    const focused = line.item.contains(document.activeElement);
    line.item.remove();
    this.#lines.delete(id);
    if (focused) this.#focusTitle();
  }

  #focusTitle() {
    (byId("stored").hidden ? byId("files") : byId("stored-title")).focus();
  }

  /**
   * @param {StoredJob} stored
   * @returns {Line}
   */
  #add(stored) {
    const name = this.nameOf(stored);
    const state = make("span", { class: "job-state" });
    const facts = make("span", { class: "job-state" });
    const progress = make("progress", { max: 1 });
    this.#i18n.setLabel(progress, "aria-label", "job.progress", { name });
    const problem = make("div", { class: "problem", hidden: true });
    const open = this.#makeButton("job.open", "job.openOf", name);
    const erase = this.#makeButton("stored.erase", "stored.eraseOf", name);
    const item = make(
      "li",
      { class: "job" },
      make("div", { class: "job-text" }, make("span", { class: "job-name", textContent: name }), state, facts),
      make("div", { class: "job-buttons" }, open, erase),
      progress,
      problem,
    );
    /** @type {Line} */
    const line = { item, state, facts, progress, problem, open, erase, stored };
    open.addEventListener("click", () => void this.#open(line));
    erase.addEventListener("click", () => void this.#erase(line));
    this.#lines.set(stored.id, line);
    return line;
  }

  /**
   * @param {string} key
   * @param {string} labelKey
   * @param {string} name
   */
  #makeButton(key, labelKey, name) {
    const button = make("button", { type: "button", class: "button small" });
    this.#i18n.setText(button, key);
    this.#i18n.setLabel(button, "aria-label", labelKey, { name });
    return button;
  }

  /**
   * @param {Line} line
   * @param {StoredJob} stored
   */
  #update(line, stored) {
    line.stored = stored;
    line.item.dataset.state = stored.status;
    line.state.textContent = this.#describe(stored);
    line.facts.textContent = this.#facts(stored);
    line.progress.hidden = !isRunning(stored);
    if (stored.status === "processing") line.progress.value = stored.progress;
    else line.progress.removeAttribute("value");
    line.open.hidden = stored.status !== "completed";
    this.#mark(line, this.#jobs.isOf(stored.id, this.#current));
    if (stored.error && line.problem.hidden) {
      describeProblem(this.#i18n, line.problem, errorOf(stored.error));
      line.problem.hidden = false;
    }
  }

  /** @param {StoredJob} stored */
  #describe(stored) {
    const i18n = this.#i18n;
    if (stored.status !== "processing") return i18n.t(`stored.${stored.status}`);
    const percent = i18n.percent(stored.progress);
    if (stored.seconds_left === null) return i18n.t("job.share", { percent });
    return i18n.t("stored.left", { percent, time: clock(stored.seconds_left) });
  }

  /** @param {StoredJob} stored */
  #facts(stored) {
    const i18n = this.#i18n;
    const facts = [i18n.time(stored.created_at), i18n.languageName(stored.language)];
    if (stored.duration !== null) facts.push(clock(stored.duration));
    if (stored.expires_at) facts.push(i18n.t("stored.expires", { time: i18n.time(stored.expires_at) }));
    return facts.join(" · ");
  }

  /** @param {Line} line */
  async #open({ stored, open }) {
    open.disabled = true;
    try {
      this.#onOpen(await this.#jobs.open(stored, this.nameOf(stored)));
      this.#problem.hidden = true;
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      open.disabled = false;
    }
  }

  /** @param {Line} line */
  async #erase({ stored }) {
    const name = this.nameOf(stored);
    if (!(await confirmErasure(this.#i18n, { title: "erase.title", text: "erase.text", name }))) return;
    try {
      const job = await this.#jobs.erase(stored);
      this.#problem.hidden = true;
      if (job) this.#onErased(job);
      this.#announce(this.#i18n.t("stored.erasedSaid", { name }));
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  async #showMore() {
    const shown = this.#jobs.jobs.length;
    await this.#jobs.showMore();
    const first = byId("stored-list").children[shown];
    /** @type {HTMLElement | null | undefined} */ (first?.querySelector("button:not([hidden])"))?.focus();
  }

  /** @param {unknown} thrown */
  #fail(thrown) {
    const error = asApiError(thrown);
    this.#problem.hidden = false;
    describeProblem(this.#i18n, this.#problem, error);
  }
}

/**
 * The error of a job that failed. Where its code has no message of its own, the type decides.
 * @param {import("./api.js").ErrorJson} error
 */
function errorOf({ message, type, code, param }) {
  return new ApiError(message, { status: type === "invalid_request_error" ? 422 : 500, code, param });
}
