/** The card's sections as markup, of the state that the feed keeps. Pure: words and formats come in as `say` and `as`. */

import { escaped, meter, shareBar, signedBar, trend, waterfall, waterfallAxis } from "./charts.js";
import {
  askedOverTime,
  BUDGET_MS,
  destinations,
  isOver,
  laneAsked,
  STAGES,
  stageIsOver,
  stageMs,
  totalMs,
  weightiest,
  WINDOW_TURNS,
} from "./turns.js";

/** What lies behind is torn off: one slow turn would make all others too short to read. */
const MOST_MS = 3 * BUDGET_MS;
const MOST_POINTS = 7;
/** Bars of points are at least to this scale, so that little looks little. */
const LEAST_POINTS = 10;
const SHOWN_UPLOADS = 5;
/** Actions that say more of a turn than who was asked for it. */
const UNANSWERED = ["defer", "confirm", "ask_text"];

const stageName = (say, key) => say(key === "cloud" ? "cloud_stage" : key);

/** Milliseconds that the waterfalls span. */
export function scaleOf(turns) {
  const most = Math.max(BUDGET_MS * 1.2, ...turns.map((turn) => totalMs(turn) ?? 0));
  return Math.min(MOST_MS, Math.ceil(most / 20) * 20);
}

/** Median, share at home, seconds to the cloud. */
export function figuresView({ overview }, { say, as }) {
  const { figures = {}, cloud = {}, lanes = [] } = overview;
  const { p50, p95 } = figures.last_word_to_text_ms ?? {};
  const rate = figures.escalation_rate;
  const tiles = [
    tile(say("median"), Number.isFinite(p50) ? as.ms(p50) : "–", Number.isFinite(p95) ? say("median_note", { p95: as.ms(p95) }) : say("median_none")),
    tile(say("at_home"), Number.isFinite(rate) ? as.share(1 - rate) : "–", say("at_home_note", { turns: as.number(figures.window_turns ?? 0) })),
  ];
  if (lanes.length > 0) {
    const cost = as.money(cloud.cost_this_month ?? 0, cloud.currency ?? "USD");
    tiles.push(tile(say("uploaded"), `${as.seconds(cloud.seconds_today ?? 0)} s`, say("uploaded_note", { cost })));
  }
  return tiles.join("");
}

function tile(name, value, below) {
  return `<div><dt>${escaped(name)}</dt><dd class="value"><bdi>${escaped(value)}</bdi></dd><dd class="below"><bdi>${escaped(below)}</bdi></dd></div>`;
}

/** What the colours of the waterfalls mean: only stages that took time. */
export function legendView(turns, { say }) {
  return STAGES.filter(({ key }) => turns.some((turn) => stageMs(turn, key) >= 1))
    .map(({ key }) => `<li><span class="swatch ${key}"></span>${escaped(stageName(say, key))}</li>`)
    .join("");
}

/** The scale above the turns. */
export function axisView(scaleMs, { say, as, rightToLeft }) {
  const budgetLabel = say("budget", { ms: as.ms(BUDGET_MS) });
  const axis = waterfallAxis({ scaleMs, budgetMs: BUDGET_MS, format: as.number, budgetLabel, rightToLeft });
  return `<span></span><span class="bar-place">${axis}</span><span></span>`;
}

/** What became of a turn, in a few words. */
export function outcome(turn, { say }) {
  if (turn.error) return say("outcome_error", { error: turn.error });
  const lane = laneAsked(turn);
  if (lane && !UNANSWERED.includes(turn.action)) return say("outcome_escalate", { lane });
  return say(`outcome_${turn.action === "escalate" ? "accept" : turn.action}`, {}, turn.action);
}

