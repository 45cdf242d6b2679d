/** WAV files: samples in, a file out; a file's head in, where its samples are out. */

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/** A WAV of 16-bit mono samples. @param parts blobs and Int16Arrays, in order */
export function wavOf(parts, rate) {
  const bytes = parts.reduce((sum, part) => sum + (part.size ?? part.byteLength), 0);
  const view = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
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
 * Where the samples of a WAV are, from its first bytes.
 * @returns {offset, bytes, channels, read(view, at) -> -1..1, width} or null where it is another file
 */
export function readWavHead(buffer, fileBytes) {
  const view = new DataView(buffer);
  const text = (at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (buffer.byteLength < 44 || text(0) !== "RIFF" || text(8) !== "WAVE") return null;
  let form = null;
  for (let at = 12; at + 8 <= buffer.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    if (text(at) === "fmt " && at + 24 <= buffer.byteLength) form = readForm(view, at + 8);
    if (text(at) === "data") {
      // Recorders that were stopped hard leave a length of 0 or of everything.
      const bytes = Math.min(size || fileBytes, fileBytes - at - 8);
      return form && { ...form, offset: at + 8, bytes };
    }
    at += 8 + size + (size % 2);
  }
  return null;
}

function readForm(view, at) {
  let kind = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const bits = view.getUint16(at + 14, true);
  if (kind === EXTENSIBLE && view.byteLength > at + 26) kind = view.getUint16(at + 24, true);
  const read = {
    [`${PCM}/16`]: (samples, i) => samples.getInt16(i, true) / 32768,
    [`${PCM}/24`]: (samples, i) => samples.getInt8(i + 2) / 128,
    [`${PCM}/32`]: (samples, i) => samples.getInt32(i, true) / 2147483648,
    [`${FLOAT}/32`]: (samples, i) => samples.getFloat32(i, true),
  }[`${kind}/${bits}`];
  return read && channels ? { channels, width: bits / 8, read } : null;
}
