/** Computes the loudness of a recording's bars, or the reason why that is impossible. */

import { decode } from "./decode.js";

const BARS = 1200;
const RATE = 8000;

/**
 * The peaks of a recording's bars, in 0..1.
 * @param {Blob} blob
 * @param {number} duration of the recording in seconds.
 * @param {AbortSignal} signal
 * @returns {Promise<{peaks?: Float32Array, reason?: "long" | "unreadable"}>}
 * @throws the signal's reason once it is aborted.
 */
export async function peaksOf(blob, duration, signal) {
  const ofWav = await work({ blob, bars: BARS }, [], signal);
  if (ofWav) return { peaks: scaled(ofWav) };
  const decoded = await decode(blob, duration, RATE);
  if (typeof decoded === "string") return { reason: decoded };
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, channel) => decoded.getChannelData(channel));
  const peaks = await work({ channels, bars: BARS }, channels.map(({ buffer }) => buffer), signal);
  return peaks ? { peaks: scaled(peaks) } : { reason: "unreadable" };
}

/**
 * Runs the worker once.
 * @param {object} message
 * @param {Transferable[]} transfer
 * @param {AbortSignal} signal
 * @returns {Promise<Float32Array | null>}
 */
function work(message, transfer, signal) {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./peaks-worker.js", import.meta.url), { type: "module" });
    const end = (/** @type {Float32Array | null} */ peaks) => {
      worker.terminate();
      resolve(peaks);
    };
    worker.onmessage = ({ data }) => end(data.peaks);
    worker.onerror = () => end(null);
    signal.addEventListener("abort", () => {
      worker.terminate();
      reject(signal.reason);
    });
    worker.postMessage(message, transfer);
  });
}

/**
 * Quiet recordings fill the height too.
 * @param {Float32Array} peaks
 */
function scaled(peaks) {
  const highest = peaks.reduce((max, peak) => Math.max(max, peak), 0.02);
  return peaks.map((peak) => Math.sqrt(peak / highest));
}
