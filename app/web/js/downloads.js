/** Files to take along: the shown transcript in, a download in any format out. */

import { byId, make, save } from "./dom.js";
import { asApiError } from "./api.js";

// In the order of how often people want them; endings as the service gives them.
const FORMATS = [
  ["text", "txt"],
  ["srt", "srt"],
  ["vtt", "vtt"],
  ["tsv", "tsv"],
  ["textgrid", "TextGrid"],
  ["eaf", "eaf"],
  ["ctm", "ctm"],
  ["json", "json"],
];

export class Downloads {
  #api;
  #i18n;
  #announce;
  #busy = false;

  /** What to write: {transcript, name, recording}. */
  source = () => null;
  /** Called with an ApiError, or null when there is none any more. */
  onProblem = () => {};

  constructor(api, i18n, announce) {
    this.#api = api;
    this.#i18n = i18n;
    this.#announce = announce;
    for (const [format, ending] of FORMATS) this.#button(format, ending, () => this.#download(format, ending));
    this.recordingButton = this.#button("wav", "wav", () => {
      const { file, name } = this.source();
      this.#keep(file, `${name}.wav`);
    });
  }

  #button(format, ending, run) {
    const label = make("span", {});
    this.#i18n.say(label, `format.${format}`);
    const button = make("button", { type: "button", class: "download", "data-format": format }, label);
    button.append(" ", make("span", { class: "ending", textContent: `.${ending}` }));
    button.addEventListener("click", run);
    const item = make("li", {}, button);
    byId("download-list").append(item);
    return item;
  }

  async #download(format, ending) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { transcript, name, recording } = this.source();
      this.#keep(await this.#written(format, transcript, recording), `${name}.${ending}`);
      this.onProblem(null);
    } catch (error) {
      this.onProblem(asApiError(error));
    } finally {
      this.#busy = false;
    }
  }

  async #written(format, transcript, recording) {
    if (format === "json") return new Blob([JSON.stringify(transcript, null, 2)], { type: "application/json" });
    const options = { response_format: format, recording };
    if (format === "vtt" && byId("word-cues").checked) options.word_cues = "true";
    return this.#api.render(transcript, options);
  }

  #keep(blob, name) {
    save(blob, name);
    this.#announce(this.#i18n.t("downloads.saved", { name }));
  }
}
