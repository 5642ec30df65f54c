/** The card: what was heard where, how fast, how sure and why. Its parts are the modules beside it. */

import { EDITOR } from "./editor.js";
import { Feed } from "./feed.js";
import { formats } from "./format.js";
import { checked } from "./settings.js";
import "./strategy.js";
import { cardStyle } from "./style.js";
import { inEnglish, textsOf } from "./texts.js";
import { isOver } from "./turns.js";
import * as views from "./views.js";

const TYPE = "edge-voice-card";
/** Errors of the subscription that have a sentence of their own here. */
const KNOWN_ERRORS = { unknown_command: "not_set_up", no_entry: "not_set_up", several_entries: "choose", entry_not_found: "gone" };

const SKELETON = `<style>${cardStyle}</style><ha-card><div class="page">
  <header><h2></h2><span class="mode" role="status"></span></header>
  <div class="said" role="alert" hidden></div>
  <div class="empty" hidden></div>
  <dl class="figures" data-part="figures"></dl>
  <section data-part="turns"><h3></h3><p class="hint"></p><div class="axis-row"></div><ol></ol><ul class="legend"></ul></section>
  <section data-part="escalation"><h3></h3><div class="body"></div></section>
  <section data-part="destinations"><h3></h3><div class="body"></div></section>
</div></ha-card>`;

