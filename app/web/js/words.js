/** Pure functions on words {word, start, end, confidence, found?} and their times. */

/** @typedef {import("./api.js").Word} Word */

/**
 * The parts of a text between spaces.
 * @param {string} text
 */
export const tokens = (text) => text.split(/\s+/).filter(Boolean);

/**
 * Indexes of words in the order in which they begin: where people speak at once, the words of the
 * one stand before those of the other.
 * @param {Word[]} words
 */
export function orderByStart(words) {
  const order = new Uint32Array(words.length).map((_, i) => i);
  const sorted = words.every((word, i) => i === 0 || words[i - 1].start <= word.start);
  return sorted ? order : order.toSorted((a, b) => words[a].start - words[b].start || a - b);
}

/**
 * Index of the last word that has begun at a time, or -1.
 * @param {Word[]} words
 * @param {Uint32Array} order of `orderByStart`.
 * @param {number} time in seconds.
 */
export function wordAt(words, order, time) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[order[middle]].start <= time) low = middle + 1;
    else high = middle;
  }
  return low ? order[low - 1] : -1;
}

/** @typedef {Omit<Word, "start" | "end"> & {start: number | null, end: number | null}} UntimedWord */

/**
 * Give words without a time an even share of the gap between their neighbours.
 * @param {UntimedWord[]} words
 * @param {number} duration in seconds.
 */
export function fillMissingTimes(words, duration) {
  const out = /** @type {Word[]} */ (words.map((word) => ({ ...word })));
  for (let first = 0; first < out.length; first++) {
    if (hasTime(out[first])) continue;
    let past = first;
    while (past < out.length && !hasTime(out[past])) past++;
    const from = first ? out[first - 1].end : 0;
    const to = Math.max(from, past < out.length ? out[past].start : duration);
    const share = (to - from) / (past - first);
    for (let i = first; i < past; i++) {
      out[i].start = round(from + share * (i - first));
      out[i].end = round(from + share * (i - first + 1));
    }
    first = past;
  }
  return out;
}

const hasTime = (/** @type {UntimedWord} */ word) => word.start !== null && word.end !== null;
const round = (/** @type {number} */ seconds) => Math.round(seconds * 1000) / 1000;

/**
 * The words of a corrected text: tokens that were not changed keep their word, all others have the
 * times of the words in whose place they stand.
 * @param {Word[]} words at least one.
 * @param {string} text empty where the words are deleted.
 * @returns {Word[]}
 */
export function retime(words, text) {
  const written = tokens(text);
  if (written.length === words.length) {
    return written.map((token, i) => (words[i].word === token ? words[i] : byHand(token, words[i].start, words[i].end)));
  }
  const most = Math.min(written.length, words.length);
  let first = 0;
  while (first < most && words[first].word === written[first]) first++;
  let last = 0;
  while (last < most - first && words[words.length - 1 - last].word === written[written.length - 1 - last]) last++;
  // Tokens that were only inserted share the time of a word beside them.
  if (first + last === words.length) {
    if (first) first--;
    else last--;
  }
  const kept = words.length - last;
  const changed = written.slice(first, written.length - last);
  return [...words.slice(0, first), ...shareTime(words.slice(first, kept), changed), ...words.slice(kept)];
}

/**
 * @param {Word[]} words
 * @param {string[]} written
 */
function shareTime(words, written) {
  const start = words[0].start;
  const end = Math.max(...words.map((word) => word.end));
  const letters = written.reduce((sum, token) => sum + token.length, 0);
  let before = 0;
  return written.map((token) => {
    const from = start + ((end - start) * before) / letters;
    before += token.length;
    return byHand(token, round(from), round(start + ((end - start) * before) / letters));
  });
}

/**
 * A word that a person wrote.
 * @param {string} word
 * @param {number} start
 * @param {number} end
 * @returns {Word}
 */
const byHand = (word, start, end) => ({ word, start, end, confidence: 1 });

/**
 * Times for the words of a formatted text: "halv åtte" may have become "7.30.".
 *
 * Tokens that agree but for case and punctuation take the time of their word; tokens between two
 * such pairs take the time of the words between them.
 * @param {Word[]} words
 * @param {string} text
 */
export function timeFormatted(words, text) {
  const written = tokens(text);
  const spoken = words.map((word) => plain(word.word));
  const pairs = commonPairs(spoken, written.map(plain));
  /** @type {Word[]} */
  const out = [];
  let w = 0;
  let s = 0;
  for (const [nextSpoken, nextWritten] of [...pairs, [spoken.length, written.length]]) {
    const between = written.slice(w, nextWritten);
    const source = words.slice(s, nextSpoken);
    if (between.length && source.length) out.push(joined(between.join(" "), source));
    else if (between.length && out.length) out[out.length - 1].word += ` ${between.join(" ")}`;
    if (nextSpoken < spoken.length) out.push({ ...words[nextSpoken], word: written[nextWritten] });
    [s, w] = [nextSpoken + 1, nextWritten + 1];
  }
  return out;
}

const plain = (/** @type {string} */ word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

/**
 * @param {string} text
 * @param {Word[]} words at least one.
 * @returns {Word}
 */
function joined(text, words) {
  const confidence = words.reduce((sum, word) => sum + word.confidence, 0) / words.length;
  return { word: text, start: words[0].start, end: words[words.length - 1].end, confidence };
}

/**
 * Index pairs of a longest common subsequence.
 * @param {string[]} a
 * @param {string[]} b
 */
function commonPairs(a, b) {
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  /** @type {[number, number][]} */
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (length[i + 1][j] >= length[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}
