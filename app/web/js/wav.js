/** Writes WAV files, and finds the samples in a file from its header. */

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** So many bytes have the header of any WAV, up to its samples. */
export const HEAD_BYTES = 65_536;

/**
 * A WAV of 16-bit mono samples.
 * @param {(Blob | Int16Array<ArrayBuffer>)[]} parts in order.
 * @param {number} rate in Hz.
 */
export function wavOf(parts, rate) {
  const bytes = parts.reduce((sum, part) => sum + (part instanceof Blob ? part.size : part.byteLength), 0);
  const view = new DataView(new ArrayBuffer(44));
  const text = (/** @type {number} */ at, /** @type {string} */ letters) =>
    new TextEncoder().encode(letters).forEach((byte, i) => view.setUint8(at + i, byte));
  text(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, bytes, true);
  return new Blob([view, ...parts], { type: "audio/wav" });
}

/**
 * How to read one sample; `width` is in bytes, `rate` in Hz, and `read` returns a value in -1..1.
 * @typedef {{channels: number, width: number, rate: number, read: (view: DataView, at: number) => number}} Format
 */

/** A format, and where the samples are in the file, in bytes. @typedef {Format & {offset: number, bytes: number}} WavHead */

/**
 * Finds the samples of a WAV in its first bytes.
 * @param {ArrayBuffer} buffer
 * @param {number} fileBytes size of the whole file.
 * @returns {WavHead | null} null where it is another kind of file.
 */
export function readWavHead(buffer, fileBytes) {
  const view = new DataView(buffer);
  const text = (/** @type {number} */ at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (buffer.byteLength < 44 || text(0) !== "RIFF" || text(8) !== "WAVE") return null;
  /** @type {Format | null} */
  let format = null;
  for (let at = 12; at + 8 <= buffer.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (text(at) === "fmt " && at + 24 <= buffer.byteLength) format = readFormat(view, at + 8);
    if (text(at) === "data") {
      // Recorders that were killed leave a length of 0 or of everything.
      const bytes = Math.min(size || fileBytes, fileBytes - at - 8);
      return format && { ...format, offset: at + 8, bytes };
    }
    at += 8 + size + (size % 2);
  }
  return null;
}

/**
 * @param {DataView} view
 * @param {number} at offset of the chunk's contents.
 * @returns {Format | null}
 */
function readFormat(view, at) {
  let kind = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const rate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  if (kind === EXTENSIBLE && view.byteLength > at + 26) kind = view.getUint16(at + 24, true);
  /** @type {Record<string, Format["read"] | undefined>} */
  const readers = {
    [`${PCM}/16`]: (samples, i) => samples.getInt16(i, true) / 32768,
    [`${PCM}/24`]: (samples, i) => samples.getInt8(i + 2) / 128,
    [`${PCM}/32`]: (samples, i) => samples.getInt32(i, true) / 2147483648,
    [`${FLOAT}/32`]: (samples, i) => samples.getFloat32(i, true),
  };
  const read = readers[`${kind}/${bits}`];
  return read && channels && rate ? { channels, width: bits / 8, rate, read } : null;
}
