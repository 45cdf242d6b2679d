/** Edits the open text: runs the commands of its bar and keys, and keeps speakers and search up to date. */

import { byId } from "./dom.js";
import { addSpeaker, changedAt, correct, give, join, placeOf, rename, split } from "./edits.js";
import { Finder } from "./finder.js";
import { newId } from "./jobs.js";
import { SpeakerDialog, SpeakerList } from "./speakers.js";

/** @typedef {import("./edits.js").Scope} Scope */
/** @typedef {import("./versions.js").Speaker} Speaker */
/** @typedef {import("./versions.js").Version} Version */

export class Editing {
  #i18n;
  #transcript;
  #announce;
  #history;
  #version;
  #onChange;
  #list;
  #dialog;
  #finder;

  /**
   * @param {import("./i18n.js").Translator} i18n
   * @param {import("./transcript.js").Transcript} transcript
   * @param {(text: string) => void} announce
   * @param {object} callbacks
   * @param {() => import("./history.js").History} callbacks.history returns the steps of the open text.
   * @param {() => Version} callbacks.version returns the text that is shown.
   * @param {(cursor: number) => void} callbacks.onChange called when a step was made, undone or
   *     done again, with the word where the cursor is to be.
   */
  constructor(i18n, transcript, announce, { history, version, onChange }) {
    this.#i18n = i18n;
    this.#transcript = transcript;
    this.#announce = announce;
    this.#history = history;
    this.#version = version;
    this.#onChange = onChange;
    this.#list = new SpeakerList(i18n, {
      onRename: (id, name) => this.#rename(id, name),
      onAdd: () => this.#add(),
    });
    this.#dialog = new SpeakerDialog(i18n, (speaker, scope) => this.#give(speaker, scope));
    this.#finder = new Finder(i18n, transcript, { version, onChange: (edited, cursor) => this.#push(edited, cursor) });
    for (const [id, run] of Object.entries(this.#commands())) byId(id).addEventListener("click", run);
    byId("transcript").addEventListener("keydown", (event) => this.#onWordKey(event));
    document.addEventListener("keydown", (event) => this.#onStepKey(event));
  }

  /** Show what belongs to the text that is shown now. */
  refresh() {
    const { canUndo, canRedo } = this.#history();
    byId("undo").setAttribute("aria-disabled", String(!canUndo));
    byId("redo").setAttribute("aria-disabled", String(!canRedo));
    this.#list.show(this.#version());
    this.#finder.refresh();
  }

  /** Close what belongs to another text. */
  reset() {
    this.#finder.hide();
  }

  /**
   * Correct one word.
   * @param {number} index
   * @param {string} text
   */
  correct(index, text) {
    this.#push(correct(this.#version(), index, text), index);
  }

  /** Let the person choose who speaks at the cursor. */
  chooseSpeaker() {
    const cursor = this.#transcript.cursor;
    if (cursor < 0) return;
    const { p, w } = placeOf(this.#version(), cursor);
    const { speaker, words } = this.#version().paragraphs[p];
    this.#dialog.open(this.#version().speakers, speaker, words[w].word);
  }

  /** The commands of the bar, by the ids of their buttons. @returns {Record<string, () => void>} */
  #commands() {
    return {
      undo: () => this.#undo(),
      redo: () => this.#redo(),
      "correct-word": () => this.#atCursor((cursor) => this.#transcript.correct(cursor)),
      split: () => this.#split(),
      join: () => this.#join(),
      give: () => this.chooseSpeaker(),
      search: () => this.#finder.open(),
    };
  }

  /** @param {KeyboardEvent} event with a word as its target. */
  #onWordKey(event) {
    const { target, code, key } = event;
    if (!(target instanceof Element && target.matches(".w")) || event.ctrlKey || event.metaKey || event.altKey) return;
    // By the key's place too: with Shift, or on a French keyboard, it is no digit.
    const digit = /^Digit([1-9])$/.exec(code)?.[1] ?? /^[1-9]$/.exec(key)?.[0];
    /** @type {Record<string, () => void>} */
    const actions = { s: () => this.#split(), j: () => this.#join(), f: () => this.#finder.open() };
    const run = digit ? () => this.#giveNumber(Number(digit), event.shiftKey ? "word" : "paragraph") : actions[key];
    if (!run) return;
    event.preventDefault();
    run();
  }

  /** @param {KeyboardEvent} event */
  #onStepKey(event) {
    const { target } = event;
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
    // Fields have their own steps.
    if (!(target instanceof Element) || target.closest("input, textarea, select, dialog")) return;
    if (byId("edit-bar").hidden || byId("result").hidden) return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) this.#redo();
    else this.#undo();
  }

  #undo() {
    if (!this.#history().canUndo) return;
    this.#step(() => this.#history().undo());
    this.#announce(this.#i18n.t("edit.undone"));
  }

  #redo() {
    if (!this.#history().canRedo) return;
    this.#step(() => this.#history().redo());
    this.#announce(this.#i18n.t("edit.redone"));
  }

  /** @param {() => void} move to another step. */
  #step(move) {
    const before = this.#version();
    move();
    this.#onChange(changedAt(before, this.#version()) ?? this.#transcript.cursor);
  }

  /**
   * @param {Version} version
   * @param {number} cursor
   * @returns whether it is another one.
   */
  #push(version, cursor) {
    if (version === this.#version()) return false;
    this.#history().push(version);
    this.#onChange(cursor);
    return true;
  }

  /** @param {(cursor: number) => void} run */
  #atCursor(run) {
    if (this.#transcript.cursor >= 0) run(this.#transcript.cursor);
  }

  #split() {
    this.#atCursor((cursor) => {
      if (this.#push(split(this.#version(), cursor), cursor)) this.#announce(this.#i18n.t("edit.splitSaid"));
    });
  }

  #join() {
    this.#atCursor((cursor) => {
      if (this.#push(join(this.#version(), cursor), cursor)) this.#announce(this.#i18n.t("edit.joinedSaid"));
    });
  }

  /**
   * @param {number} number of a speaker, from 1; the one after the last is a new one.
   * @param {Scope} scope
   */
  #giveNumber(number, scope) {
    const { speakers } = this.#version();
    if (number <= speakers.length + 1) this.#give(speakers[number - 1] ?? null, scope);
  }

  /**
   * @param {Speaker | null} speaker null for a new one.
   * @param {Scope} scope
   */
  #give(speaker, scope) {
    this.#atCursor((cursor) => {
      const added = speaker ?? this.#newSpeaker();
      const version = speaker ? this.#version() : addSpeaker(this.#version(), added);
      this.#push(give(version, cursor, scope, added.id), cursor);
      this.#announce(this.#i18n.t("speaker.givenSaid", { name: added.name }));
    });
  }

  #add() {
    const added = this.#newSpeaker();
    this.#push(addSpeaker(this.#version(), added), this.#transcript.cursor);
    this.#list.focus(added.id);
  }

  /** A speaker with a name that no other one has. */
  #newSpeaker() {
    const taken = new Set(this.#version().speakers.map(({ name }) => name));
    let n = this.#version().speakers.length + 1;
    while (taken.has(this.#i18n.t("speaker.name", { n }))) n++;
    return { id: newId(), name: this.#i18n.t("speaker.name", { n }) };
  }

  /**
   * @param {string} id
   * @param {string} name
   */
  #rename(id, name) {
    const before = this.#version();
    const version = rename(before, id, name);
    if (!this.#push(version, this.#transcript.cursor)) {
      // An empty name is not taken: the old one is shown again.
      this.#list.show(before);
      return;
    }
    const joined = version.speakers.length < before.speakers.length;
    if (joined) this.#announce(this.#i18n.t("speaker.joinedSaid", { name: name.trim() }));
  }
}
