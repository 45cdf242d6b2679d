/**
 * The service: requests in, answers or an `ApiError` with the service's own words out.
 *
 * Addresses are relative to the page, so that it works under any path of a proxy.
 */

export class ApiError extends Error {
  /** `code` is the service's, or `unreachable` or `cancelled`; `retryAfter` is in seconds. */
  constructor(message, { status = 0, code = "other", param = null, requestId = null, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { status, code, param, requestId, retryAfter });
  }
}

/**
 * What to show for anything that was thrown: an `ApiError` as it is; any other error is a fault of
 * the page or the browser, which is reported to the console and becomes an `ApiError` of code
 * `other`. Every `catch` around a request goes through here, so that no part of the page waits for
 * an answer that will not come.
 */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  reportError(error);
  return new ApiError(String(error));
}

export class Api {
  #keys;

  /** @param keys a `KeyRing`, asked where the service wants a key. */
  constructor(keys) {
    this.#keys = keys;
  }

  /** What runs: {state, reason, version, models, queue}. */
  health() {
    return this.#send("GET", "health", { open: true });
  }

  /** How far a request is: {running, done, windows}. */
  progress(requestId) {
    return this.#send("GET", `progress/${encodeURIComponent(requestId)}`, { quiet: true });
  }

  /** Transcribe a file; `onUpload` is told the share that is sent. */
  transcribe(file, name, choices, { signal, onUpload, requestId }) {
    return this.#send("POST", "transcribe", { body: form(file, name, choices), signal, onUpload, requestId });
  }

  /** Find the words of a text in a file. */
  align(file, name, text, choices, { signal, onUpload, requestId } = {}) {
    return this.#send("POST", "align", { body: form(file, name, { text, ...choices }), signal, onUpload, requestId });
  }

  /** A transcript in another format, as a blob. */
  render(transcript, options) {
    return this.#send("POST", `render?${new URLSearchParams(options)}`, {
      body: JSON.stringify(transcript),
      headers: { "content-type": "application/json" },
      as: "blob",
    });
  }

  /** Open a live transcription. */
  live(parameters) {
    const url = new URL(`stream?${new URLSearchParams(parameters)}`, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url, ["nordlyd", ...this.#keys.protocols()]);
  }

  async #send(method, path, options) {
    for (let asked = false; ; asked = true) {
      try {
        return await request(method, path, { ...options, key: options.open ? null : this.#keys.header() });
      } catch (error) {
        const wanted = error instanceof ApiError && error.status === 401 && !options.open && !options.quiet;
        if (!wanted || !(await this.#keys.ask({ wrong: asked || this.#keys.known }))) throw error;
      }
    }
  }
}

function form(file, name, fields) {
  const data = new FormData();
  for (const [field, value] of Object.entries(fields)) {
    if (value !== "" && value !== null && value !== undefined) data.append(field, String(value));
  }
  // Last, so that the service has read every choice before the long part comes.
  data.append("file", file, name);
  return data;
}

/** One exchange. XMLHttpRequest, because fetch does not tell how much of a body is sent. */
function request(method, path, { body, headers = {}, key, signal, onUpload, requestId, as = "json" }) {
  return new Promise((resolve, reject) => {
    const cancelled = () => new ApiError("Cancelled.", { code: "cancelled" });
    if (signal?.aborted) return reject(cancelled());
    const xhr = new XMLHttpRequest();
    xhr.open(method, new URL(path, document.baseURI));
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (key) xhr.setRequestHeader("authorization", key);
    if (requestId) xhr.setRequestHeader("x-request-id", requestId);
    if (onUpload) {
      xhr.upload.onprogress = (event) => onUpload(event.lengthComputable ? event.loaded / event.total : 0);
      xhr.upload.onload = () => onUpload(1);
    }
    xhr.responseType = "blob";
    const abort = () => xhr.abort();
    signal?.addEventListener("abort", abort);
    xhr.onloadend = () => signal?.removeEventListener("abort", abort);
    xhr.onabort = () => reject(cancelled());
    xhr.onerror = () => reject(new ApiError("The service did not answer.", { code: "unreachable" }));
    xhr.onload = async () => {
      try {
        if (xhr.status >= 400) throw await asError(xhr);
        resolve(as === "blob" ? xhr.response : JSON.parse(await xhr.response.text()));
      } catch (error) {
        reject(error instanceof ApiError ? error : new ApiError(String(error), { status: xhr.status }));
      }
    };
    xhr.send(body);
  });
}

async function asError(xhr) {
  const text = await xhr.response.text();
  const facts = {
    status: xhr.status,
    requestId: xhr.getResponseHeader("x-request-id"),
    retryAfter: Number(xhr.getResponseHeader("retry-after")) || null,
  };
  try {
    const { message, code, param } = JSON.parse(text).error;
    return new ApiError(message, { ...facts, code, param });
  } catch {
    // A proxy in between answered in words of its own.
    return new ApiError(`${xhr.status} ${xhr.statusText}`, { ...facts, code: xhr.status === 413 ? "too_large" : "other" });
  }
}
