/** One exchange over HTTP: forms and requests in, answers or `ApiError`s out. */

/** @typedef {Record<string, string | number | boolean | null | undefined>} Parameters */

/**
 * @typedef {object} RequestOptions
 * @property {XMLHttpRequestBodyInit} [body]
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {(share: number) => void} [onUpload] called with the share of the body that is sent.
 * @property {string} [requestId]
 * @property {boolean} [open] whether the route needs no key.
 * @property {boolean} [quiet] whether a 401 fails without a dialog.
 * @property {"json" | "blob"} [as]
 */

export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {object} [facts]
   * @param {number} [facts.status] 0 where there was no answer.
   * @param {string} [facts.code] the service's, or `unreachable`, `cancelled` or `other`.
   * @param {string | null} [facts.param]
   * @param {string | null} [facts.requestId]
   * @param {number | null} [facts.retryAfter] in seconds.
   */
  constructor(message, { status = 0, code = "other", param = null, requestId = null, retryAfter = null } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }
}

/**
 * Turns anything that was thrown into an `ApiError` to show.
 *
 * Any other error is a fault of the page or the browser: it is reported to the console and becomes
 * an `ApiError` of code `other`. Every `catch` around a request calls this, so that no part of the
 * page waits for an answer for ever.
 * @param {unknown} error
 */
export function asApiError(error) {
  if (error instanceof ApiError) return error;
  reportError(error);
  return new ApiError(String(error));
}

/**
 * @param {Blob} file
 * @param {string} name
 * @param {Parameters} fields
 */
export function toForm(file, name, fields) {
  const data = new FormData();
  for (const [field, value] of Object.entries(fields)) {
    if (value !== "" && value !== null && value !== undefined) data.append(field, String(value));
  }
  // Last, so that the service has read every field before the long part.
  data.append("file", file, name);
  return data;
}

/**
 * One exchange, by XMLHttpRequest: fetch does not report how much of a body is sent.
 * @param {string} method
 * @param {string} path
 * @param {RequestOptions} options
 * @param {string | null} key value of the header `authorization`.
 * @returns {Promise<any>} the JSON of the answer, or a Blob.
 */
export function exchange(method, path, { body, headers = {}, signal, onUpload, requestId, as = "json" }, key) {
  return new Promise((resolve, reject) => {
    const cancelled = () => new ApiError("Cancelled.", { code: "cancelled" });
    if (signal?.aborted) {
      reject(cancelled());
      return;
    }
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
        if (xhr.status >= 400) throw await errorOf(xhr);
        resolve(as === "blob" ? xhr.response : JSON.parse(await xhr.response.text()));
      } catch (error) {
        reject(error instanceof ApiError ? error : new ApiError(String(error), { status: xhr.status }));
      }
    };
    xhr.send(body);
  });
}

/** @param {XMLHttpRequest} xhr */
async function errorOf(xhr) {
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
    // The answer of a proxy in between, which is not the service's JSON.
    return new ApiError(`${xhr.status} ${xhr.statusText}`, { ...facts, code: xhr.status === 413 ? "too_large" : "other" });
  }
}
