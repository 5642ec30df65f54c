/** Over time: how fast, how often a service was asked, how it differs by language and microphone, and what creeps. */

import { Plot } from "./plots.js";
import { escaped, interval } from "./shared/charts.js";
import { markup } from "./shared/markup.js";
import { BUDGET_MS } from "./shared/turns.js";

const RANGES = [
  { hours: 24, days: 1, name: "Day" },
  { hours: 168, days: 7, name: "Week" },
  { hours: 720, days: 30, name: "Month" },
  { hours: 8760, days: 30, name: "Year" },
];
const METRICS = {
  escalation: "Asks for help",
  risk: "Mean risk",
  confidence: "Confidence",
  disagreement: "Disagreement",
  latency: "Slow turns",
};
const CAUSES = {
  "new-satellite": "a new satellite",
  noise: "noisier rooms",
  language: "another language",
  bundle: "another model",
  cloud: "a change of the service",
  unknown: "not known",
};

const SKELETON = `<div class="title"><h1>Trends</h1><fieldset class="choice"><legend class="unseen">Time</legend>
    ${RANGES.map(({ hours, name }) => `<label><input type="radio" name="range" value="${hours}"><span>${name}</span></label>`).join("")}</fieldset></div>
  <section class="card drift" aria-labelledby="drift-title"><h2 id="drift-title">Is anything creeping?</h2><div class="body"></div></section>
  <div class="pair"><figure class="card plot" data-plot="latency"></figure><figure class="card plot" data-plot="share"></figure>
    <figure class="card plot" data-plot="turns"></figure><figure class="card plot" data-plot="seconds"></figure></div>
  <section class="card cells" aria-labelledby="cells-title"><h2 id="cells-title">By language and microphone</h2><div class="body"></div></section>`;

export class Trends {
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._page = page;
    this._place = place;
    this._range = RANGES[1];
    place.querySelector(`input[value="${this._range.hours}"]`).checked = true;
    place.querySelector(".choice").addEventListener("change", ({ target }) => this._choose(Number(target.value)));
    place.querySelector(".drift").addEventListener("click", (event) => this._accept(event));
    const { as } = page.words;
    const figure = (name) => place.querySelector(`[data-plot="${name}"]`);
    this._plots = {
      latency: new Plot(figure("latency"), {
        as, format: as.ms, title: "From your last word to the text", hint: "Half of the turns are faster than the lower line, 19 of 20 than the upper one.",
        lines: [{ label: "19 of 20", kind: "inference", shape: "area" }, { label: "Half", kind: "hub" }],
        limit: { value: BUDGET_MS, label: `goal ${as.ms(BUDGET_MS)}` }, top: BUDGET_MS * 1.1,
      }),
      share: new Plot(figure("share"), {
        as, format: as.share, title: "How often a service was asked", hint: "Share of turns; failed and repeated ones beside it.", top: 0.1,
        lines: [{ label: "Asked", kind: "cloud", shape: "area" }, { label: "Said again", kind: "hold" }, { label: "Failed", kind: "failed", dash: [4, 3] }],
      }),
      turns: new Plot(figure("turns"), {
        as, format: as.number, title: "Turns", hint: "How much was said, and how much of it the hub answered by itself.",
        lines: [{ label: "Asked or failed", kind: "cloud", shape: "bars" }, { label: "On the hub", kind: "hub", shape: "bars" }],
      }),
      seconds: new Plot(figure("seconds"), {
        as, format: (value) => `${as.seconds(value)} s`, title: "Speech that was sent to services", hint: "Seconds that left your home; what your own services heard did not.",
        lines: [{ label: "Seconds", kind: "cloud", shape: "bars" }],
      }),
    };
  }

  refresh() {
    this._page.ask(`history ${this._range.hours}`, `api/v1/history?hours=${this._range.hours}`);
    this._page.ask(`figures ${this._range.days}`, `api/v1/figures?days=${this._range.days}`);
    this._page.ask("drift", "api/v1/drift");
  }

  heard({ type }) {
    if (type === "drift") this._page.ask("drift", "api/v1/drift");
  }

  close() {
    for (const plot of Object.values(this._plots)) plot.close();
  }

  draw({ past }, words) {
    const series = past[`history ${this._range.hours}`];
    if (series) this._drawPlots(series.points);
    if (past.drift) markup(this._place.querySelector(".drift .body"), driftView(past.drift, words));
    const figures = past[`figures ${this._range.days}`];
    if (figures) markup(this._place.querySelector(".cells .body"), cellsView(figures, words));
  }

  _drawPlots(points) {
    const times = points.map(({ at }) => Date.parse(at));
    const column = (key) => points.map((point) => point[key] ?? null);
    const share = (key) => points.map((point) => (point.turns > 0 ? point[key] / point.turns : null));
    this._plots.latency.draw(times, [column("last_word_to_text_p95_ms"), column("last_word_to_text_p50_ms")]);
    this._plots.share.draw(times, [share("escalations"), share("retries"), share("errors")]);
    // The bars stand one upon the other: the upper one is drawn from the ground, and the lower one over it.
    const own = points.map(({ turns, escalations, errors }) => Math.max(0, turns - escalations - errors));
    const others = points.map(({ turns }, index) => turns - own[index]);
    this._plots.turns.draw(times, [column("turns"), own], [others, own]);
    this._plots.seconds.draw(times, [column("cloud_seconds")]);
  }

  _choose(hours) {
    this._range = RANGES.find((one) => one.hours === hours);
    this._page.set({});
    this.refresh();
  }

  async _accept(event) {
    const button = event.target.closest("button[data-language]");
    if (!button) return;
    button.disabled = true;
    const body = button.dataset.language ? { language: button.dataset.language } : {};
    await this._page.ask("drift", "api/v1/drift/accept", { method: "POST", body });
    button.disabled = false;
  }
}

