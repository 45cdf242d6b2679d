/** The microphone: emits pieces of 16-bit mono PCM until it is closed. */

const PREFERRED_RATE = 16_000;
// The audio thread answers in milliseconds; one that was stopped by the system never does.
const FLUSH_MS = 1000;
const CAPTURE = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };

/** @type {Record<string, Reason>} */
const REASONS = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none" };

/** @typedef {"insecure" | "denied" | "none" | "failed"} Reason */

export class MicrophoneError extends Error {
  /**
   * @param {Reason} reason why there is no microphone.
   * @param {unknown} [cause]
   */
  constructor(reason, cause) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/**
 * An open microphone; `close` resolves once the last piece is out, and never rejects.
 * @typedef {{rate: number, close(): Promise<void>}} Microphone
 */

/**
 * Open the microphone, once the person permits it in the browser's dialog.
 * @param {(piece: Int16Array) => void} onPiece called ten times a second.
 * @returns {Promise<Microphone>}
 * @throws {MicrophoneError}
 */
export async function openMicrophone(onPiece) {
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new MicrophoneError("insecure");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: CAPTURE });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new MicrophoneError(REASONS[name] ?? "failed", error);
  }
  try {
    const { context, flush } = await connect(stream, onPiece);
    return {
      rate: context.sampleRate,
      async close() {
        try {
          await flush();
          stream.getTracks().forEach((track) => track.stop());
          await context.close();
        } catch (error) {
          // The device is gone or closed already; the recording so far is kept.
          reportError(error);
          stream.getTracks().forEach((track) => track.stop());
        }
      },
    };
  } catch (error) {
    stream.getTracks().forEach((track) => track.stop());
    throw new MicrophoneError("failed", error);
  }
}

/**
 * Connects a stream to the worklet that cuts it into pieces.
 * @param {MediaStream} stream
 * @param {(piece: Int16Array) => void} onPiece
 */
async function connect(stream, onPiece) {
  let context = new AudioContext({ sampleRate: PREFERRED_RATE });
  /** @type {MediaStreamAudioSourceNode} */
  let source;
  try {
    source = context.createMediaStreamSource(stream);
  } catch {
    // Some browsers do not resample between a stream and a context: the service does it then.
    await context.close();
    context = new AudioContext();
    source = context.createMediaStreamSource(stream);
  }
  await context.audioWorklet.addModule(new URL("./pcm-worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "pcm", { channelCount: 1, channelCountMode: "explicit" });
  /** @type {(value?: unknown) => void} */
  let flushed = () => {};
  node.port.onmessage = ({ data }) => (data ? onPiece(data) : flushed());
  // Silent, but a node without a destination is not run.
  source.connect(node).connect(context.destination);
  await context.resume();
  const flush = () =>
    new Promise((resolve) => {
      flushed = resolve;
      setTimeout(resolve, FLUSH_MS);
      source.disconnect();
      node.port.postMessage("flush");
    });
  return { context, flush };
}