/** One turn's line: who and when, the waterfall, how long. */
export function rowView(turn, scaleMs, words) {
  const { say, as, satelliteName, now } = words;
  const total = totalMs(turn);
  const totalText = total === null ? say("no_time") : as.ms(total);
  const satellite = satelliteName(turn.satellite) || say("unknown_satellite");
  const time = as.moment(Date.parse(turn.at), now);
  const over = isOver(turn);
  const label = say("turn_label", { satellite, time, outcome: outcome(turn, words), total: totalText });
  const parts = STAGES.map(({ key }) => {
    const ms = stageMs(turn, key);
    return { kind: key, ms, title: `${stageName(say, key)}: ${as.ms(ms)}` };
  });
  const bar = total === null ? "" : waterfall({ parts, scaleMs, budgetMs: BUDGET_MS, label });
  return `<span class="who"><b>${escaped(satellite)}</b><small><bdi>${escaped(time)}</bdi> · <bdi>${escaped(outcome(turn, words))}</bdi></small></span>
    <span class="bar-place">${bar}</span>
    <span class="total${over ? " over" : ""}"${over ? ` title="${escaped(say("over_goal"))}"` : ""}><bdi>${escaped(totalText)}</bdi></span>`;
}

/** Why a turn went as it did; a page may know `more` of it. */
export function whyView(turn, words) {
  const { say, more = () => "" } = words;
  const parts = [
    more(turn),
    turn.reason || turn.error || turn.critical
      ? `<p class="reason wide">${escaped(sentence(turn.reason || turn.error || ""))}${turn.critical ? `<br>${escaped(say("critical"))}` : ""}</p>` : "",
    riskView(turn, words),
    pointsView(turn, words),
    stagesView(turn, words),
    factsView(turn, words),
  ];
  return parts.join("");
}

/** The hub's reasons begin in small letters, as parts of a sentence. */
function sentence(text) {
  return text.charAt(0).toLocaleUpperCase("en") + text.slice(1);
}

/** A heading one below that of the list of turns, which a page may have elsewhere among its own. */
const headed = (text, { heading = "h4" }) => `<${heading}>${escaped(text)}</${heading}>`;

function riskView(turn, words) {
  const { say, as } = words;
  if (!Number.isFinite(turn.risk)) return "";
  const known = Number.isFinite(turn.threshold);
  const text = say(known ? "risk_value" : "risk_alone", { risk: as.share(turn.risk), threshold: as.share(turn.threshold ?? 0) });
  const bar = meter({ value: turn.risk, threshold: turn.threshold, label: `${say("risk")}: ${text}` });
  return `<div class="wide">${headed(say("risk"), words)}<p class="note">${escaped(text)}</p>${bar}</div>`;
}

function pointsView(turn, words) {
  const { say, as } = words;
  const points = weightiest(turn.points, MOST_POINTS);
  if (points.length === 0) return "";
  // Every text starts there, far below the rest: beside it, what differs would be too short to see.
  const drawn = points.filter(([name]) => name !== "base");
  const most = Math.max(LEAST_POINTS, ...drawn.map(([, value]) => Math.abs(value)));
  const lines = points.map(([name, value]) => {
    const bar = name === "base" ? "<span></span>" : signedBar({ value, most });
    return `<span>${escaped(say(name, {}, name))}</span>${bar}<span class="number"><bdi>${escaped(as.points(value))}</bdi></span>`;
  });
  return `<div>${headed(say("points_title"), words)}<p class="note">${escaped(say("points_hint"))}</p>
    <div class="lines"><span></span><span class="sides" aria-hidden="true"><span>← ${escaped(say("for"))}</span><span>${escaped(say("against"))} →</span></span><span></span>
    ${lines.join("")}</div></div>`;
}