function driftView({ state, turns_to_go: toGo, alarms, metrics }, { as }) {
  const said = {
    learning: `The hub is still learning what is usual here: ${as.number(toGo)} turns to go.`,
    steady: "No. What is heard now is like what was heard when the hub learned what is usual here.",
    drifted: "Yes. The evidence is below; the hub goes on as before, and asks you to look.",
  }[state];
  const told = alarms.map((alarm) => `<li class="alarm"><p><b>${escaped(METRICS[alarm.metric] ?? alarm.metric)}, ${escaped(as.language(alarm.language))}</b>
      since ${escaped(as.day(Date.parse(alarm.since)))}: from ${escaped(valueOf(alarm.metric, alarm.before, as))} to ${escaped(valueOf(alarm.metric, alarm.now, as))} over ${escaped(as.number(alarm.turns))} turns.
      Likely cause: ${escaped(CAUSES[alarm.cause] ?? alarm.cause)}${alarm.subject ? ` (${escaped(alarm.subject)})` : ""}.</p><p>${escaped(alarm.message)}</p>
      <button type="button" data-language="${escaped(alarm.language)}">This is the new usual</button></li>`);
  return `<p>${escaped(said)}</p>${told.length ? `<ul class="alarms">${told.join("")}</ul>` : ""}${metrics.length ? evidenceView(metrics, as) : ""}`;
}

/** Rates are told as shares; how sure something was told is a plain number. */
function valueOf(metric, value, as) {
  if (!Number.isFinite(value)) return "–";
  return metric === "confidence" ? value.toFixed(2) : as.share(value);
}

function evidenceView(metrics, as) {
  const rows = metrics.map((one) => {
    // Evidence multiplies, so it is drawn by its digits.
    const share = Math.max(0, Math.min(1, Math.log10(Math.max(1, one.e_value)) / Math.log10(Math.max(10, one.alarm_at))));
    const label = `Evidence: ${as.share(share)} of the way to an alarm`;
    return `<tr><th scope="row">${escaped(METRICS[one.metric] ?? one.metric)}</th><td>${escaped(as.language(one.language))}</td>
      <td class="number">${escaped(valueOf(one.metric, one.before, as))}</td><td class="number">${escaped(valueOf(one.metric, one.now, as))}</td>
      <td><svg class="ev bar" height="10" role="img" aria-label="${escaped(label)}"><rect class="track" width="100%" height="10" rx="5"/>
        <rect class="${share >= 1 ? "against" : "hub"}" width="${(100 * share).toFixed(1)}%" height="10" rx="5"/></svg></td></tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="Evidence"><table><thead><tr><th scope="col">What</th><th scope="col">Language</th>
    <th scope="col" class="number">Usual</th><th scope="col" class="number">Now</th><th scope="col" class="wide">Evidence of a change</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function cellsView({ cells, since }, words) {
  const { as, say } = words;
  const most = Math.max(0.2, ...cells.map(({ disagreement }) => disagreement?.high ?? 0));
  const rows = cells.map((cell) => {
    const language = cell.language === null ? "All languages" : as.language(cell.language);
    const microphone = cell.microphone_class === null ? "all" : say(cell.microphone_class, {}, cell.microphone_class);
    const whole = cell.language === null && cell.microphone_class === null;
    const over = cell.last_word_to_text_ms.p95 > BUDGET_MS;
    return `<tr class="${whole ? "whole" : ""}"><th scope="row">${escaped(language)}</th><td>${escaped(microphone)}</td><td class="number">${escaped(as.number(cell.turns))}</td>
      <td class="number">${escaped(maybe(cell.last_word_to_text_ms.p50, as.ms))}</td><td class="number${over ? " over" : ""}">${escaped(maybe(cell.last_word_to_text_ms.p95, as.ms))}</td>
      <td class="number">${escaped(maybe(cell.within_budget, as.share))}</td><td class="number">${escaped(maybe(cell.escalation_rate, as.share))}</td>
      <td>${disagreementView(cell.disagreement, most, as)}</td><td class="number">${escaped(maybe(cell.retry_rate, as.share))}</td>
      <td class="number">${escaped(maybe(cell.error_rate, as.share))}</td></tr>`;
  });
  return `<p class="note">Since ${escaped(as.day(Date.parse(since)))}. Disagreement: how often a service that heard the same understood something else; the band is where the true share likely lies.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Figures by language and microphone"><table><thead><tr><th scope="col">Language</th><th scope="col">Microphone</th>
    <th scope="col" class="number">Turns</th><th scope="col" class="number">Half within</th><th scope="col" class="number">19 of 20 within</th><th scope="col" class="number">In the goal</th>
    <th scope="col" class="number">Asked</th><th scope="col" class="wide">Disagreement</th><th scope="col" class="number">Said again</th><th scope="col" class="number">Failed</th></tr></thead>
    <tbody>${rows.join("")}</tbody></table></div>`;
}

const maybe = (value, format) => (Number.isFinite(value) ? format(value) : "–");

function disagreementView(told, most, as) {
  if (!told) return '<span class="quiet">–</span>';
  const { value, low, high, pairs } = told;
  const label = `${as.share(value)}, likely ${as.share(low)} to ${as.share(high)}, of ${as.number(pairs)} pairs`;
  return `<span class="with-bar"><b>${escaped(as.share(value))}</b>${interval({ value, low, high, most, kind: "cloud", label })}</span>`;
}
