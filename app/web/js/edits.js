/**
 * Pure functions that make an edited version of a text. A word is given by its index in the whole
 * text. Where there is nothing to change, the version itself is returned.
 */

import { paragraphText } from "./versions.js";
import { retime, tokens } from "./words.js";

/** @typedef {import("./api.js").Word} Word */
/** @typedef {import("./versions.js").Paragraph} Paragraph */
/** @typedef {import("./versions.js").Speaker} Speaker */
/** @typedef {import("./versions.js").Version} Version */
/** @typedef {"word" | "paragraph" | "turn"} Scope */

/** So many speakers have a colour of their own. */
export const COLORS = 8;

/**
 * Where a word stands: its paragraph and its index in it.
 * @param {Version} version
 * @param {number} index
 */
export function placeOf({ paragraphs }, index) {
  let first = 0;
  for (const [p, { words }] of paragraphs.entries()) {
    if (index < first + words.length) return { p, w: index - first, first };
    first += words.length;
  }
  throw new RangeError(`There is no word ${index}.`);
}

/**
 * Index of the first word that differs between two versions; null where all words stay in their
 * paragraphs.
 * @param {Version} before
 * @param {Version} after
 */
export function changedAt(before, after) {
  let first = 0;
  for (const [p, { words, speaker }] of after.paragraphs.entries()) {
    const old = before.paragraphs[p];
    if (old?.words !== words || old.speaker !== speaker) {
      const same = words.findIndex((word, w) => word !== old?.words[w]);
      return first + (same < 0 ? 0 : same);
    }
    first += words.length;
  }
  return null;
}

/**
 * A version with other paragraphs in the place of some.
 * @param {Version} version
 * @param {number} first
 * @param {number} count
 * @param {Paragraph[]} added those without words are left out.
 * @returns {Version}
 */
function spliced(version, first, count, added) {
  const paragraphs = version.paragraphs.toSpliced(first, count, ...added.filter(({ words }) => words.length));
  return { ...version, kind: "corrected", paragraphs };
}

/**
 * Begin a paragraph with a word.
 * @param {Version} version
 * @param {number} index
 */
export function split(version, index) {
  const { p, w } = placeOf(version, index);
  if (w === 0) return version;
  const { speaker, words } = version.paragraphs[p];
  return spliced(version, p, 1, [
    { speaker, words: words.slice(0, w) },
    { speaker, words: words.slice(w) },
  ]);
}

/**
 * Append the paragraph of a word to the one before, whose speaker it gets.
 * @param {Version} version
 * @param {number} index
 */
export function join(version, index) {
  const { p } = placeOf(version, index);
  if (p === 0) return version;
  const [before, own] = version.paragraphs.slice(p - 1, p + 1);
  return spliced(version, p - 1, 2, [{ speaker: before.speaker, words: [...before.words, ...own.words] }]);
}

/**
 * Give a word, its paragraph, or the whole turn around it to a speaker.
 *
 * A word at the edge of its paragraph moves into the neighbouring one, where that is the
 * speaker's.
 * @param {Version} version
 * @param {number} index
 * @param {Scope} scope
 * @param {string} speaker
 */
export function give(version, index, scope, speaker) {
  const { paragraphs } = version;
  const { p, w } = placeOf(version, index);
  const owner = paragraphs[p].speaker;
  if (owner === speaker) return version;
  if (scope === "word") return giveWord(version, p, w, speaker);
  const { first, last } = scope === "turn" ? turnAround(paragraphs, p) : { first: p, last: p };
  const given = paragraphs.slice(first, last + 1).map(({ words }) => ({ speaker, words }));
  return spliced(version, first, given.length, given);
}

/**
 * First and last paragraph of a turn: what is said until another one speaks.
 * @param {Paragraph[]} paragraphs
 * @param {number} p one of them.
 */
function turnAround(paragraphs, p) {
  const { speaker } = paragraphs[p];
  let [first, last] = [p, p];
  while (paragraphs[first - 1]?.speaker === speaker) first--;
  while (paragraphs[last + 1]?.speaker === speaker) last++;
  return { first, last };
}

/**
 * When the turn around a word is spoken, in seconds, and the name of its speaker. Where speakers are
 * not told apart, that is its paragraph, and the name is empty.
 * @param {Version} version
 * @param {number} index
 */
export function turnAt(version, index) {
  const { paragraphs, speakers } = version;
  const { p } = placeOf(version, index);
  const { speaker } = paragraphs[p];
  const { first, last } = speaker === null ? { first: p, last: p } : turnAround(paragraphs, p);
  const words = paragraphs.slice(first, last + 1).flatMap((paragraph) => paragraph.words);
  return {
    start: words.reduce((least, word) => Math.min(least, word.start), Infinity),
    end: words.reduce((most, word) => Math.max(most, word.end), 0),
    name: speakers.find(({ id }) => id === speaker)?.name ?? "",
  };
}

/**
 * @param {Version} version
 * @param {number} p
 * @param {number} w
 * @param {string} speaker
 */
function giveWord(version, p, w, speaker) {
  const { speaker: owner, words } = version.paragraphs[p];
  const [before, after] = [version.paragraphs[p - 1], version.paragraphs[p + 1]];
  const word = words[w];
  if (w === 0 && before?.speaker === speaker) {
    return spliced(version, p - 1, 2, [
      { speaker, words: [...before.words, word] },
      { speaker: owner, words: words.slice(1) },
    ]);
  }
  if (w === words.length - 1 && after?.speaker === speaker) {
    return spliced(version, p, 2, [
      { speaker: owner, words: words.slice(0, -1) },
      { speaker, words: [word, ...after.words] },
    ]);
  }
  return spliced(version, p, 1, [
    { speaker: owner, words: words.slice(0, w) },
    { speaker, words: [word] },
    { speaker: owner, words: words.slice(w + 1) },
  ]);
}