function stagesView(turn, words) {
  const { say, as } = words;
  if (totalMs(turn) === null) return "";
  // A speech service takes as long as all the rest together: it is torn off.
  const scaleMs = 1.1 * Math.max(...STAGES.map(({ key, budgetMs }) => Math.max(budgetMs ?? 0, key === "cloud" ? 0 : stageMs(turn, key))));
  const lines = STAGES.filter(({ key }) => key !== "cloud" || stageMs(turn, key) > 0).map((stage) => {
    const ms = stageMs(turn, stage.key);
    const value = stage.budgetMs !== null ? say("stage_of", { ms: as.number(ms), budget: as.ms(stage.budgetMs) }) : as.ms(ms);
    const bar = waterfall({ parts: [{ kind: stage.key, ms }], scaleMs, budgetMs: stage.budgetMs, label: value, height: 10 });
    return `<span class="stage"><span class="swatch ${stage.key}"></span>${escaped(stageName(say, stage.key))}</span>${bar}
      <span class="number${stageIsOver(turn, stage) ? " over" : ""}"><bdi>${escaped(value)}</bdi></span>`;
  });
  return `<div>${headed(say("stages_title"), words)}<div class="lines">${lines.join("")}</div></div>`;
}

function factsView(turn, words) {
  const { say, as } = words;
  const { snr_db: snr, clipping } = turn.quality ?? {};
  const uploads = (turn.lanes ?? []).map(({ lane, ending, took_ms: took }) => {
    const how = [ending, Number.isFinite(took) && as.ms(took)].filter(Boolean).join(", ");
    return how ? `${lane}: ${how}` : lane;
  });
  const facts = [
    ["fact_service", uploads.join("; ")],
    ["fact_intent", turn.intent],
    ["fact_language", turn.language && as.language(turn.language)],
    ["fact_microphone", turn.microphone_class && say(turn.microphone_class, {}, turn.microphone_class)],
    ["fact_noise", Number.isFinite(snr) && as.decibels(snr)],
    ["fact_clipping", clipping > 0 && as.share(clipping)],
    ["fact_model", turn.model],
  ].filter(([, value]) => value);
  if (facts.length === 0) return "";
  const lines = facts.map(([key, value]) => `<dt>${escaped(say(key))}</dt><dd><bdi>${escaped(value)}</bdi></dd>`);
  return `<div class="wide">${headed(say("facts_title"), words)}<dl class="facts">${lines.join("")}</dl></div>`;
}

/** How often a lane was asked: of the recorder's statistics where there are any, else of the turns. */
export function escalationView({ statistics, turns, days }, { say, as }) {
  const recorded = statistics !== null && statistics.length > 1;
  const points = recorded ? statistics : askedOverTime(turns);
  if (points.length < 2) return `<p class="note">${escaped(say("escalation_few"))}</p>`;
  const span = points.at(-1).at - points[0].at;
  const label = say("escalation_label", {
    value: as.share(points.at(-1).value),
    highest: as.share(Math.max(...points.map(({ value }) => value))),
  });
  const formatTime = span > 36 * 3600 * 1000 ? as.day : as.clock;
  const note = recorded ? say("escalation_days", { days }) : say("escalation_turns", { window: WINDOW_TURNS });
  return `<p class="note">${escaped(note)}</p><div class="plot">${trend({ points, formatValue: as.share, formatTime, label })}</div>`;
}

/** Where speech went, as one bar and a table of it. */
export function destinationsView({ turns, overview }, { say, as }) {
  const parts = destinations(turns, overview.lanes ?? []).map((part) => {
    const name = say(part.kind, { lane: part.lane });
    const share = as.share(part.turns / turns.length);
    return { ...part, value: part.turns, name, share, title: say("part", { name, turns: as.number(part.turns), share }) };
  });
  const label = parts.map(({ title }) => title).join("; ");
  const lines = parts.map((part) => {
    const sent = part.kind === "cloud" || part.kind === "home" ? sentView(part, overview, { say, as }) : "";
    return `<li><span class="swatch ${part.kind}"></span><span>${escaped(part.name)}${sent}</span>
      <span class="quiet number">${escaped(as.number(part.turns))}</span>
      <span class="number">${escaped(part.share)}</span></li>`;
  });
  return `<p class="note">${escaped(say("destinations_note", { turns: as.number(turns.length) }))}</p>
    ${shareBar({ parts, label })}<ul class="shares">${lines.join("")}</ul>`;
}

