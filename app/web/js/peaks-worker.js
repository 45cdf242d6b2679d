/**
 * Loudness over time, off the page's thread: answers {blob} of a WAV or {channels} with {peaks}.
 *
 * A WAV is read piece by piece, so that hours of it never are in memory. {peaks: null} means
 * that the file is no WAV that can be read so.
 */

import { HEAD_BYTES, readWavHead } from "./wav.js";

const PIECE_BYTES = 4 << 20;
// Enough of each bar to show its loudness; every sample of hours would take minutes.
const SAMPLES_PER_BAR = 400;

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ peaks: data.blob ? await ofWav(data.blob, data.bars) : ofSamples(data.channels, data.bars) });
  } catch (error) {
    self.postMessage({ peaks: null, reason: String(error) });
  }
};

/**
 * @param {Float32Array[]} channels
 * @param {number} bars
 */
function ofSamples(channels, bars) {
  const peaks = new Float32Array(bars);
  for (const samples of channels) {
    for (let i = 0; i < samples.length; i++) {
      const bar = Math.min(bars - 1, Math.floor((i / samples.length) * bars));
      peaks[bar] = Math.max(peaks[bar], Math.abs(samples[i]));
    }
  }
  return peaks;
}

/**
 * @param {Blob} blob
 * @param {number} bars
 */
async function ofWav(blob, bars) {
  const head = readWavHead(await blob.slice(0, HEAD_BYTES).arrayBuffer(), blob.size);
  if (!head) return null;
  const frame = head.width * head.channels;
  const frames = Math.floor(head.bytes / frame);
  const peaks = new Float32Array(bars);
  const step = Math.max(1, Math.floor(frames / bars / SAMPLES_PER_BAR));
  const piece = Math.floor(PIECE_BYTES / frame);
  for (let first = 0; first < frames; first += piece) {
    const past = Math.min(frames, first + piece);
    const bytes = blob.slice(head.offset + first * frame, head.offset + past * frame);
    const view = new DataView(await bytes.arrayBuffer());
    for (let i = 0; i < past - first; i += step) {
      const bar = Math.min(bars - 1, Math.floor(((first + i) / frames) * bars));
      for (let at = i * frame; at < (i + 1) * frame; at += head.width) {
        peaks[bar] = Math.max(peaks[bar], Math.abs(head.read(view, at)));
      }
    }
  }
  return peaks;
}
