/** Decides which recordings are long, so that the page need not stay open for them. */

const LONG_SECONDS = 20 * 60;
/** No recording of a usual bit rate is long below this. */
const SHORT_BYTES = 1_000_000;
/** Where the browser cannot read the length: about 20 minutes of a video, or two hours of speech. */
const LONG_BYTES = 100_000_000;
const PATIENCE_MS = 3000;

/**
 * Whether a recording takes so long that it is better handed in.
 * @param {Blob} file
 */
export async function isLong(file) {
  if (file.size < SHORT_BYTES) return false;
  const seconds = await secondsOf(file);
  return seconds === null ? file.size > LONG_BYTES : seconds >= LONG_SECONDS;
}

/**
 * Length of a recording in seconds; null where the browser cannot read it.
 * @param {Blob} file
 * @returns {Promise<number | null>}
 */
function secondsOf(file) {
  const audio = new Audio();
  const url = URL.createObjectURL(file);
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      const { duration } = audio;
      audio.onloadedmetadata = audio.onerror = null;
      audio.removeAttribute("src");
      URL.revokeObjectURL(url);
      resolve(Number.isFinite(duration) ? duration : null);
    };
    const timer = setTimeout(finish, PATIENCE_MS);
    audio.preload = "metadata";
    audio.onloadedmetadata = audio.onerror = finish;
    audio.src = url;
  });
}
