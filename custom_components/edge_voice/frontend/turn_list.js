/** Turns as a list of waterfalls that unfold: a row stays the same element as long as its turn is shown. */

import { markup } from "./markup.js";
import { isOver } from "./turns.js";
import * as views from "./views.js";

export class TurnList {
  /** Draw into these elements: an `ol`, and where the scale and the meaning of the colours belong. */
  constructor({ list, axis, legend }) {
    this._list = list;
    this._axis = axis;
    this._legend = legend;
    this._rows = new Map();
    this._open = null;
    this._shown = [[], null];
    list.addEventListener("click", (event) => this._toggle(event));
    list.addEventListener("keydown", (event) => this._step(event));
  }

  /** Draw these turns; focus and unfolding stay. */
  draw(turns, words) {
    this._shown = [turns, words];
    const scaleMs = views.scaleOf(turns);
    markup(this._axis, views.axisView(scaleMs, words));
    markup(this._legend, views.legendView(turns, words));
    const first = this._rows.size === 0;
    const rows = new Map(turns.map((turn) => [turn.turn_id, this._rows.get(turn.turn_id) ?? newRow(turn.turn_id, !first)]));
    for (const [id, row] of this._rows) if (!rows.has(id)) row.remove();
    this._rows = rows;
    turns.forEach((turn, index) => {
      const row = rows.get(turn.turn_id);
      if (this._list.children[index] !== row) this._list.insertBefore(row, this._list.children[index] ?? null);
      this._drawRow(row, turn, scaleMs, words);
    });
  }

  _drawRow(row, turn, scaleMs, words) {
    const [button, why] = row.children;
    const open = this._open === turn.turn_id;
    button.setAttribute("aria-expanded", String(open));
    row.classList.toggle("over", isOver(turn));
    markup(button, views.rowView(turn, scaleMs, words));
    why.hidden = !open;
    if (open) markup(why, views.whyView(turn, words));
  }

  _unfold(id) {
    this._open = id;
    this.draw(...this._shown);
  }

  _toggle(event) {
    const row = event.target.closest("li");
    if (!row || !event.target.closest("button.row")) return;
    this._unfold(this._open === row.dataset.turn ? null : row.dataset.turn);
  }

  /** Arrow keys go from turn to turn, Escape folds. */
  _step(event) {
    const row = event.target.closest("li");
    const other = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
    if (other) {
      event.preventDefault();
      other.querySelector("button").focus();
    } else if (event.key === "Escape" && this._open !== null) {
      this._unfold(null);
    }
  }
}

function newRow(id, isNew) {
  const row = document.createElement("li");
  row.dataset.turn = id;
  if (isNew) row.className = "new";
  row.innerHTML = '<button class="row" type="button" aria-expanded="false"></button><div class="why" hidden></div>';
  row.lastElementChild.id = `why-${id}`;
  row.firstElementChild.setAttribute("aria-controls", `why-${id}`);
  return row;
}
