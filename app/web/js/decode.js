/** Decodes recordings that are no WAV, by the browser. */

// A browser decodes the whole of a compressed file into memory: 48 kHz stereo is 23 MB a minute.
const MAX_SECONDS = 20 * 60;
const MAX_BYTES = 80 << 20;

/**
 * The samples of a recording, or the reason why they are not to be had.
 * @param {Blob} blob
 * @param {number} duration of the recording in seconds.
 * @param {number} rate of the samples in Hz.
 * @returns {Promise<AudioBuffer | "long" | "unreadable">}
 */
export async function decode(blob, duration, rate) {
  if (duration > MAX_SECONDS || blob.size > MAX_BYTES) return "long";
  try {
    return await new OfflineAudioContext(1, 1, rate).decodeAudioData(await blob.arrayBuffer());
  } catch {
    return "unreadable";
  }
}
