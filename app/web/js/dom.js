/** Short ways to find and make elements, and the one region that tells what happened. */

export const byId = (id) => {
  const found = document.getElementById(id);
  if (!found) throw new Error(`There is no element ${id}.`);
  return found;
};

/** Make an element; properties are set as they are, `class`, `aria-…` and `data-…` as attributes. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Put options [value, label] into a select, keeping what is chosen where it is still there. */
export function fillSelect(select, options, chosen = select.value) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value, textContent: text })));
  select.value = options.some(([value]) => value === chosen) ? chosen : (options[0]?.[0] ?? "");
}

/** Returns a function that has screen readers say something once, also twice the same. */
export function makeAnnouncer(region) {
  return (text) => {
    region.textContent = "";
    // A region that is filled in the same moment as it is emptied is not read again.
    setTimeout(() => (region.textContent = text), 60);
  };
}

/** Give a file to the browser to keep. */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it after the click returns.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Empty a canvas, as sharp as the screen is. @returns {context, width, height} in CSS pixels */
export function blank(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return { context, width, height };
}

/** Seconds as a clock: 0:07, 12:30, 1:02:03. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60];
  const hours = Math.floor(whole / 3600);
  if (hours) parts.unshift(hours);
  return parts.map((part, index) => (index ? String(part).padStart(2, "0") : String(part))).join(":");
}
