/** The hub itself: how hard it works, who speaks to it, whom it may ask, and what happened. */

import { ask } from "./api.js";
import { Plot } from "./plots.js";
import { escaped } from "./shared/charts.js";
import { markup, write } from "./shared/markup.js";

const HOURS = 24;
const LEVELS = { debug: "Everything", info: "Usual", warning: "Only warnings", error: "Only errors" };
const LANE_STATES = { ready: "ready", broken: "does not answer", "not-consented": "not consented to", capped: "cap reached", "wrong-language": "other languages" };
const SATELLITE_STATES = { good: "hears well", noisy: "noisy", text_only: "unusable" };
const KINDS = { mode: "Mode", drift: "Drift", queue: "Waiting request", bundle: "Model", lane: "Service", records: "Records", load: "Load", baseline: "Baseline" };

const SKELETON = `<h1>Hub</h1><div class="dials"></div>
  <div class="pair">
    <figure class="card plot" data-plot="load"></figure>
    <section class="card month" aria-labelledby="month-title"><h2 id="month-title">The month</h2><div class="body"></div></section>
  </div>
  <div class="pair">
    <section class="card" aria-labelledby="lanes-title"><h2 id="lanes-title">Whom it may ask</h2><div class="lanes"></div></section>
    <section class="card" aria-labelledby="satellites-title"><h2 id="satellites-title">Who speaks to it</h2><div class="satellites"></div></section>
  </div>
  <section class="card" aria-labelledby="incidents-title"><h2 id="incidents-title">What happened</h2><div class="incidents"></div></section>
  <section class="card server" aria-labelledby="server-title"><h2 id="server-title">Server</h2><div class="body"></div>
    <p class="setting"><label for="level">Log</label> <select id="level">${Object.entries(LEVELS).map(([level, name]) => `<option value="${level}">${name}</option>`).join("")}</select></p>
    <p class="told" role="status"></p><p class="buttons"><button type="button" class="out">Sign out of this browser</button></p></section>`;

export class Hub {
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._page = page;
    this._place = place;
    this._level = place.querySelector("select");
    this._level.addEventListener("change", () => this._choose());
    place.querySelector(".out").addEventListener("click", () => page.signOut());
    this._plot = new Plot(place.querySelector("[data-plot]"), {
      as: page.words.as, format: (value) => `${page.words.as.number(value)}%`, title: "Load over the last day", hint: "Each point is five minutes or more.", top: 100,
      lines: [{ label: "Processor", kind: "hub", shape: "area" }, { label: "Memory", kind: "inference" }, { label: "Recogniser", kind: "cloud", dash: [4, 3] }],
    });
  }

  refresh() {
    this._page.ask("day", `api/v1/history?hours=${HOURS}`);
    this._page.ask("incidents", "api/v1/incidents?limit=50");
  }

  close() {
    this._plot.close();
  }

  draw({ status, past, by }, words) {
    const find = (selector) => this._place.querySelector(selector);
    if (past.day) this._drawLoad(past.day.points);
    if (past.incidents) markup(find(".incidents"), incidentsView(past.incidents.incidents, words));
    find(".out").hidden = by !== "cookie";
    if (!status) return;
    markup(find(".dials"), dialsView(status.resources, words));
    markup(find(".month .body"), monthView(status, words));
    markup(find(".lanes"), lanesView(status.lanes, words));
    markup(find(".satellites"), satellitesView(status.satellites, words));
    markup(find(".server .body"), serverView(status, words));
    if (document.activeElement !== this._level) this._level.value = status.policy.log_level;
  }

  _drawLoad(points) {
    const column = (key, by = 1) => points.map((point) => (Number.isFinite(point[key]) ? by * point[key] : null));
    this._plot.draw(points.map(({ at }) => Date.parse(at)), [column("cpu_percent"), column("memory_percent"), column("decode_busy", 100)]);
  }

  async _choose() {
    const told = this._place.querySelector(".told");
    try {
      await ask("api/v1/policy", { method: "PUT", body: { log_level: this._level.value } });
      write(told, "The log follows from its next line on.");
    } catch (refusal) {
      write(told, refusal.message);
    }
  }
}

/** Half a circle that fills. */
function dial({ name, share, value, below, look = "" }) {
  const length = Math.PI * 42;
  const filled = Math.max(0, Math.min(1, share)) * length;
  return `<article class="card dial ${look}"><h2>${escaped(name)}</h2>
    <svg viewBox="0 0 100 56" role="img" aria-label="${escaped(`${name}: ${value}`)}"><path class="rest" d="M8 50 A42 42 0 0 1 92 50"/>
    <path class="filled" d="M8 50 A42 42 0 0 1 92 50" stroke-dasharray="${filled.toFixed(1)} ${(2 * length).toFixed(1)}"/>
    <text x="50" y="48" text-anchor="middle">${escaped(value)}</text></svg><p class="note">${escaped(below)}</p></article>`;
}

function dialsView({ cpu_percent: cpu, memory_percent: memory, memory_mb: own, throttled, decode_busy: busy, waiting, most_waiting: most, saturated }, { as }) {
  const percent = (value) => (Number.isFinite(value) ? `${as.number(value)}%` : "–");
  const heat = { true: "slowed because of heat or a weak supply", false: "at full speed" }[throttled] ?? "it does not tell its speed";
  return [
    dial({ name: "Processor", share: (cpu ?? 0) / 100, value: percent(cpu), below: heat, look: throttled ? "odd" : "" }),
    dial({ name: "Memory", share: (memory ?? 0) / 100, value: percent(memory), below: own === null ? "" : `${as.number(own)} MB are Edge Voice's` }),
    dial({ name: "Recogniser", share: busy, value: as.share(busy), below: "of the last minute", look: saturated ? "odd" : "" }),
    dial({ name: "Turns that wait", share: most > 0 ? waiting / most : 0, value: as.number(waiting), below: `of ${as.number(most)} at most`, look: saturated ? "odd" : "" }),
  ].join("");
}

