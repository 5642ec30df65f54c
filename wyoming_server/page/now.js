/** At a glance: the turn that was just heard, and an answer to each question that an owner has. */

import { moreView, Older } from "./older.js";
import { escaped, interval, spark, waterfall } from "./shared/charts.js";
import { markup, write } from "./shared/markup.js";
import { TurnList } from "./shared/turn_list.js";
import { BUDGET_MS, isOver, STAGES, stageMs, totalMs } from "./shared/turns.js";
import { outcome } from "./shared/views.js";
import { Waiting } from "./waiting.js";

const SHOWN_TURNS = 12;
const DAY_HOURS = 24;
const WEEK_HOURS = 7 * 24;

const SKELETON = `<h1 class="unseen">Now</h1>
  <section class="card hero" aria-label="The last turn"></section>
  <div class="tiles"></div>
  <section class="card requests" aria-labelledby="requests-title" hidden></section>
  <section class="card turns" aria-labelledby="turns-title"><h2 id="turns-title">Latest turns</h2><p class="hint"></p>
    <p class="asking" role="status"></p><div class="axis-row"></div><ol></ol><ul class="legend"></ul></section>
  <details class="card older"></details>`;

export class Now {
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._page = page;
    this._hero = place.querySelector(".hero");
    this._tiles = place.querySelector(".tiles");
    this._turns = place.querySelector(".turns");
    const [list, axis, legend] = ["ol", ".axis-row", ".legend"].map((one) => this._turns.querySelector(one));
    this._list = new TurnList({ list, axis, legend });
    this._waiting = new Waiting(place.querySelector(".requests"), page);
    this._older = new Older(place.querySelector(".older"), page);
  }

  refresh() {
    this._page.ask("day", `api/v1/history?hours=${DAY_HOURS}`);
    this._page.ask("week", `api/v1/history?hours=${WEEK_HOURS}`);
    this._page.ask("ledger", "api/v1/ledger?limit=25");
    this._older.refresh();
    this._waiting.refresh();
  }

  heard({ type }) {
    if (type === "queue") this._waiting.refresh();
  }

  draw(state, words) {
    markup(this._hero, heroView(state, words));
    if (state.status) markup(this._tiles, tilesView(state, words));
    write(this._turns.querySelector(".hint"), words.say("turns_hint"));
    write(this._turns.querySelector(".asking"), state.asking.map((one) => askingText(one, words)).join(" "));
    this._turns.hidden = state.turns.length === 0;
    if (state.turns.length > 0) this._list.draw(state.turns.slice(0, SHOWN_TURNS), { ...words, more: moreView });
    this._older.draw(state, words);
    this._waiting.draw(state, words);
  }
}

function askingText({ satellite, lane }, { satelliteName }) {
  return `${satelliteName(satellite) || "A satellite"} is asking ${lane} …`;
}

