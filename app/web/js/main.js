/** Joins the parts of the page. */

import { Api } from "./api.js";
import { Choices } from "./choices.js";
import { confirmErasure } from "./confirm.js";
import { byId, fillSelect, inputById, make, makeAnnouncer, selectById } from "./dom.js";
import { dropZone } from "./drop.js";
import { INTERFACE_LANGUAGES, Translator } from "./i18n.js";
import { isLong } from "./duration.js";
import { Job, JobQueue } from "./jobs.js";
import { JobList } from "./joblist.js";
import { KeptTexts } from "./kept.js";
import { KeyRing } from "./keyring.js";
import { KnownSpeakers } from "./knownspeakers.js";
import { Recorder } from "./record.js";
import { Result } from "./result.js";
import { watchService } from "./service.js";
import { StoredJobs } from "./stored.js";
import { StoredList } from "./storedlist.js";

/** @type {[names: string[], meaning: string][]} */
const KEYS = [
  [["keys.Space"], "keys.space"],
  [["←", "→"], "keys.arrows"],
  [["↑", "↓"], "keys.updown"],
  [["Enter"], "keys.enter"],
  [["F9"], "keys.playAnywhere"],
  [["F7"], "keys.back"],
  [["U"], "keys.unsure"],
  [["L"], "keys.leastSure"],
  [["E", "F2"], "keys.correct"],
  [["S"], "keys.split"],
  [["J"], "keys.join"],
  [["1 – 9"], "keys.speaker"],
  [["keys.Shift", "1 – 9"], "keys.speakerOfWord"],
  [["F"], "keys.find"],
  [["Ctrl", "Z"], "keys.undo"],
  [["Ctrl", "keys.Shift", "Z"], "keys.redo"],
];

const i18n = new Translator();
await i18n.setLanguage(Translator.initial());
const announce = makeAnnouncer(byId("announcer"));
const keys = new KeyRing(i18n, announce);
const api = new Api(keys);
const choices = new Choices(i18n);
const queue = new JobQueue(api);
const kept = new KeptTexts();
const result = new Result(i18n, api, kept, announce, { onAgain: transcribeAgain });
const list = new JobList(i18n, queue, {
  onOpen: (job) => open(job, { focus: true }),
  onRemove: (job) => void remove(job),
  announce,
});
const stored = new StoredJobs(api, keys, (id) => queue.jobs.find((job) => job.id === id) ?? null);
const storedList = new StoredList(i18n, stored, announce, {
  onOpen: (job) => open(job, { focus: true }),
  onErased: erase,
});
new Recorder(i18n, api, keys, choices, { onDone: addRecorded });
const knownSpeakers = new KnownSpeakers(i18n, api, keys, announce);
byId("keep-voice").addEventListener("click", () => {
  if (result.turn) knownSpeakers.keep(result.turn);
});

/**
 * @param {Job} job
 * @param {{focus: boolean}} options
 */
function open(job, options) {
  result.show(job, options);
  mark(job);
}

function close() {
  result.hide();
  mark(null);
}

/**
 * Removes a recording from the page, one whose text was edited after a confirmation.
 * @param {Job} job
 */
async function remove(job) {
  const options = { title: "erase.keptTitle", text: "erase.keptText", name: job.name };
  if ((job.edited || job.kept) && !(await confirmErasure(i18n, options))) return;
  stored.forget(job);
  erase(job);
}

/** Lists the texts that the browser keeps, and then the jobs, whose texts may be among them. */
async function begin() {
  queue.add(...(await kept.restore()));
  await stored.refresh();
}

/** @param {Job} job */
function erase(job) {
  if (job === result.job) close();
  queue.remove(job);
  void kept.remove(job);
}

/** @param {Job | null} job the job whose text is shown. */
function mark(job) {
  list.mark(job);
  storedList.mark(job);
}

/**
 * Queues files, and hands in those that are to be worked on in the background.
 * @param {File[]} files
 */
async function add(files) {
  const { background } = choices;
  const jobs = files.map(async (file) => {
    const job = new Job(file, file.name, choices.current());
    job.background = background === "all" || (background === "long" && (await isLong(file)));
    return job;
  });
  queue.add(...(await Promise.all(jobs)));
  announce(i18n.t("job.addedSaid", { n: files.length }));
}

/** @param {Job} job */
function transcribeAgain(job) {
  if (queue.jobs.includes(job) && !job.edited && !job.kept) {
    queue.retry(job, choices.current());
    return;
  }
  // Corrections, and jobs of the service, stay; the new text gets a line of its own.
  const again = new Job(job.file, job.name, choices.current());
  again.recorded = job.recorded;
  queue.add(again);
}

/** @param {Job} job */
function addRecorded(job) {
  queue.add(job);
  if (job.state === "done") open(job, { focus: true });
}

queue.on("done", (job) => {
  announce(i18n.t("job.doneSaid", { name: job.name }));
  // The first text opens by itself; a later one never takes the place of what is being read.
  const busy = result.job !== null && (result.job !== job || result.editing);
  if (busy) return;
  // The focus moves there unless the person is doing something else meanwhile.
  const idle = [null, document.body, byId("files"), byId("again")];
  const waiting = idle.includes(/** @type {HTMLElement | null} */ (document.activeElement));
  open(job, { focus: waiting });
});
queue.on("change", (job) => {
  document.body.toggleAttribute("data-started", queue.jobs.length > 0);
  if (result.job === job && !queue.jobs.includes(job)) close();
});
queue.on("stored", ({ job, stored: added }) => {
  announce(i18n.t("stored.addedSaid", { name: job.name }));
  stored.add(added, job.file);
});
stored.on("ended", (ended) => {
  const key = ended.status === "completed" ? "job.doneSaid" : "job.failedSaid";
  announce(i18n.t(key, { name: storedList.nameOf(ended) }));
});
stored.on("lost", (job) => {
  if (!queue.jobs.includes(job)) queue.add(job);
  mark(result.job);
});
kept.on("change", (job) => queue.jobs.includes(job) && queue.emit("change", job));
window.addEventListener("beforeunload", (event) => {
  if ([...queue.jobs, ...stored.opened].some((job) => job.unsaved)) event.preventDefault();
});
dropZone(byId("drop"), inputById("files"), (files) => void add(files));
void begin();
watchService(api, i18n, (health) => {
  choices.setService(health);
  result.setService(health);
  knownSpeakers.allow(health.known_speakers);
});

const picker = selectById("interface-language");
fillSelect(picker, Object.entries(INTERFACE_LANGUAGES), i18n.language);
for (const option of picker.options) option.lang = option.value;
picker.addEventListener("change", () => void changeLanguage());

/** Translate the page into the picked language; where that does not load, it stays as it is. */
async function changeLanguage() {
  try {
    await i18n.setLanguage(picker.value, { remember: true });
  } catch {
    picker.value = i18n.language;
    announce(i18n.t("problem.unreachable"));
  }
}

byId("keys").append(
  ...KEYS.map(([names, meaning]) => {
    const term = make("dt", {});
    for (const name of names) {
      const key = make("kbd", { textContent: name });
      if (i18n.has(name)) i18n.setText(key, name);
      term.append(key, " ");
    }
    const description = make("dd", {});
    i18n.setText(description, meaning);
    return make("div", {}, term, description);
  }),
);
