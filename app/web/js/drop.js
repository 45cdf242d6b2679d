/** Files that are dropped anywhere on the page, or chosen: calls back with a list of them. */

/**
 * @param {HTMLElement} zone marked while files are over the page.
 * @param {HTMLInputElement} input
 * @param {(files: File[]) => void} onFiles
 */
export function dropZone(zone, input, onFiles) {
  const pass = (/** @type {FileList | null} */ files) => {
    if (files?.length) onFiles([...files]);
  };
  const carriesFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const mark = (/** @type {boolean} */ over) => zone.toggleAttribute("data-over", over);
  window.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth++;
    mark(true);
  });
  window.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    mark(depth > 0);
  });
  // Everywhere, so that a file dropped beside the zone does not replace the page.
  window.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  window.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    mark(false);
    pass(event.dataTransfer?.files ?? null);
  });
  input.addEventListener("change", () => {
    pass(input.files);
    // So that the same file can be chosen again.
    input.value = "";
  });
}
