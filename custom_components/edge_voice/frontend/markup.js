/** Writing into a page only what is another than before: nothing flickers, and no screen reader says it again. */

/** Set text where it is another. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const drawn = new WeakMap();

/** Set markup where it is another; whether it was. */
export function markup(element, html) {
  if (drawn.get(element) === html) return false;
  drawn.set(element, html);
  element.innerHTML = html;
  return true;
}
