/** The texts of one recording: formatted, word for word, and as a person corrected them. */

import { fillMissingTimes, paragraphLengths, paragraphTexts } from "./words.js";

/** @typedef {import("./api.js").Word} Word */
/** @typedef {import("./api.js").TranscriptJson} TranscriptJson */

/**
 * One text; `lengths` are those of its paragraphs, in words, and `transcript` returns the JSON that
 * the service renders.
 * @typedef {object} Version
 * @property {"verbatim" | "readable" | "corrected"} kind
 * @property {Word[]} words
 * @property {number[]} lengths
 * @property {(result: TranscriptJson) => object} transcript
 */

/**
 * The whole text, one paragraph a line.
 * @param {{words: Word[], lengths: number[]}} version
 */
export function textOf({ words, lengths }) {
  return paragraphTexts(words, lengths).join("\n");
}

/**
 * The versions that a recording has.
 * @param {TranscriptJson} result
 * @param {Version | null} edits
 * @returns {{verbatim: Version, readable?: Version, corrected?: Version}}
 */
export function versionsOf(result, edits) {
  /** @type {{verbatim: Version, readable?: Version, corrected?: Version}} */
  const versions = {
    verbatim: {
      ...version("verbatim", result.words, result.segments.map((segment) => segment.text)),
      transcript: ({ formatted_text, formatted_words, formatted_segments, ...whole }) => whole,
    },
  };
  if (result.formatted_words) {
    const texts = (result.formatted_segments ?? []).map((segment) => segment.text);
    versions.readable = { ...version("readable", result.formatted_words, texts), transcript: (whole) => whole };
  }
  if (edits) versions.corrected = edits;
  return versions;
}

/**
 * The version of a corrected text, one paragraph a line, from its alignment.
 * @param {import("./api.js").AlignedWord[]} words
 * @param {string} text
 * @param {number} duration in seconds.
 */
export function fromAlignment(words, text, duration) {
  const known = words.map(({ word, start, end, score, found }) => ({
    word,
    start: found ? start : null,
    end: found ? end : null,
    confidence: score,
    found,
  }));
  return edited("corrected", fillMissingTimes(known, duration), text.split("\n"));
}

/**
 * The version of an alternative that a person chose.
 * @param {{text: string, words: Word[]}} alternative
 */
export function fromAlternative(alternative) {
  return edited("verbatim", alternative.words, [alternative.text]);
}

/**
 * @param {Version["kind"]} kind
 * @param {Word[]} words
 * @param {string[]} texts
 * @returns {Version}
 */
function edited(kind, words, texts) {
  const edits = version(kind, words, texts);
  return {
    ...edits,
    transcript: ({ language, model, duration }) => ({
      text: textOf(edits),
      words,
      segments: segmentsOf(words, edits.lengths),
      language,
      model,
      duration,
    }),
  };
}

/**
 * @param {Version["kind"]} kind
 * @param {Word[]} words
 * @param {string[]} texts of the paragraphs.
 */
function version(kind, words, texts) {
  return { kind, words, lengths: paragraphLengths(words, texts) };
}

/**
 * @param {Word[]} words
 * @param {number[]} lengths
 */
function segmentsOf(words, lengths) {
  let next = 0;
  return paragraphTexts(words, lengths).map((text, id) => {
    const own = words.slice(next, (next += lengths[id]));
    return { id, start: own[0].start, end: own[own.length - 1].end, text };
  });
}