/**
 * Add a speaker with a colour that no other one has.
 * @param {Version} version
 * @param {{id: string, name: string}} speaker
 * @returns {Version}
 */
export function addSpeaker(version, { id, name }) {
  const taken = new Set(version.speakers.map(({ color }) => color));
  let color = 0;
  while (taken.has(color)) color++;
  return { ...version, kind: "corrected", speakers: [...version.speakers, { id, name, color }] };
}

/**
 * Rename a speaker; with the name of another one, the two become that one.
 * @param {Version} version
 * @param {string} id
 * @param {string} name
 * @returns {Version}
 */
export function rename(version, id, name) {
  const written = tokens(name).join(" ");
  const own = version.speakers.find((speaker) => speaker.id === id);
  if (!own || !written || own.name === written) return version;
  const other = version.speakers.find((speaker) => speaker.name === written);
  if (!other) {
    const speakers = version.speakers.map((speaker) => (speaker === own ? { ...own, name: written } : speaker));
    return { ...version, kind: "corrected", speakers };
  }
  return {
    kind: "corrected",
    paragraphs: version.paragraphs.map((paragraph) =>
      paragraph.speaker === id ? { speaker: other.id, words: paragraph.words } : paragraph,
    ),
    speakers: version.speakers.filter((speaker) => speaker !== own),
  };
}

/**
 * Correct a word: its new text may have several words, or none.
 * @param {Version} version
 * @param {number} index
 * @param {string} text
 */
export function correct(version, index, text) {
  const { p, w } = placeOf(version, index);
  const { speaker, words } = version.paragraphs[p];
  const written = retime([words[w]], text);
  if (written.length === 1 && written[0] === words[w]) return version;
  return spliced(version, p, 1, [{ speaker, words: words.toSpliced(w, 1, ...written) }]);
}

/**
 * A place of a text that was searched: characters of the text of a paragraph.
 * @typedef {{p: number, from: number, to: number}} Match
 */

/**
 * What to search for.
 * @typedef {{text: string, matchCase: boolean, wholeWords: boolean}} Query
 */

/**
 * All places of a text, in order; they do not overlap.
 * @param {Version} version
 * @param {Query} query
 */
export function find(version, { text, matchCase, wholeWords }) {
  const sought = tokens(text).join(" ");
  if (!sought) return [];
  const literal = sought.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  const bounded = wholeWords ? String.raw`(?<![\p{L}\p{N}])${literal}(?![\p{L}\p{N}])` : literal;
  const pattern = new RegExp(bounded, matchCase ? "gu" : "giu");
  return version.paragraphs.flatMap((paragraph, p) =>
    [...paragraphText(paragraph).matchAll(pattern)].map(
      (found) => /** @type {Match} */ ({ p, from: found.index, to: found.index + found[0].length }),
    ),
  );
}

/**
 * First and last word of a match, in its paragraph.
 * @param {Paragraph} paragraph
 * @param {Match} match
 */
export function wordsIn({ words }, { from, to }) {
  let first = -1;
  let last = -1;
  let begin = 0;
  for (const [w, { word }] of words.entries()) {
    if (begin < to && from < begin + word.length) {
      if (first < 0) first = w;
      last = w;
    }
    begin += word.length + 1;
  }
  return { first, last };
}

/**
 * Replace matches by a text, which may be empty.
 * @param {Version} version
 * @param {Match[]} matches as `find` found them in this version.
 * @param {string} text
 * @returns {Version}
 */
export function replace(version, matches, text) {
  /** @type {Map<number, Match[]>} */
  const byParagraph = new Map();
  for (const match of matches) byParagraph.set(match.p, [...(byParagraph.get(match.p) ?? []), match]);
  const paragraphs = version.paragraphs.map((paragraph, p) => {
    const own = byParagraph.get(p);
    return own ? { ...paragraph, words: replaced(paragraph, own, text) } : paragraph;
  });
  return { ...version, kind: "corrected", paragraphs: paragraphs.filter(({ words }) => words.length) };
}

/**
 * @param {Paragraph} paragraph
 * @param {Match[]} matches
 * @param {string} text
 */
function replaced(paragraph, matches, text) {
  // From the end, so that the words before keep their places; matches in one word are one edit.
  const words = [...paragraph.words];
  for (const group of groupsOf(paragraph, matches).toReversed()) {
    const own = words.slice(group.first, group.last + 1);
    const begin = words.slice(0, group.first).reduce((sum, { word }) => sum + word.length + 1, 0);
    let written = own.map(({ word }) => word).join(" ");
    for (const { from, to } of group.matches.toReversed()) {
      written = written.slice(0, from - begin) + text + written.slice(to - begin);
    }
    words.splice(group.first, own.length, ...retime(own, written));
  }
  return words;
}

/**
 * Matches of one paragraph that share words, together.
 * @param {Paragraph} paragraph
 * @param {Match[]} matches
 */
function groupsOf(paragraph, matches) {
  /** @type {{first: number, last: number, matches: Match[]}[]} */
  const groups = [];
  for (const match of matches) {
    const { first, last } = wordsIn(paragraph, match);
    const open = groups.at(-1);
    if (open && first <= open.last) {
      open.last = last;
      open.matches.push(match);
    } else groups.push({ first, last, matches: [match] });
  }
  return groups;
}
