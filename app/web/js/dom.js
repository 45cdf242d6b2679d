/** Short ways to find and make elements, and the region that screen readers announce. */

/**
 * The element of an id.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type] class that the element must be of.
 * @returns {T}
 */
export function byId(id, type = /** @type {any} */ (HTMLElement)) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`There is no ${type.name} ${id}.`);
  return found;
}

export const inputById = (/** @type {string} */ id) => byId(id, HTMLInputElement);
export const buttonById = (/** @type {string} */ id) => byId(id, HTMLButtonElement);
export const selectById = (/** @type {string} */ id) => byId(id, HTMLSelectElement);

/**
 * Make an element; properties are set as they are, `class`, `aria-…` and `data-…` as attributes.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} properties
 * @param {(Node | string)[]} children
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && !name.includes("-")) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Put options [value, label] into a select, keeping what is chosen where it is still there.
 * @param {HTMLSelectElement} select
 * @param {[value: string, label: string][]} options
 */
export function fillSelect(select, options, chosen = select.value) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, textContent: text })));
  select.value = options.some(([value]) => value === chosen) ? chosen : (options[0]?.[0] ?? "");
}

/**
 * Returns a function that makes screen readers announce a text once, also the same text twice.
 * @param {HTMLElement} region
 */
export function makeAnnouncer(region) {
  return (/** @type {string} */ text) => {
    region.textContent = "";
    // A region that is filled in the same moment as it is emptied is not read again.
    setTimeout(() => (region.textContent = text), 60);
  };
}

/**
 * Give a file to the browser as a download.
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it after the click returns.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Empty a canvas and size it to the screen's pixels; `width` and `height` are CSS pixels.
 * @param {HTMLCanvasElement} canvas
 */
export function clearCanvas(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser has no 2D canvas.");
  context.scale(scale, scale);
  return { context, width, height };
}

/**
 * Seconds as a clock: 0:07, 12:30, 1:02:03.
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  if (hours) parts.unshift(hours);
  return parts.map((part, index) => (index ? String(part).padStart(2, "0") : String(part))).join(":");
}
