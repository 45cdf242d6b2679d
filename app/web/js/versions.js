/**
 * The texts of one recording: readable, word for word, and what a person made of them.
 *
 * Each is {kind, words, lengths, transcript(result)}; `lengths` are those of its paragraphs, in
 * words, and `transcript` gives the JSON that the service renders.
 */

import { paragraphLengths, paragraphTexts, placed } from "./words.js";

/** @returns {verbatim, readable?, corrected?} */
export function versionsOf(job) {
  const { result, edits } = job;
  const versions = { verbatim: version("verbatim", result.words, result.segments.map((segment) => segment.text)) };
  if (result.formatted_words) {
    const texts = result.formatted_segments.map((segment) => segment.text);
    versions.readable = version("readable", result.formatted_words, texts);
    versions.readable.transcript = (whole) => whole;
  }
  versions.verbatim.transcript = ({ formatted_text, formatted_words, formatted_segments, ...whole }) => whole;
  if (edits) versions.corrected = edits;
  return versions;
}

/** What came back for a text that a person wrote, one paragraph a line. */
export function corrected(words, text, duration) {
  const known = words.map(({ word, start, end, score, found }) => ({
    word,
    start: found ? start : null,
    end: found ? end : null,
    confidence: score,
    found,
  }));
  return edited("corrected", placed(known, duration), text.split("\n"));
}

/** Another reading that a person chose. */
export function chosen(reading) {
  return edited("verbatim", reading.words, [reading.text]);
}

function edited(kind, words, texts) {
  const edits = version(kind, words, texts);
  edits.transcript = ({ language, model, duration }) => ({
    text: paragraphTexts(words, edits.lengths).join("\n"),
    words,
    segments: segmentsOf(words, edits.lengths),
    language,
    model,
    duration,
  });
  return edits;
}

function version(kind, words, texts) {
  return { kind, words, lengths: paragraphLengths(words, texts) };
}

function segmentsOf(words, lengths) {
  let next = 0;
  return paragraphTexts(words, lengths).map((text, id) => {
    const own = words.slice(next, (next += lengths[id]));
    return { id, start: own[0].start, end: own.at(-1).end, text };
  });
}
