/** A recording in, the loudness of its bars out, or why there is none. */

const BARS = 1200;
// A browser decodes the whole of a compressed file into memory: 48 kHz stereo is 23 MB a minute.
const MOST_SECONDS = 20 * 60;
const MOST_BYTES = 80 << 20;
const RATE = 8000;

/**
 * @param duration of the recording in seconds.
 * @returns {peaks: Float32Array in 0..1} or {reason: "long" | "unreadable"}
 */
export async function peaksOf(blob, duration, signal) {
  const ofWav = await work({ blob, bars: BARS }, [], signal);
  if (ofWav) return { peaks: scaled(ofWav) };
  if (duration > MOST_SECONDS || blob.size > MOST_BYTES) return { reason: "long" };
  let samples;
  try {
    const context = new OfflineAudioContext(1, 1, RATE);
    samples = (await context.decodeAudioData(await blob.arrayBuffer())).getChannelData(0);
  } catch {
    return { reason: "unreadable" };
  }
  const peaks = await work({ samples, bars: BARS }, [samples.buffer], signal);
  return peaks ? { peaks: scaled(peaks) } : { reason: "unreadable" };
}

function work(message, transfer, signal) {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./peaks-worker.js", import.meta.url), { type: "module" });
    const end = (settle, value) => {
      worker.terminate();
      settle(value);
    };
    worker.onmessage = ({ data }) => end(resolve, data.peaks);
    worker.onerror = () => end(resolve, null);
    signal.addEventListener("abort", () => end(reject, signal.reason));
    worker.postMessage(message, transfer);
  });
}

/** Quiet recordings fill the height too. */
function scaled(peaks) {
  const highest = peaks.reduce((most, peak) => Math.max(most, peak), 0.02);
  return peaks.map((peak) => Math.sqrt(peak / highest));
}
