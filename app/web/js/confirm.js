/** The dialog before something is erased for good. */

import { byId } from "./dom.js";

/**
 * Requests the person's consent; closing the dialog withholds it.
 * @param {import("./i18n.js").Translator} i18n
 * @param {{title: string, text: string, name: string}} options messages of the title and the text,
 *     and the name of what is erased.
 * @returns {Promise<boolean>}
 */
export function confirmErasure(i18n, { title, text, name }) {
  const dialog = byId("erase-dialog", HTMLDialogElement);
  i18n.setText(byId("erase-title"), title);
  i18n.setText(byId("erase-text"), text, { name });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "erase");
  });
}
