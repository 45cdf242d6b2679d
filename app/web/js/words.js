/** Pure functions on words {word, start, end, confidence, found?} and the paragraphs they form. */

/** @typedef {import("./api.js").Word} Word */

const tokens = (/** @type {string} */ text) => text.split(/\s+/).filter(Boolean);

/**
 * Index of the last word that has begun at a time, or -1.
 * @param {Word[]} words
 * @param {number} time in seconds.
 */
export function wordAt(words, time) {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Share words out to paragraphs by their texts.
 *
 * A word may hold spaces ("1 000", "– ja"), so its tokens are counted. Words that fit no
 * paragraph form a last one.
 * @param {{word: string}[]} words
 * @param {string[]} texts of the paragraphs.
 * @returns lengths of the paragraphs, in words, none of them 0.
 */
export function paragraphLengths(words, texts) {
  /** @type {number[]} */
  const lengths = [];
  let next = 0;
  for (const text of texts) {
    const total = tokens(text).length;
    const first = next;
    for (let count = 0; count < total && next < words.length; next++) count += tokens(words[next].word).length;
    if (next > first) lengths.push(next - first);
  }
  if (next < words.length) lengths.push(words.length - next);
  return lengths;
}

/**
 * The text of each paragraph.
 * @param {{word: string}[]} words
 * @param {number[]} lengths
 */
export function paragraphTexts(words, lengths) {
  let next = 0;
  return lengths.map((length) =>
    words
      .slice(next, (next += length))
      .map((word) => word.word)
      .join(" "),
  );
}

/**
 * First and past character of a word in its text, where words and paragraphs are both separated by
 * one character.
 * @param {{word: string}[]} words
 * @param {number} index
 * @returns {[first: number, past: number]}
 */
export function rangeOf(words, index) {
  const first = words.slice(0, index).reduce((sum, word) => sum + word.word.length + 1, 0);
  return [first, first + words[index].word.length];
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
