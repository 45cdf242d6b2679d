/** The microphone: pieces of 16-bit mono PCM out, until it is closed. */

const WANTED_RATE = 16_000;
// The audio thread answers in milliseconds; one that was stopped by the system never does.
const FLUSH_MS = 1000;
const CAPTURE = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: true };

/** Why there is no microphone: `reason` is insecure, denied, none or failed. */
export class MicrophoneError extends Error {
  constructor(reason, cause) {
    super(reason, { cause });
    this.reason = reason;
  }
}

/**
 * Open the microphone; the browser asks the person.
 * @param onPiece called with an Int16Array, ten times a second.
 * @returns {rate, close()}; `close` resolves once the last piece is out, and never rejects
 */
export async function openMicrophone(onPiece) {
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new MicrophoneError("insecure");
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: CAPTURE });
  } catch (error) {
    const reason = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none" }[error.name];
    throw new MicrophoneError(reason ?? "failed", error);
  }
  let context;
  try {
    const wired = await wire(stream, onPiece);
    context = wired.context;
    return {
      rate: context.sampleRate,
      async close() {
        try {
          await wired.flush();
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

async function wire(stream, onPiece) {
  let context = new AudioContext({ sampleRate: WANTED_RATE });
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
  let flushed = () => {};
  node.port.onmessage = ({ data }) => (data ? onPiece(data) : flushed());
  // Silent, but a node that leads nowhere is not run.
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