/** The last turn, large: what its time was spent on, beside the goal. */
function heroView({ turns, status }, words) {
  const { say, as, satelliteName, now } = words;
  const turn = turns.find((one) => totalMs(one) !== null) ?? status?.last_turn;
  if (!turn || totalMs(turn) === null) return `<p class="empty">${escaped(status ? say("empty") : "Asking the hub…")}</p>`;
  const total = totalMs(turn);
  const own = total - stageMs(turn, "cloud");
  const scaleMs = Math.max(BUDGET_MS * 1.25, Math.min(total, 4 * BUDGET_MS) * 1.02);
  const parts = STAGES.map(({ key }) => ({ kind: key, ms: stageMs(turn, key), title: `${stageName(say, key)}: ${as.ms(stageMs(turn, key))}` }));
  const label = `${as.ms(total)}: ${parts.filter(({ ms }) => ms >= 1).map(({ title }) => title).join(", ")}`;
  const spent = parts.filter(({ ms }) => ms >= 1)
    .map(({ kind, ms }) => `<li><span class="swatch ${kind}"></span>${escaped(stageName(say, kind))} <b>${escaped(as.ms(ms))}</b></li>`);
  const gap = Math.abs(BUDGET_MS - own);
  const verdict = isOver(turn) ? `${as.ms(gap)} over the goal` : `${as.ms(gap)} inside the goal`;
  const service = stageMs(turn, "cloud") > 0 ? ", without the service's time" : "";
  const goal = (100 * BUDGET_MS) / scaleMs;
  return `<div class="hero-head">
      <div><h2>${escaped(satelliteName(turn.satellite) || say("unknown_satellite"))}</h2>
        <p class="note">${escaped(as.moment(Date.parse(turn.at), now))} · ${escaped(outcome(turn, words))}</p></div>
      <p class="hero-total"><b>${escaped(as.number(total))}</b><span>ms</span></p>
    </div>
    ${waterfall({ parts, scaleMs, budgetMs: BUDGET_MS, label, height: 40 })}
    <svg class="ev goal" height="16" aria-hidden="true"><text x="0" y="12">your last word</text>
      <text x="${goal.toFixed(2)}%" y="12" text-anchor="middle">goal ${escaped(as.ms(BUDGET_MS))}</text></svg>
    <ul class="spent">${spent.join("")}</ul>
    <p class="verdict${isOver(turn) ? " over" : ""}">${escaped(verdict + service)}</p>`;
}

const stageName = (say, key) => say(key === "cloud" ? "cloud_stage" : key);

function tilesView(state, words) {
  return [speedTile, escalationTile, wrongTile, loadTile, uploadTile, costTile].map((tile) => tile(state, words)).join("");
}

/** A question, its answer in large, what is behind it, and a picture. */
function tile({ question, address, value, unit = "", below, picture = "", look = "" }) {
  return `<article class="card tile ${look}"><h2><a href="${address}">${escaped(question)}</a></h2>
    <p class="answer"><b>${escaped(value)}</b>${unit ? ` <span>${escaped(unit)}</span>` : ""}</p>
    <p class="note">${escaped(below)}</p><div class="picture">${picture}</div></article>`;
}

const pointsOf = (series, key) => (series?.points ?? []).map((point) => ({ at: Date.parse(point.at), value: point[key] }));

function speedTile({ status, past }, { as, say }) {
  const { p50, p95 } = status.figures.last_word_to_text_ms ?? {};
  const known = Number.isFinite(p50);
  const points = pointsOf(past.day, "last_word_to_text_p95_ms");
  return tile({
    question: "How fast is it?",
    address: "#/trends",
    value: known ? as.number(p50) : "–",
    unit: known ? "ms" : "",
    below: known ? `from your last word to the text; 19 of 20 within ${as.ms(p95)}` : say("median_none"),
    picture: spark({ points, limit: BUDGET_MS, kind: "inference", label: "The slowest twentieth over the last day, beside the goal" }),
    look: known && p95 > BUDGET_MS ? "odd" : "",
  });
}

function escalationTile({ status, past }, { as, say }) {
  const rate = status.figures.escalation_rate;
  const alarm = status.drift.alarms.find(({ metric }) => metric === "escalation");
  const points = (past.week?.points ?? []).filter(({ turns }) => turns > 0)
    .map((point) => ({ at: Date.parse(point.at), value: point.escalations / point.turns }));
  const known = Number.isFinite(rate);
  const learning = status.drift.state === "learning" ? `; ${as.number(status.drift.turns_to_go)} turns until it can tell a change` : "; no slow change";
  return tile({
    question: "How often does it ask for help?",
    address: "#/trends",
    value: known ? as.share(rate) : "–",
    unit: known ? "of turns" : "",
    below: alarm ? `creeping up: from ${as.share(alarm.before)} to ${as.share(alarm.now)}` : !known ? say("median_none") : `of the last ${as.number(status.figures.window_turns)} turns${learning}`,
    picture: spark({ points, kind: "cloud", label: "Share of turns that asked a service, last seven days" }),
    look: alarm ? "odd" : "",
  });
}

