/** A question that must be answered before something is done for good. */

import { escaped } from "./shared/charts.js";

/** Ask; returns whether the action was chosen. Escape and the way out count as no. */
export function confirmed({ title, text, action }) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.setAttribute("aria-describedby", "dialog-text");
  dialog.innerHTML = `<form method="dialog"><h2 id="dialog-title">${escaped(title)}</h2><p id="dialog-text">${escaped(text)}</p>
    <p class="buttons"><button value="no" autofocus>Keep it</button><button value="yes" class="danger">${escaped(action)}</button></p></form>`;
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