function monthView({ scorecard, baseline }, { as }) {
  const running = baseline
    ? `<p>A baseline is being recorded: services answer everything until ${escaped(as.day(Date.parse(baseline.ends)))}. ${escaped(as.number(baseline.turns))} turns,
        ${escaped(as.seconds(baseline.seconds))} of ${escaped(as.seconds(baseline.seconds_cap))} s.</p><progress max="${baseline.seconds_cap}" value="${baseline.seconds}" aria-label="Baseline's seconds"></progress>` : "";
  const soFar = `<a class="button" href="scorecard?month=${new Date().toISOString().slice(0, 7)}" target="_blank" rel="noopener">This month so far</a>`;
  if (!scorecard) return `<p>The first scorecard comes when a month is over.</p><p class="buttons">${soFar}</p>${running}`;
  const rows = [
    ["Turns", as.number(scorecard.turns)],
    ["In the goal", Number.isFinite(scorecard.within_budget) ? as.share(scorecard.within_budget) : "–"],
    ["Asked for help", Number.isFinite(scorecard.escalation_rate) ? as.share(scorecard.escalation_rate) : "–"],
    ["19 of 20 within", Number.isFinite(scorecard.last_word_to_text_p95_ms) ? as.ms(scorecard.last_word_to_text_p95_ms) : "–"],
    ["To services", `${as.seconds(scorecard.cloud_seconds)} s, ${as.money(scorecard.cloud_cost, scorecard.currency)}`],
  ].map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`);
  const name = new Date(`${scorecard.month}-15`).toLocaleDateString("en", { month: "long", year: "numeric" });
  return `<p class="large">${escaped(name)}</p><dl class="facts">${rows.join("")}</dl>
    <p class="buttons"><a class="button" href="scorecard?month=${escaped(scorecard.month)}" target="_blank" rel="noopener">Open the scorecard</a>
    ${soFar}</p>${running}`;
}

function lanesView(lanes, { as }) {
  if (lanes.length === 0) return '<p class="empty">Nobody: every word stays on this machine.</p>';
  return `<ul class="list">${lanes.map((lane) => `<li><span class="dot ${lane.state === "ready" ? "" : "odd"}"></span><div><b>${escaped(lane.name)}</b>
    <small>${lane.trust === "cloud" ? "cloud" : "your own"} · ${escaped(LANE_STATES[lane.state] ?? lane.state)}${lane.consent ? ` · consent of ${escaped(as.day(Date.parse(lane.consent)))}` : ""}</small>
    ${lane.reason ? `<small>${escaped(lane.reason)}</small>` : ""}</div></li>`).join("")}</ul>`;
}

function satellitesView(satellites, words) {
  const { as, say, satelliteName } = words;
  if (satellites.length === 0) return '<p class="empty">No satellite has spoken yet.</p>';
  return `<ul class="list">${satellites.map((one) => {
    const { evidence } = one;
    const facts = [
      one.microphone_class && say(one.microphone_class, {}, one.microphone_class),
      Number.isFinite(evidence.snr_db) && `${as.decibels(evidence.snr_db)} over noise`,
      evidence.wakes > 0 && `${as.number(evidence.false_wakes)} of ${as.number(evidence.wakes)} wakes were false`,
    ].filter(Boolean).join(" · ");
    const since = one.since ? ` since ${as.moment(Date.parse(one.since), words.now)}` : "";
    const hint = [one.state !== "good" && one.reason && `${one.reason}.`, one.state !== "good" && one.ends, one.suggestion?.why].filter(Boolean).join(" ");
    return `<li><span class="dot ${one.state === "good" ? "" : "odd"}"></span><div><b>${escaped(satelliteName(one.id))}</b> <small>${escaped((SATELLITE_STATES[one.state] ?? one.state) + since)}</small>
      <small>${escaped(facts)}</small>${hint ? `<small>${escaped(hint)}</small>` : ""}</div></li>`;
  }).join("")}</ul>`;
}

function incidentsView(incidents, { as, now }) {
  if (incidents.length === 0) return '<p class="empty">Nothing to speak of.</p>';
  return `<ol class="timeline">${incidents.map(({ at, kind, message }) => `<li class="${escaped(kind)}"><time datetime="${escaped(at)}">${escaped(as.moment(Date.parse(at), now))}</time>
    <div><b>${escaped(KINDS[kind] ?? kind)}</b> ${escaped(message).replace(/`([^`]+)`/g, "<code>$1</code>")}</div></li>`).join("")}</ol>`;
}

function serverView({ server }, { as, now }) {
  const [seconds, unit] = [[86400, "days"], [3600, "hours"], [60, "minutes"]].find(([one]) => server.uptime_seconds >= 2 * one) ?? [1, "seconds"];
  const up = `${as.number(Math.floor(server.uptime_seconds / seconds))} ${unit}`;
  return `<dl class="facts"><dt>Name</dt><dd>${escaped(server.name)}</dd><dt>Version</dt><dd>${escaped(server.version)}</dd>
    <dt>Up for</dt><dd>${escaped(up)}, since ${escaped(as.moment(Date.parse(server.started_at), now))}</dd></dl>`;
}
