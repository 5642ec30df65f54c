/** The card: what was heard where, how fast, how sure and why. Its parts are the modules beside it. */

import { EDITOR } from "./editor.js";
import { Feed } from "./feed.js";
import { formats } from "./format.js";
import { markup, write } from "./markup.js";
import { checked, PARTS } from "./settings.js";
import "./strategy.js";
import { cardStyle } from "./style.js";
import { inEnglish, textsOf } from "./texts.js";
import { TurnList } from "./turn_list.js";
import * as views from "./views.js";

const TYPE = "edge-voice-card";
/** Errors of the subscription that have a sentence of their own here. */
const KNOWN_ERRORS = { unknown_command: "not_set_up", no_entry: "not_set_up", several_entries: "choose", entry_not_found: "gone" };

const SKELETON = `<style>${cardStyle}</style><ha-card><div class="page">
  <header><h2></h2><span class="mode" role="status"></span></header>
  <div class="said" role="alert" hidden></div>
  <p class="waits" hidden></p>
  <div class="empty" hidden></div>
  <dl class="figures" data-part="figures"></dl>
  <section data-part="turns"><h3></h3><p class="hint"></p><div class="axis-row"></div><ol></ol><ul class="legend"></ul></section>
  <section data-part="escalation"><h3></h3><div class="body"></div></section>
  <section data-part="destinations"><h3></h3><div class="body"></div></section>
  <section data-part="uploads"><h3></h3><div class="body"></div></section>
</div></ha-card>`;

class EdgeVoiceCard extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: "open" }).innerHTML = SKELETON;
    this._say = inEnglish;
    this._feed = new Feed(() => this._draw());
    this._turns = new TurnList({ list: this._find("ol"), axis: this._find(".axis-row"), legend: this._find(".legend") });
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
    for (const part of PARTS) {
      this._find(`[data-part="${part}"]`).hidden = !has || !this._settings.show.includes(part);
    }
    if (!has) return;
    markup(this._find(".figures"), views.figuresView(state, words));
    write(this._find('[data-part="turns"] h3'), words.say("turns_title"));
    write(this._find(".hint"), words.say("turns_hint"));
    this._turns.draw(state.turns.slice(0, this._settings.turns), words);
    this._drawSection("escalation", views.escalationView(state, words));
    this._drawSection("destinations", views.destinationsView(state, words));
    // A home that has never asked a service beyond itself is not told of uploads.
    const { ledger } = state;
    if (ledger === null || (ledger.rows.length === 0 && state.overview.lanes.length === 0)) this._find('[data-part="uploads"]').hidden = true;
    else this._drawSection("uploads", views.uploadsView(state, words));
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
    const waits = overview && !error ? views.waitsOf({ overview }, words) : "";
    this._find(".waits").hidden = !waits;
    write(this._find(".waits"), waits);
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

  _find(selector) {
    return this.shadowRoot.querySelector(selector);
  }
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