function sentView({ seconds, cost }, overview, { say, as }) {
  if (!(seconds > 0)) return "";
  const spent = as.money(cost, overview.cloud?.currency ?? "USD");
  const text = say(cost > 0 ? "sent_cost" : "sent", { seconds: as.seconds(seconds), cost: spent });
  return ` <span class="quiet">· ${escaped(text)}</span>`;
}

/** What left the home: how much this month, and the last uploads one by one. */
export function uploadsView({ ledger }, { say, as, now }) {
  const sums = (ledger.this_month ?? []).filter(({ trust }) => trust === "cloud");
  const total = (key) => sums.reduce((sum, one) => sum + (one[key] || 0), 0);
  const currency = ledger.rows[0]?.currency ?? "USD";
  if (ledger.rows.length === 0) return `<p class="note">${escaped(say("uploads_none"))}</p>`;
  const month = { uploads: as.number(total("uploads")), seconds: as.seconds(total("seconds")), cost: as.money(total("cost"), currency) };
  const lines = ledger.rows.slice(0, SHOWN_UPLOADS).map((row) => {
    const why = say(`upload_${row.reason}`, {}, row.reason);
    const agreed = row.consent ? say("upload_consent", { day: as.day(Date.parse(`${row.consent}T12:00`)) }) : "";
    const unanswered = row.left === false ? say("upload_stayed") : row.ending?.startsWith("lane-") ? say("upload_unanswered") : "";
    const details = [why, agreed, unanswered].filter(Boolean).join(" · ");
    const amount = say("upload_amount", { seconds: as.seconds(row.seconds), kilobytes: as.number(row.bytes / 1000) });
    return `<li><span class="swatch cloud"></span>
      <span><b>${escaped(row.lane)}</b> <bdi class="quiet">${escaped(as.moment(Date.parse(row.at), now))}</bdi><small><bdi>${escaped(details)}</bdi></small></span>
      <span class="quiet number"><bdi>${escaped(amount)}</bdi></span>
      <span class="number"><bdi>${escaped(as.money(row.cost, row.currency))}</bdi></span></li>`;
  });
  return `<p class="note">${escaped(say("uploads_note", month))}</p><ul class="shares uploads">${lines.join("")}</ul>`;
}

/** Whether the mode is less than the owner asked for: a home that agreed to no service lacks none. */
export function isDegraded({ mode, lanes }) {
  if (mode === "edge_only") return (lanes ?? []).some(({ state }) => state !== "not-consented");
  return Boolean(mode) && mode !== "normal";
}

/** What stands above the sections when something is not as it should be: `{text, bad}`, or null. */
export function noticeOf({ overview }, { say }) {
  if (overview.state === "setup_in_progress") return null;
  if (overview.state === "setup_retry") return { text: say("setup_retry"), bad: true };
  if (overview.state !== "loaded") return { text: say("setup_error"), bad: true };
  if (!overview.connected) return { text: say("disconnected"), bad: true };
  if (isDegraded(overview) && overview.mode_reason) return { text: [overview.mode_reason, overview.mode_ends].filter(Boolean).join(" "), bad: overview.mode === "unavailable" };
  const drifting = (overview.drift ?? []).map(({ message }) => message).filter(Boolean);
  return drifting.length > 0 ? { text: drifting.join(" "), bad: false } : null;
}

/** What waits for a service, and what for its owner's word; empty when nothing does. */
export function waitsOf({ overview }, { say, as }) {
  const { waiting = 0, ready = 0, started = 0, needs_you: yours = 0 } = overview?.queue ?? {};
  const counts = [["waits", waiting + ready + started], ["waits_you", yours]].filter(([, count]) => count > 0);
  return counts.map(([key, count]) => say(key, { count: as.number(count) })).join(" · ");
}

/** The name of the mode beside the title, and how much it matters: `odd` or `bad`. */
export function modeOf({ overview }, { say }) {
  if (overview.state !== "loaded" || !overview.connected) return { name: say("mode_away"), look: "bad" };
  const look = overview.mode === "unavailable" ? "bad" : isDegraded(overview) ? "odd" : "";
  return { name: say(`mode_${overview.mode}`, {}, overview.mode), look };
}