function wrongTile({ status }, { as }) {
  const known = status.disagreement.filter(({ value }) => Number.isFinite(value)).sort((one, other) => other.pairs - one.pairs).slice(0, 3);
  const most = Math.max(0.2, ...known.map(({ high, value }) => high ?? value));
  const lines = known.map(({ language, value, low, high }) => {
    const name = as.language(language);
    const label = `${name}: ${as.share(value)}, likely ${as.share(low ?? value)} to ${as.share(high ?? value)}`;
    return `<li><span>${escaped(name)}</span>${interval({ value, low: low ?? value, high: high ?? value, most, kind: "cloud", label })}<b>${escaped(as.share(value))}</b></li>`;
  });
  const [first] = known;
  const retries = Number.isFinite(status.figures.retry_rate) ? `${as.share(status.figures.retry_rate)} of turns are said again` : "";
  return tile({
    question: "How often is it wrong?",
    address: "#/trends",
    value: first ? as.share(first.value) : "–",
    unit: first ? `in ${as.language(first.language)}` : "",
    below: first ? ["where a service heard it, too, and understood something else", retries].filter(Boolean).join("; ") : ["no service was asked yet, so nobody can tell", retries].filter(Boolean).join("; "),
    picture: known.length > 1 ? `<ul class="intervals">${lines.join("")}</ul>` : "",
  });
}

function loadTile({ status, past }, { as }) {
  const { cpu_percent: cpu, memory_percent: memory, throttled, waiting, saturated, reason, decode_busy: busy } = status.resources;
  const calm = waiting > 0 ? `${as.number(waiting)} turns wait` : "nothing waits";
  const heat = throttled ? "; slowed because of heat or a weak supply" : "";
  return tile({
    question: "Is the hub straining?",
    address: "#/hub",
    value: saturated ? "Yes" : "No",
    below: saturated ? reason : `${calm}; processor ${as.number(cpu ?? 0)}%, memory ${as.number(memory ?? 0)}%, recogniser busy ${as.share(busy)}${heat}`,
    picture: spark({ points: pointsOf(past.day, "cpu_percent"), top: 100, kind: "hub", label: "Processor over the last day" }),
    look: saturated || throttled ? "odd" : "",
  });
}

function uploadTile({ status, past }, { as }) {
  const { seconds_today: today, seconds_this_month: month } = status.cloud;
  const lanes = (past.ledger?.this_month ?? []).filter(({ trust }) => trust === "cloud").map(({ lane }) => lane);
  const points = pointsOf(past.week, "cloud_seconds");
  const nothing = status.lanes.every(({ trust }) => trust !== "cloud") ? "no cloud service is set up" : "nothing this month";
  return tile({
    question: "What left my home?",
    address: "#/privacy",
    value: today > 0 ? as.seconds(today) : "Nothing",
    unit: today > 0 ? "s of speech today" : "today",
    below: month > 0 ? `${as.seconds(month)} s this month${lanes.length ? `, to ${lanes.join(" and ")}` : ""}` : nothing,
    picture: points.some(({ value }) => value > 0) ? spark({ points, kind: "cloud", label: "Seconds sent to services, last seven days" }) : "",
  });
}

function costTile({ status }, { as }) {
  const { cost_this_month: cost, currency, money_left_this_month: left, over_budget: over } = status.cloud;
  const capped = Number.isFinite(left);
  const whole = cost + (capped ? left : 0);
  const bar = capped && whole > 0
    ? `<svg class="ev bar" height="10" role="img" aria-label="${escaped(`${as.money(cost, currency)} of ${as.money(whole, currency)}`)}"><rect class="track" width="100%" height="10" rx="5"/>
      <rect class="${over ? "against" : "hub"}" width="${Math.min(100, (100 * cost) / whole).toFixed(2)}%" height="10" rx="5"/></svg>` : "";
  return tile({
    question: "What did it cost?",
    address: "#/privacy",
    value: as.money(cost, currency),
    unit: "this month",
    below: over ? "the cap is reached: nothing more is asked" : capped ? `of ${as.money(whole, currency)} that you allow` : "no cap is set",
    picture: bar,
    look: over ? "odd" : "",
  });
}
