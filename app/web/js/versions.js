/** The texts of one recording: formatted, word for word, and as a person corrected them. */

import { fillMissingTimes, tokens } from "./words.js";

/** @typedef {import("./api.js").Word} Word */
/** @typedef {import("./api.js").TranscriptJson} TranscriptJson */

/**
 * One who speaks; `id` stays the same under every name, `color` is a number from 0.
 * @typedef {{id: string, name: string, color: number}} Speaker
 */

/**
 * One or more words of one speaker; null where speakers are not told apart.
 * @typedef {{speaker: string | null, words: Word[]}} Paragraph
 */

/**
 * One text. It is never changed: an edit makes another one, which shares the paragraphs that stay.
 * @typedef {object} Version
 * @property {"verbatim" | "readable" | "corrected"} kind
 * @property {Paragraph[]} paragraphs
 * @property {Speaker[]} speakers
 */

/** Before the text of a paragraph without a speaker, among others with one. */
const UNKNOWN = "?";

/** @type {WeakMap<TranscriptJson, {verbatim: Version, readable?: Version}>} */
const known = new WeakMap();

/**
 * The versions that came from the service, the same ones each time.
 * @param {TranscriptJson} result
 */
export function versionsOf(result) {
  let versions = known.get(result);
  if (!versions) {
    versions = { verbatim: original("verbatim", result.words, result.segments) };
    if (result.formatted_words) {
      versions.readable = original("readable", result.formatted_words, result.formatted_segments ?? []);
    }
    known.set(result, versions);
  }
  return versions;
}

/**
 * The version of a corrected text from its alignment.
 * @param {import("./api.js").AlignedWord[]} words
 * @param {{texts: string[], owners: (string | null)[]}} written the paragraphs and whose they are.
 * @param {{duration: number, speakers?: Speaker[]}} facts duration in seconds.
 * @returns {Version}
 */
export function fromAlignment(words, { texts, owners }, { duration, speakers = [] }) {
  const timed = words.map(({ word, start, end, score, found }) => ({
    word,
    start: found ? start : null,
    end: found ? end : null,
    confidence: score,
    found,
  }));
  return { kind: "corrected", paragraphs: paragraphsOf(fillMissingTimes(timed, duration), texts, owners), speakers };
}

/**
 * The version of an alternative that a person chose.
 * @param {{text: string, words: Word[]}} alternative
 */
export function fromAlternative({ text, words }) {
  return original("verbatim", words, [{ text }]);
}

/** @param {Version} version */
export const wordsOf = ({ paragraphs }) => paragraphs.flatMap((paragraph) => paragraph.words);

/** @param {Paragraph} paragraph */
export const paragraphText = ({ words }) => words.map((word) => word.word).join(" ");

/**
 * The whole text, one paragraph a line; a speaker's name stands where another one begins.
 * @param {Version} version
 */
export function textOf({ paragraphs, speakers }) {
  const names = new Map(speakers.map(({ id, name }) => [id, name]));
  const nameOf = (/** @type {string | null} */ id) => names.get(id ?? "") ?? UNKNOWN;
  /** @type {string | null} */
  let last = null;
  const lines = paragraphs.map((paragraph) => {
    const text = paragraphText(paragraph);
    if (paragraph.speaker === last) return text;
    last = paragraph.speaker;
    return `${nameOf(last)}: ${text}`;
  });
  return lines.join("\n");
}

/**
 * The paragraphs of a text in the form of `textOf`, and whose they are.
 * @param {string} text
 * @param {Speaker[]} speakers
 */
export function readText(text, speakers) {
  const names = speakers.map(({ id, name }) => ({ id: /** @type {string | null} */ (id), name }));
  if (speakers.length) names.push({ id: null, name: UNKNOWN });
  // "Kari: A" may be a name too, and begins as "Kari" does.
  names.sort((a, b) => b.name.length - a.name.length);
  /** @type {string[]} */
  const texts = [];
  /** @type {(string | null)[]} */
  const owners = [];
  /** @type {string | null} */
  let owner = null;
  for (const line of text.split("\n")) {
    const begins = names.find(({ name }) => line.startsWith(`${name}:`));
    if (begins) owner = begins.id;
    const spoken = (begins ? line.slice(begins.name.length + 1) : line).trim();
    if (!spoken) continue;
    texts.push(spoken);
    owners.push(owner);
  }
  return { texts, owners };
}