class EdgeVoiceCard extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).innerHTML = SKELETON;
    this._say = inEnglish;
    this._feed = new Feed(() => this._draw());
    this._rows = new Map();
    this._open = null;
    this.shadowRoot.querySelector("ol").addEventListener("click", (event) => this._toggle(event));
    this.shadowRoot.querySelector("ol").addEventListener("keydown", (event) => this._step(event));
  }

  static getConfigElement() {
    return document.createElement(EDITOR);
  }

  static getStubConfig() {
    return {};
  }

  setConfig(config) {
    const settings = checked(config, this._say);
    const other = settings.entry_id !== this._settings?.entry_id || settings.days !== this._settings?.days;
    this._settings = settings;
    if (other && this._hass) this._listen();
    this._draw();
  }

  set hass(hass) {
    const before = this._hass;
    this._hass = hass;
    this._feed.hass = hass;
    const language = hass.locale?.language ?? hass.language;
    if (before === undefined) this._listen();
    if (language !== this._language || before?.locale !== hass.locale) this._speak(language);
  }

  connectedCallback() {
    if (this._hass) this._listen();
  }

  disconnectedCallback() {
    this._feed.stop();
  }

  getCardSize() {
    const parts = this._settings?.show ?? [];
    return 2 + (parts.includes("turns") ? (this._settings.turns * 3) / 4 + 2 : 0) + parts.length * 2;
  }

  getGridOptions() {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  _listen() {
    if (this._settings && this.isConnected) this._feed.start(this._hass, { entryId: this._settings.entry_id, days: this._settings.days });
  }

  async _speak(language) {
    this._language = language;
    this._as = formats(this._hass.locale ?? { language }, this._hass.config?.time_zone);
    this._say = await textsOf(language);
    this._draw();
  }

  /** What the views need beside the state. */
  get _words() {
    return {
      say: this._say,
      as: (this._as ??= formats({ language: this._language })),
      now: Date.now(),
      rightToLeft: getComputedStyle(this).direction === "rtl",
      satelliteName: (id) => this._hass?.states?.[id]?.attributes?.friendly_name ?? id,
    };
  }

  _draw() {
    if (!this._settings) return;
    const words = this._words;
    const state = { ...this._feed.state, days: this._settings.days };
    this.shadowRoot.querySelector(".page").dir = words.rightToLeft ? "rtl" : "ltr";
    write(this._find("h2"), this._settings.title ?? state.overview?.title ?? words.say("name"));
    this._drawNotice(state, words);
    const has = state.overview !== null && state.turns.length > 0;
    for (const part of ["figures", "turns", "escalation", "destinations"]) {
      this._find(`[data-part="${part}"]`).hidden = !has || !this._settings.show.includes(part);
    }
    if (!has) return;
    markup(this._find(".figures"), views.figuresView(state, words));
    this._drawTurns(state.turns.slice(0, this._settings.turns), words);
    this._drawSection("escalation", views.escalationView(state, words));
    this._drawSection("destinations", views.destinationsView(state, words));
  }

  /** Draw what is wrong, what is not there yet, and the mode. */
  _drawNotice({ overview, turns, error }, words) {
    const mode = this._find(".mode");
    const notice = error
      ? { text: words.say(KNOWN_ERRORS[error.code] ?? "failed_to_load", { message: error.message }), bad: true }
      : overview && views.noticeOf({ overview }, words);
    const said = this._find(".said");
    said.hidden = !notice;
    said.classList.toggle("bad", Boolean(notice?.bad));
    write(said, notice?.text ?? "");
    const empty = this._find(".empty");
    empty.hidden = turns.length > 0 || Boolean(error) || (overview !== null && overview.state !== "loaded");
    write(empty, words.say(overview === null ? "loading" : "empty"));
    mode.hidden = overview === null || Boolean(error);
    if (mode.hidden) return;
    const { name, look } = views.modeOf({ overview }, words);
    mode.className = `mode ${look}`;
    write(mode, name);
  }

  _drawSection(part, html) {
    write(this._find(`[data-part="${part}"] h3`), this._say(`${part}_title`));
    markup(this._find(`[data-part="${part}"] .body`), html);
  }

  /** Draw the turns: a row stays the same element as long as its turn is shown, so that focus and unfolding stay. */
  _drawTurns(turns, words) {
    write(this._find('[data-part="turns"] h3'), words.say("turns_title"));
    write(this._find(".hint"), words.say("turns_hint"));
    const scaleMs = views.scaleOf(turns);
    markup(this._find(".axis-row"), views.axisView(scaleMs, words));
    markup(this._find(".legend"), views.legendView(turns, words));
    const list = this._find("ol");
    const first = this._rows.size === 0;
    const rows = new Map(turns.map((turn) => [turn.turn_id, this._rows.get(turn.turn_id) ?? newRow(turn.turn_id, !first)]));
    for (const [id, row] of this._rows) if (!rows.has(id)) row.remove();
    this._rows = rows;
    turns.forEach((turn, index) => {
      const row = rows.get(turn.turn_id);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
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

  _toggle(event) {
    const row = event.target.closest("li");
    if (!row || !event.target.closest("button")) return;
    this._open = this._open === row.dataset.turn ? null : row.dataset.turn;
    this._draw();
  }

  /** Arrow keys go from turn to turn, Escape folds. */
  _step(event) {
    const row = event.target.closest("li");
    const other = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
    if (other) {
      event.preventDefault();
      other.querySelector("button").focus();
    } else if (event.key === "Escape" && this._open !== null) {
      this._open = null;
      this._draw();
    }
  }

  _find(selector) {
    return this.shadowRoot.querySelector(selector);
  }
}

/** Set text where it is another: a screen reader would say it again. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const drawn = new WeakMap();

/** Set markup where it is another: what stays is not touched, so nothing flickers. */
function markup(element, html) {
  if (drawn.get(element) === html) return;
  drawn.set(element, html);
  element.innerHTML = html;
}

function newRow(id, isNew) {
  const row = document.createElement("li");
  row.dataset.turn = id;
  if (isNew) row.className = "new";
  row.innerHTML = '<button class="row" type="button" aria-expanded="false"></button><div class="why" role="region" hidden></div>';
  row.lastElementChild.id = `why-${id}`;
  row.firstElementChild.setAttribute("aria-controls", `why-${id}`);
  return row;
}

if (!customElements.get(TYPE)) {
  customElements.define(TYPE, EdgeVoiceCard);
  window.customCards = window.customCards ?? [];
  window.customCards.push({
    type: TYPE,
    name: inEnglish("name"),
    description: inEnglish("description"),
    preview: true,
    documentationURL: "https://github.com/edge-voice/edge-voice/blob/main/docs/dashboard.md",
  });
}
