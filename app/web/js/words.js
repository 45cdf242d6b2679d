/** Pure functions on words {word, start, end, confidence, found?} and the paragraphs they form. */

const tokens = (text) => text.split(/\s+/).filter(Boolean);

/** Index of the last word that has begun at a time, or -1. */
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
 * A word may hold spaces ("1 000", "– ja"), so what counts is its tokens. Words that fit no
 * paragraph end up in a last one.
 * @returns lengths of the paragraphs, in words, none of them 0.
 */
export function paragraphLengths(words, texts) {
  const lengths = [];
  let next = 0;
  for (const text of texts) {
    const wanted = tokens(text).length;
    const first = next;
    for (let count = 0; count < wanted && next < words.length; next++) count += tokens(words[next].word).length;
    if (next > first) lengths.push(next - first);
  }
  if (next < words.length) lengths.push(words.length - next);
  return lengths;
}

/** The text of each paragraph. */
export function paragraphTexts(words, lengths) {
  let next = 0;
  return lengths.map((length) =>
    words
      .slice(next, (next += length))
      .map((word) => word.word)
      .join(" "),
  );
}

/** Give words without a time an even share of the gap between their neighbours. */
export function placed(words, duration) {
  const out = words.map((word) => ({ ...word }));
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

const hasTime = (word) => word.start !== null && word.end !== null;
const round = (seconds) => Math.round(seconds * 1000) / 1000;

/**
 * Times for a text that was made readable: "halv åtte" may have become "7.30.".
 *
 * Tokens that agree but for case and signs take the time of their word; what lies between two
 * such pairs is the time of what was written there.
 */
export function timeReadable(words, text) {
  const written = tokens(text);
  const said = words.map((word) => plain(word.word));
  const pairs = commonPairs(said, written.map(plain));
  const out = [];
  let w = 0;
  let s = 0;
  for (const [nextSaid, nextWritten] of [...pairs, [said.length, written.length]]) {
    const between = written.slice(w, nextWritten);
    const heard = words.slice(s, nextSaid);
    if (between.length && heard.length) out.push(joined(between.join(" "), heard));
    else if (between.length && out.length) out.at(-1).word += ` ${between.join(" ")}`;
    if (nextSaid < said.length) out.push({ ...words[nextSaid], word: written[nextWritten] });
    [s, w] = [nextSaid + 1, nextWritten + 1];
  }
  return out;
}

const plain = (word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

function joined(text, heard) {
  const confidence = heard.reduce((sum, word) => sum + word.confidence, 0) / heard.length;
  return { word: text, start: heard[0].start, end: heard.at(-1).end, confidence };
}

/** Index pairs of a longest common subsequence. */
function commonPairs(a, b) {
  const length = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      length[i][j] = a[i] === b[j] ? length[i + 1][j + 1] + 1 : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (length[i + 1][j] >= length[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}