/**
 * The JSON of a version, as POST /render takes it.
 * @param {Version} version
 * @param {TranscriptJson} result
 */
export function transcriptOf(version, result) {
  const { verbatim, readable } = versionsOf(result);
  if (version === readable) return result;
  if (version === verbatim) {
    const { formatted_text, formatted_words, formatted_segments, ...whole } = result;
    return whole;
  }
  return editedTranscript(version, result);
}

/**
 * @param {Version} version
 * @param {{language: string, model: string, duration: number}} facts
 */
export function editedTranscript({ paragraphs, speakers }, { language, model, duration }) {
  const names = new Map(speakers.map(({ id, name }) => [id, name]));
  /** @type {Map<string | undefined, number>} */
  const reached = new Map();
  /** @type {Map<string, number>} */
  const seconds = new Map();
  /** @type {Word[]} */
  const words = [];
  const segments = paragraphs.map((paragraph, id) => {
    const name = names.get(paragraph.speaker ?? "");
    const speaker = name === undefined ? {} : { speaker: name };
    const own = paragraph.words.map(({ speaker: _, ...word }) => {
      // Words of one speaker are in order, also where those of two who spoke at once were joined.
      const start = Math.max(word.start, reached.get(name) ?? 0);
      reached.set(name, start);
      return { ...word, start, end: Math.max(start, word.end), ...speaker };
    });
    words.push(...own);
    const [start, end] = [own[0].start, own[own.length - 1].end];
    if (name !== undefined) seconds.set(name, (seconds.get(name) ?? 0) + end - start);
    return { id, start, end, text: paragraphText(paragraph), ...speaker };
  });
  const text = segments.map((segment) => segment.text).join(" ");
  const spoken = [...seconds].map(([speaker, sum]) => ({ speaker, seconds: sum }));
  return { text, words, segments, language, model, duration, ...(spoken.length ? { speakers: spoken } : {}) };
}

/**
 * @param {Version["kind"]} kind
 * @param {Word[]} words
 * @param {{text: string}[]} segments
 * @returns {Version}
 */
function original(kind, words, segments) {
  const paragraphs = paragraphsOf(words, segments.map((segment) => segment.text));
  const labels = [...new Set(paragraphs.map((paragraph) => paragraph.speaker))].filter((label) => label !== null);
  return { kind, paragraphs, speakers: labels.map((label, color) => ({ id: label, name: label, color })) };
}

/**
 * Share words out to paragraphs by their texts.
 *
 * A word may hold spaces ("1 000", "– ja"), so its tokens are counted. Words that fit no
 * paragraph form a last one.
 * @param {Word[]} words
 * @param {string[]} texts of the paragraphs.
 * @param {(string | null)[]} [owners] whose the paragraphs are; by the words' labels where not given.
 * @returns {Paragraph[]}
 */
function paragraphsOf(words, texts, owners) {
  /** @type {Paragraph[]} */
  const paragraphs = [];
  let next = 0;
  for (const [i, text] of [...texts, null].entries()) {
    const total = text === null ? Infinity : tokens(text).length;
    const first = next;
    for (let count = 0; count < total && next < words.length; next++) count += tokens(words[next].word).length;
    const own = words.slice(first, next);
    if (owners) paragraphs.push({ speaker: owners[Math.min(i, owners.length - 1)] ?? null, words: own });
    else paragraphs.push(...bySpeaker(own));
  }
  return paragraphs.filter((paragraph) => paragraph.words.length);
}

/**
 * @param {Word[]} words
 * @returns {Paragraph[]}
 */
function bySpeaker(words) {
  /** @type {Paragraph[]} */
  const paragraphs = [];
  for (const word of words) {
    const speaker = word.speaker ?? null;
    const last = paragraphs.at(-1);
    if (last?.speaker === speaker) last.words.push(word);
    else paragraphs.push({ speaker, words: [word] });
  }
  return paragraphs;
}
