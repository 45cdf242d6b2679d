/** Hearing the recording: a blob in; its time, many times a second while it plays, out. */

import { byId, clock, fillSelect } from "./dom.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** Fires `time` as the place changes, `state` when it plays or pauses, `unplayable`. */
export class Player extends EventTarget {
  #audio = byId("audio");
  #i18n;
  #url = null;
  #duration = 0;
  #frame = 0;

  constructor(i18n) {
    super();
    this.#i18n = i18n;
    const audio = this.#audio;
    for (const event of ["play", "pause", "ended"]) audio.addEventListener(event, () => this.#state());
    for (const event of ["seeked", "timeupdate"]) audio.addEventListener(event, () => this.#time());
    audio.addEventListener("error", () => {
      if (!this.#url) return;
      for (const button of this.#buttons()) button.disabled = true;
      this.dispatchEvent(new Event("unplayable"));
    });
    byId("play").addEventListener("click", () => this.toggle());
    byId("back").addEventListener("click", () => this.skip(-5));
    byId("forward").addEventListener("click", () => this.skip(5));
    i18n.label(byId("back"), "aria-label", "player.back");
    i18n.label(byId("forward"), "aria-label", "player.forward");
    byId("speed").addEventListener("change", ({ target }) => (audio.playbackRate = Number(target.value)));
    i18n.addEventListener("change", () => this.#speeds());
    this.#speeds();
    this.#state();
  }

  get time() {
    return this.#audio.currentTime;
  }

  get playing() {
    return !this.#audio.paused && !this.#audio.ended;
  }

  /** @param duration as the service measured it; browsers do not know it of every file. */
  load(blob, duration) {
    this.unload();
    this.#duration = duration;
    this.#url = URL.createObjectURL(blob);
    this.#audio.src = this.#url;
    this.#audio.playbackRate = Number(byId("speed").value);
    byId("time-all").textContent = clock(duration);
    this.#time();
  }

  unload() {
    this.#audio.pause();
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = null;
    this.#audio.removeAttribute("src");
    for (const button of this.#buttons()) button.disabled = false;
  }

  seek(time) {
    this.#audio.currentTime = Math.min(this.#duration, Math.max(0, time));
    this.#time();
  }

  skip(seconds) {
    this.seek(this.time + seconds);
  }

  async play(from = null) {
    if (from !== null) this.seek(from);
    try {
      await this.#audio.play();
    } catch {
      // Paused again before it began, or not playable: the error event says so.
    }
  }

  pause() {
    this.#audio.pause();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  #buttons() {
    return [byId("play"), byId("back"), byId("forward")];
  }

  #speeds() {
    const options = SPEEDS.map((speed) => [String(speed), this.#i18n.t("player.times", { n: speed.toLocaleString(this.#i18n.language) })]);
    fillSelect(byId("speed"), options, byId("speed").value || "1");
  }

  #state() {
    byId("play").toggleAttribute("data-playing", this.playing);
    this.#i18n.label(byId("play"), "aria-label", this.playing ? "player.pause" : "player.play");
    cancelAnimationFrame(this.#frame);
    const follow = () => {
      this.#time();
      if (this.playing) this.#frame = requestAnimationFrame(follow);
    };
    follow();
    this.dispatchEvent(new Event("state"));
  }

  #time() {
    byId("time-now").textContent = clock(this.time);
    this.dispatchEvent(new Event("time"));
  }
}
