/** Cuts a piece out of a recording. */

import { decode } from "./decode.js";
import { HEAD_BYTES, readWavHead, wavOf } from "./wav.js";

const RATE = 16_000;

/**
 * A piece of a recording, its channels mixed, as a WAV.
 * @param {Blob} blob
 * @param {{start: number, end: number, duration: number}} times of the piece, and the length of the
 *     recording, in seconds.
 * @returns {Promise<Blob | null>} null where the browser cannot decode the recording.
 */
export async function cut(blob, { start, end, duration }) {
  const head = readWavHead(await blob.slice(0, HEAD_BYTES).arrayBuffer(), blob.size);
  if (head) return cutWav(blob, head, start, end);
  const decoded = await decode(blob, duration, RATE);
  if (typeof decoded === "string") return null;
  const channels = Array.from({ length: decoded.numberOfChannels }, (_, channel) => decoded.getChannelData(channel));
  const first = Math.min(decoded.length, Math.round(start * RATE));
  const length = Math.min(decoded.length, Math.round(end * RATE)) - first;
  return mixed(length, channels.length, RATE, (i, channel) => channels[channel][first + i]);
}

/**
 * Reads only the piece: hours of WAV need not be in memory.
 * @param {Blob} blob
 * @param {import("./wav.js").WavHead} head
 * @param {number} start in seconds.
 * @param {number} end in seconds.
 */
async function cutWav(blob, { offset, bytes, channels, width, rate, read }, start, end) {
  const frame = width * channels;
  const frames = Math.floor(bytes / frame);
  const first = Math.min(frames, Math.round(start * rate));
  const past = Math.min(frames, Math.round(end * rate));
  const view = new DataView(await blob.slice(offset + first * frame, offset + past * frame).arrayBuffer());
  return mixed(past - first, channels, rate, (i, channel) => read(view, i * frame + channel * width));
}

/**
 * @param {number} length in samples.
 * @param {number} channels
 * @param {number} rate in Hz.
 * @param {(i: number, channel: number) => number} sample returns one of a channel, in -1..1.
 */
function mixed(length, channels, rate, sample) {
  const samples = new Int16Array(length);
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += sample(i, channel);
    samples[i] = Math.round(Math.max(-1, Math.min(1, sum / channels)) * 32_767);
  }
  return wavOf([samples], rate);
}
