/** Turns of earlier: as the records have them, by page, language and satellite. */

import { escaped } from "./shared/charts.js";
import { markup } from "./shared/markup.js";
import { TurnList } from "./shared/turn_list.js";

const ROWS = 25;

const SKELETON = `<summary><h2>Earlier turns</h2></summary><p class="filters"><label>Language <select name="language"></select></label>
    <label>Satellite <select name="satellite"></select></label></p>
  <div class="axis-row"></div><ol></ol><ul class="legend"></ul><p class="empty" hidden>The records have none.</p>
  <p class="buttons"><button type="button" data-do="newest" hidden>Newest</button><button type="button" data-do="older" hidden>Older</button></p>`;

export class Older {
  /** Fill a `details`; nothing is asked for before it is opened. */
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._place = place;
    this._page = page;
    const find = (selector) => place.querySelector(selector);
    this._list = new TurnList({ list: find("ol"), axis: find(".axis-row"), legend: find(".legend") });
    this._language = find("[name=language]");
    this._satellite = find("[name=satellite]");
    place.addEventListener("toggle", () => place.open && this.refresh());
    place.addEventListener("change", () => this._turnTo(undefined));
    find("[data-do=older]").addEventListener("click", () => this._turnTo(this._records().at(-1)?.number));
    find("[data-do=newest]").addEventListener("click", () => this._turnTo(undefined));
  }

  refresh() {
    if (!this._place.open) return;
    const wanted = { limit: ROWS, before: this._before, language: this._language.value, satellite: this._satellite.value };
    const query = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    this._page.ask("records", `api/v1/records?${query}`);
  }

  draw({ status, past }, words) {
    if (!this._place.open || !past.records) return;
    markup(this._language, options("All", (status?.model.languages ?? []).map((one) => [one, words.as.language(one)]), this._language.value));
    markup(this._satellite, options("All", (status?.satellites ?? []).map(({ id }) => [id, words.satelliteName(id)]), this._satellite.value));
    const records = this._records();
    this._place.querySelector(".empty").hidden = records.length > 0;
    this._place.querySelector("[data-do=older]").hidden = records.length < ROWS;
    this._place.querySelector("[data-do=newest]").hidden = !this._before;
    this._list.draw(records.map(turnOf), { ...words, more: moreView });
  }

  _records() {
    return this._page.state.past.records?.records ?? [];
  }

  _turnTo(before) {
    this._before = before;
    this.refresh();
  }
}

function options(all, known, chosen) {
  return [["", all], ...known].map(([value, name]) => `<option value="${escaped(value)}"${value === chosen ? " selected" : ""}>${escaped(name)}</option>`).join("");
}

/** A record as a turn: what became of it stands where the hub's reason stands just after it was heard. */
function turnOf(record) {
  const known = [
    record.wrong && "said again or put right: it was probably wrong",
    record.disagreed && "a service understood something else",
    record.result === "no_intent" && "Home Assistant knew nothing to do with it",
    record.baseline && "heard while a baseline was recorded",
  ].filter(Boolean);
  return { ...record, turn_id: `record-${record.number}`, reason: known.join("; "), lanes: [] };
}

/** What was said, where it is kept: in words and as sound. */
export function moreView({ number, text, correction, recording }) {
  const said = [text && `“${text}”`, correction && `really said: “${correction}”`].filter(Boolean).join(" – ");
  const sound = recording ? `<audio controls preload="none" src="api/v1/records/${Number(number)}/recording" aria-label="The sound of this turn"></audio>` : "";
  return `${said ? `<p class="wide said-text">${escaped(said)}</p>` : ""}${sound ? `<p class="wide">${sound}</p>` : ""}`;
}
