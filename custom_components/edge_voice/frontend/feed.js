/** What the card knows: turns, overview and uploads, pushed by Home Assistant, and the recorder's statistics, asked for. */

import { pointsOfStatistics, withTurn } from "./turns.js";

const KEPT_TURNS = 50;
/** Statistics are made every five minutes and every hour. */
const STATISTICS_MS = 5 * 60 * 1000;
/** Home Assistant answers before its integrations do: a refused subscription is tried again, each time twice as late. */
const AGAIN_MS = 1000;
const LATEST_MS = 60 * 1000;

/** A live subscription; `changed` is called with nothing whenever `state` has become another. */
export class Feed {
  constructor(changed) {
    this.state = { overview: null, turns: [], ledger: null, statistics: null, error: null };
    this._changed = changed;
    this._generation = 0;
  }

  /** Listen to a hub through this connection until `stop`; entry and days are the card's settings. */
  async start(hass, { entryId, days }, againMs = AGAIN_MS) {
    this.stop();
    const mine = this._generation;
    this._hass = hass;
    const message = { type: "edge_voice/subscribe_turns", ...(entryId ? { entry_id: entryId } : {}) };
    try {
      const unsubscribe = await hass.connection.subscribeMessage((event) => this._take(mine, event), message);
      if (mine === this._generation) this._unsubscribe = unsubscribe;
      else unsubscribe();
      this._days = days;
      this._timer = mine === this._generation ? setInterval(() => this._ask(mine), STATISTICS_MS) : undefined;
    } catch (error) {
      if (mine !== this._generation) return;
      this._set({ error: { code: error.code ?? "unknown", key: error.translation_key ?? "", message: error.message ?? String(error) } });
      this._timer = setTimeout(() => this.start(this._hass, { entryId, days }, Math.min(2 * againMs, LATEST_MS)), againMs);
    }
  }

  /** The newest `hass`: states, for the unit of statistics. */
  set hass(hass) {
    this._hass = hass;
  }

  stop() {
    this._generation += 1;
    clearInterval(this._timer);
    clearTimeout(this._timer);
    // The connection may have gone with it.
    Promise.resolve(this._unsubscribe?.()).catch(() => {});
    this._unsubscribe = undefined;
  }

  _take(mine, { overview, turns, turn, ledger }) {
    if (mine !== this._generation) return;
    const before = this.state.overview;
    const changes = { error: null };
    // One that is not set up just now says little: what was known before stays in sight.
    if (overview) changes.overview = { ...before, ...overview };
    if (turns) changes.turns = turns;
    if (ledger) changes.ledger = ledger;
    if (turn) changes.turns = withTurn(this.state.turns, turn, KEPT_TURNS);
    this._set(changes);
    if (overview && overview.entities?.escalation_rate !== before?.entities?.escalation_rate) this._ask(mine);
  }

  _set(changes) {
    this.state = { ...this.state, ...changes };
    this._changed();
  }

  /** Ask for the escalation rate's statistics; a home without recorder, or without that sensor, has none. */
  async _ask(mine) {
    const entity = this.state.overview?.entities?.escalation_rate;
    const start = new Date(Date.now() - (this._days ?? 7) * 24 * 3600 * 1000);
    let statistics = null;
    if (entity) {
      try {
        const found = await this._hass.callWS({
          type: "recorder/statistics_during_period",
          start_time: start.toISOString(),
          statistic_ids: [entity],
          period: (this._days ?? 7) <= 2 ? "5minute" : "hour",
          types: ["mean"],
        });
        const unit = this._hass.states?.[entity]?.attributes?.unit_of_measurement;
        statistics = pointsOfStatistics(found[entity] ?? [], unit === "%");
      } catch {
        statistics = null;
      }
    }
    if (mine === this._generation) this._set({ statistics });
  }
}
