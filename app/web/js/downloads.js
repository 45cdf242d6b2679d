/** Downloads the shown transcript as a file of any format. */

import { byId, download, fillSelect, inputById, make, selectById } from "./dom.js";
import { recall, store } from "./i18n.js";
import { asApiError } from "./exchange.js";

/** @typedef {import("./exchange.js").ApiError} ApiError */

/**
 * What a download is made of; `recording` is the recording's own file name.
 * @typedef {{transcript: object, name: string, recording: string, file: Blob | null}} Source
 */

// The most used first; endings as the service gives them.
const FORMATS = [
  ["text", "txt"],
  ["docx", "docx"],
  ["md", "md"],
  ["srt", "srt"],
  ["vtt", "vtt"],
  ["ttml", "ttml"],
  ["stl", "stl"],
  ["tsv", "tsv"],
  ["textgrid", "TextGrid"],
  ["eaf", "eaf"],
  ["exb", "exb"],
  ["f4", "f4.txt"],
  ["ctm", "ctm"],
  ["stm", "stm"],
  ["rttm", "rttm"],
  ["json", "json"],
];

// Where times are shown on request; f4 always has them.
const WITH_TIMES = ["text", "md", "docx"];

// Whose rules subtitles are cut by.
const SUBTITLES = ["srt", "vtt", "ttml", "stl"];
const RULES = [["netflix", "Netflix"], ["nrk", "NRK"], ["dr", "DR"]];
const STORED = "nordlyd.subtitles";

export class Downloads {
  #api;
  #i18n;
  #announce;
  #source;
  #onProblem;
  #busy = false;

  /**
   * @param {import("./api.js").Api} api
   * @param {import("./i18n.js").Translator} i18n
   * @param {(text: string) => void} announce
   * @param {object} callbacks
   * @param {() => Source} callbacks.source returns what to write.
   * @param {(error: ApiError | null) => void} callbacks.onProblem called after each download.
   */
  constructor(api, i18n, announce, { source, onProblem }) {
    this.#api = api;
    this.#i18n = i18n;
    this.#announce = announce;
    this.#source = source;
    this.#onProblem = onProblem;
    this.#offerRules();
    for (const [format, ending] of FORMATS) this.#addButton(format, ending, () => void this.#download(format, ending));
    this.recordingButton = this.#addButton("wav", "wav", () => {
      const { file, name } = this.#source();
      if (file) this.#save(file, `${name}.wav`);
    });
  }

  #offerRules() {
    const rules = selectById("subtitle-rules");
    fillSelect(rules, /** @type {[string, string][]} */ (RULES), recall(STORED) ?? "");
    rules.addEventListener("change", () => store(STORED, rules.value));
  }

  /**
   * @param {string} format
   * @param {string} ending
   * @param {() => void} run
   */
  #addButton(format, ending, run) {
    const label = make("span", {});
    this.#i18n.setText(label, `format.${format}`);
    const button = make("button", { type: "button", class: "download", "data-format": format }, label);
    button.append(" ", make("span", { class: "ending", textContent: `.${ending}` }));
    button.addEventListener("click", run);
    const item = make("li", {}, button);
    byId("download-list").append(item);
    return item;
  }

  /**
   * @param {string} format
   * @param {string} ending
   */
  async #download(format, ending) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { transcript, name, recording } = this.#source();
      this.#save(await this.#write(format, transcript, recording), `${name}.${ending}`);
      this.#onProblem(null);
    } catch (error) {
      this.#onProblem(asApiError(error));
    } finally {
      this.#busy = false;
    }
  }

  /**
   * @param {string} format
   * @param {object} transcript
   * @param {string} recording
   */
  async #write(format, transcript, recording) {
    if (format === "json") return new Blob([JSON.stringify(transcript, null, 2)], { type: "application/json" });
    /** @type {Record<string, string>} */
    const options = { response_format: format, recording };
    if (format === "vtt" && inputById("word-cues").checked) options.word_cues = "true";
    if (SUBTITLES.includes(format)) options.subtitles = selectById("subtitle-rules").value;
    if (WITH_TIMES.includes(format) && inputById("text-times").checked) options.times = "true";
    if (format === "docx" && inputById("mark-unsure").checked) options.mark_unsure = "true";
    return this.#api.render(transcript, options);
  }

  /**
   * @param {Blob} blob
   * @param {string} name
   */
  #save(blob, name) {
    download(blob, name);
    this.#announce(this.#i18n.t("downloads.saved", { name }));
  }
}
