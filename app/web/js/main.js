/** Joins the parts of the page; nothing else. */

import { Api } from "./api.js";
import { Choices } from "./choices.js";
import { byId, fillSelect, make, makeAnnouncer } from "./dom.js";
import { dropZone } from "./drop.js";
import { INTERFACE_LANGUAGES, Translator } from "./i18n.js";
import { Job, JobQueue } from "./jobs.js";
import { JobList } from "./joblist.js";
import { KeyRing } from "./keyring.js";
import { Recorder } from "./record.js";
import { Result } from "./result.js";
import { watchService } from "./service.js";

const KEYS = [
  [["keys.Space"], "keys.space"],
  [["←", "→"], "keys.arrows"],
  [["↑", "↓"], "keys.updown"],
  [["Enter"], "keys.enter"],
  [["E"], "keys.correct"],
  [["U"], "keys.unsure"],
];

const i18n = new Translator();
await i18n.use(Translator.initial());
const announce = makeAnnouncer(byId("announcer"));
const keys = new KeyRing(i18n, announce);
const api = new Api(keys);
const choices = new Choices(i18n);
const queue = new JobQueue(api);
const result = new Result(i18n, api, announce);
const list = new JobList(i18n, queue, { onOpen: (job) => open(job, { focus: true }), announce });
const recorder = new Recorder(i18n, api, keys, choices);

function open(job, options) {
  result.show(job, options);
  list.mark(job);
}

queue.addEventListener("done", ({ detail: job }) => {
  announce(i18n.t("job.doneSaid", { name: job.name }));
  // The first text opens by itself; a later one never takes the place of what is being read.
  const busy = result.job !== null && (result.job !== job || result.editing);
  if (busy) return;
  // Whoever only waits is taken there; whoever does something else meanwhile is left at it.
  const waiting = [null, document.body, byId("files"), byId("again")].includes(document.activeElement);
  open(job, { focus: waiting });
});
queue.addEventListener("change", () => {
  document.body.toggleAttribute("data-started", queue.jobs.length > 0);
  if (result.job && !queue.jobs.includes(result.job)) {
    result.hide();
    list.mark(null);
  }
});
result.onAgain = (job) => {
  if (!job.edits && !job.draft) return queue.retry(job, choices.current());
  // What a person corrected stays; the new text gets a line of its own.
  const again = new Job(job.file, job.name, choices.current());
  again.recorded = job.recorded;
  queue.add(again);
};
window.addEventListener("beforeunload", (event) => {
  if (queue.jobs.some((job) => job.precious)) event.preventDefault();
});
recorder.onDone = (job) => {
  queue.add(job);
  if (job.state === "done") open(job, { focus: true });
};
dropZone(byId("drop"), byId("files"), (files) => {
  queue.add(...files.map((file) => new Job(file, file.name, choices.current())));
  announce(i18n.t("job.addedSaid", { n: files.length }));
});
watchService(api, i18n, (health) => choices.offer(health.models));

const picker = byId("interface-language");
fillSelect(picker, Object.entries(INTERFACE_LANGUAGES), i18n.language);
for (const option of picker.options) option.lang = option.value;
picker.addEventListener("change", async () => {
  try {
    await i18n.use(picker.value, { remember: true });
  } catch {
    // The messages did not load: the page stays in the language it has.
    picker.value = i18n.language;
    announce(i18n.t("problem.unreachable"));
  }
});

byId("keys").append(
  ...KEYS.map(([names, meaning]) => {
    const term = make("dt", {});
    for (const name of names) {
      const key = make("kbd", { textContent: name });
      if (i18n.has(name)) i18n.say(key, name);
      term.append(key, " ");
    }
    const description = make("dd", {});
    i18n.say(description, meaning);
    return make("div", {}, term, description);
  }),
);
