/** Plays the recording, and emits its time many times a second. */

import { buttonById, byId, clock, fillSelect, selectById } from "./dom.js";
import { Emitter } from "./events.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/**
 * Emits `time` as the position changes, `state` when it plays or pauses, and `unplayable`.
 * @extends {Emitter<{time: null, state: null, unplayable: null}>}
 */
export class Player extends Emitter {
  #audio = byId("audio", HTMLAudioElement);
  #speed = selectById("speed");
  #i18n;
  /** @type {string | null} */
  #url = null;
  #duration = 0;
  #frame = 0;

  /** @param {import("./i18n.js").Translator} i18n */
  constructor(i18n) {
    super();
    this.#i18n = i18n;
    const audio = this.#audio;
    for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, () => this.#showState());
    for (const event of ["seeked", "timeupdate"]) audio.addEventListener(event, () => this.#showTime());
    audio.addEventListener("error", () => {
      if (!this.#url) return;
      for (const button of this.#buttons()) button.disabled = true;
      this.emit("unplayable", null);
    });
    byId("play").addEventListener("click", () => this.toggle());
    byId("back").addEventListener("click", () => this.skip(-5));
    byId("forward").addEventListener("click", () => this.skip(5));
    i18n.setLabel(byId("back"), "aria-label", "player.back");
    i18n.setLabel(byId("forward"), "aria-label", "player.forward");
    this.#speed.addEventListener("change", () => (audio.playbackRate = Number(this.#speed.value)));
    i18n.on("change", () => this.#fillSpeeds());
    this.#fillSpeeds();
    this.#showState();
  }

  get time() {
    return this.#audio.currentTime;
  }

  get playing() {
    return !this.#audio.paused && !this.#audio.ended;
  }

  /**
   * @param {Blob | null} blob null where there is only a text.
   * @param {number} duration as the service measured it; browsers do not know it of every file.
   */
  load(blob, duration) {
    this.unload();
    this.#duration = duration;
    if (blob) {
      this.#url = URL.createObjectURL(blob);
      this.#audio.src = this.#url;
    }
    this.#audio.playbackRate = Number(this.#speed.value);
    byId("time-all").textContent = clock(duration);
    this.#showTime();
  }

  unload() {
    this.#audio.pause();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
    this.#audio.removeAttribute("src");
    for (const button of this.#buttons()) button.disabled = false;
  }

  /** @param {number} time in seconds. */
  seek(time) {
    this.#audio.currentTime = Math.min(this.#duration, Math.max(0, time));
    this.#showTime();
  }

  /** @param {number} seconds */
  skip(seconds) {
    this.seek(this.time + seconds);
  }

  /**
   * Play, from a time if one is given; never rejects.
   * @param {number | null} from
   */
  async play(from = null) {
    if (from !== null) this.seek(from);
    try {
      await this.#audio.play();
    } catch {
      // Paused again before it began, or not playable: then the error event fires.
    }
  }

  pause() {
    this.#audio.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else void this.play();
  }

  #buttons() {
    return ["play", "back", "forward"].map(buttonById);
  }

  #fillSpeeds() {
    const { language } = this.#i18n;
    const options = SPEEDS.map(
      (speed) => /** @type {[string, string]} */ ([String(speed), this.#i18n.t("player.times", { n: speed.toLocaleString(language) })]),
    );
    fillSelect(this.#speed, options, this.#speed.value || "1");
  }

  #showState() {
    byId("play").toggleAttribute("data-playing", this.playing);
    this.#i18n.setLabel(byId("play"), "aria-label", this.playing ? "player.pause" : "player.play");
    cancelAnimationFrame(this.#frame);
    const update = () => {
      this.#showTime();
      if (this.playing) this.#frame = requestAnimationFrame(update);
    };
    update();
    this.emit("state", null);
  }

  #showTime() {
    byId("time-now").textContent = clock(this.time);
    this.emit("time", null);
  }
}
