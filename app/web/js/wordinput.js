/** Corrects one word where it stands: an input takes its place until Enter, Esc, or another focus. */

import { make } from "./dom.js";

/**
 * @param {HTMLElement} span of the word; it comes back when the input is closed.
 * @param {string} text
 * @param {object} options
 * @param {string} options.label
 * @param {(text: string | null, by: "key" | "focus") => void} options.onEnd called once, with null
 *     where the word stays as it was.
 * @returns closes the input and drops what was typed.
 */
export function correctInPlace(span, text, { label, onEnd }) {
  const input = make("input", { type: "text", class: "word-input", value: text, spellcheck: true, "aria-label": label });
  let open = true;
  const end = (/** @type {string | null} */ written, /** @type {"key" | "focus"} */ by) => {
    // Taking the input away moves the focus, which would end it again.
    if (!open) return;
    open = false;
    input.replaceWith(span);
    onEnd(written === text ? null : written, by);
  };
  // Browsers that cannot size a field by its content.
  const grow = () => (input.size = Math.max(2, input.value.length));
  input.addEventListener("input", grow);
  input.addEventListener("blur", () => end(input.value, "focus"));
  input.addEventListener("keydown", (event) => {
    // Enter also ends the composition of a letter.
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.preventDefault();
    event.stopPropagation();
    end(event.key === "Enter" ? input.value : null, "key");
  });
  grow();
  span.replaceWith(input);
  input.focus();
  input.select();
  return () => end(null, "focus");
}
