/** What hears: the models that serve, are tried and are offered, and how sure the hub must be of what they heard. */

import { escaped, meter } from "./shared/charts.js";
import { markup } from "./shared/markup.js";

const KINDS = { asr: "Speech", wake: "Wake words", vad: "Voice detection" };
const STAGES = {
  shadow: "is tried in secret: it hears every turn, and nobody hears it",
  serving: "answers a share of the turns",
  watch: "answers all turns, and is watched",
};
const STATES = {
  measuring: "measures this machine", waiting: "waits for a download", fetching: "is being fetched", loading: "is being loaded", ready: "serves", failed: "could not be loaded",
};

const SKELETON = `<h1>Models</h1><section class="card serving" aria-labelledby="serving-title"><h2 id="serving-title">What hears now</h2><div class="body"></div></section>
  <div class="tiles kinds"></div>
  <section class="card thresholds" aria-labelledby="thresholds-title"><h2 id="thresholds-title">How sure is sure enough</h2><div class="body"></div></section>
  <section class="card source" aria-labelledby="source-title"><h2 id="source-title">Where models come from</h2><div class="body"></div></section>`;

export class Models {
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._page = page;
    this._place = place;
  }

  refresh() {
    this._page.ask("bundles", "api/v1/bundles");
  }

  heard({ type }) {
    if (type === "bundle") this.refresh();
  }

  draw({ status, past }, words) {
    if (!status) return;
    const bundles = { ...past.bundles, ...status.bundles };
    const body = (name) => this._place.querySelector(`.${name} .body`);
    markup(body("serving"), servingView(status, words));
    markup(this._place.querySelector(".kinds"), bundles.kinds.map((kind) => kindView(kind, words)).join(""));
    markup(body("thresholds"), thresholdsView(status.thresholds, words));
    markup(body("source"), sourceView(bundles, words));
  }
}

function servingView({ model, wake_words: wakeWords }, { as }) {
  const languages = model.languages.map(as.language).join(", ");
  const busy = model.state !== "ready" && model.progress !== null
    ? `<progress max="1" value="${model.progress}" aria-label="${escaped(model.wanted)}"></progress>` : "";
  const words = wakeWords.map(({ phrase }) => `“${phrase}”`).join(", ");
  return `<p class="large"><b>${escaped(model.name ?? "Nothing yet")}</b>${model.starter ? " – the starter model, for a small vocabulary" : ""}</p>
    <p>${escaped(model.wanted)} ${escaped(STATES[model.state] ?? model.state)}${model.note ? `: ${escaped(model.note)}` : "."}</p>${busy}
    <dl class="facts"><dt>Languages</dt><dd>${escaped(languages || "–")}</dd><dt>Wakes at</dt><dd>${escaped(words || "–")}</dd></dl>`;
}

function kindView(kind, words) {
  const { as } = words;
  const { active, candidate, work, offered, previous, last_rollback: left, last_refusal: refused } = kind;
  const since = active?.since ? `, since ${as.day(Date.parse(active.since))}` : "";
  const parts = [
    active ? `<p class="large"><b>${escaped(active.name)}</b> ${escaped(active.version)}</p><p class="note">${active.signed ? "signed" : "not signed"}${escaped(since)}${previous ? `; before it ${escaped(previous)}` : ""}</p>`
      : '<p class="note">The one that comes with the software.</p>',
    work ? `<p>${escaped(work.label)}: ${escaped(work.state)}</p><progress max="1" value="${work.progress}" aria-label="${escaped(work.label)}"></progress>` : "",
    candidate ? candidateView(candidate, words) : "",
    offered && !candidate && !work ? `<p><b>${escaped(offered.label)}</b> is offered${offered.eligible ? "" : ", but not to this hub"}.</p>${reasonsView(offered)}` : "",
    left ? `<p class="notice odd">${escaped(left.label)} was left on ${escaped(as.day(Date.parse(left.at)))}: ${escaped(left.message)}</p>` : "",
    refused ? `<p class="notice odd">${escaped(refused.label)} was not taken: ${escaped(refused.message)}</p>` : "",
  ];
  return `<section class="card" aria-label="${KINDS[kind.kind] ?? kind.kind}"><h2>${KINDS[kind.kind] ?? kind.kind}</h2>${parts.join("")}</section>`;
}

function candidateView({ label, stage, turns, turns_to_go: toGo, share, evidence }, { as }) {
  const whole = turns + toGo;
  const rows = evidence.map(({ metric, baseline, candidate }) => {
    const rate = (value) => (Number.isFinite(value) ? as.share(value) : "–");
    return `<tr><th scope="row">${escaped(metric)}</th><td class="number">${escaped(rate(baseline))}</td><td class="number">${escaped(rate(candidate))}</td></tr>`;
  });
  const going = whole > 0 ? `<progress max="${whole}" value="${turns}" aria-label="${escaped(`${turns} of ${whole} turns`)}"></progress><p class="note">${escaped(as.number(toGo))} turns to go${stage === "serving" ? `, with ${escaped(as.share(share))} of them` : ""}</p>` : "";
  const table = rows.length ? `<table><thead><tr><th scope="col">Share of turns</th><th scope="col" class="number">Before</th><th scope="col" class="number">With it</th></tr></thead><tbody>${rows.join("")}</tbody></table>` : "";
  return `<p><b>${escaped(label)}</b> ${escaped(STAGES[stage] ?? stage)}.</p>${going}${table}`;
}

function reasonsView({ reasons }) {
  return `<ul class="reasons">${reasons.map(({ holds, message }) => `<li class="${holds ? "" : "not"}">${escaped(message)}</li>`).join("")}</ul>`;
}

function thresholdsView(thresholds, { as, say }) {
  if (thresholds.length === 0) return '<p class="empty">The first turns will tell.</p>';
  const rows = thresholds.map(({ language, microphone_class: microphone, value, guaranteed, reason, turns_to_go: toGo }) => `<tr><th scope="row">${escaped(as.language(language))}</th>
    <td>${escaped(say(microphone, {}, microphone))}</td><td class="number">${escaped(as.share(value))}</td><td>${meter({ value: 1 - value, threshold: null, label: `Asks above ${as.share(value)}` })}</td>
    <td>${guaranteed ? "holds your error target" : `${escaped(as.number(toGo))} turns to go`}</td><td>${escaped(reason)}</td></tr>`);
  return `<p class="note">Above this risk of a mishearing, help is asked for. The hub learns it, for each language and kind of microphone, so that your error target holds.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Thresholds"><table><thead><tr><th scope="col">Language</th><th scope="col">Microphone</th><th scope="col" class="number">Asks above</th>
    <th scope="col" class="wide">Trusts itself with</th><th scope="col">Surety</th><th scope="col">Why</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function sourceView({ repository, region, hub_class: hub, denied, offers = [], installed = [] }, { as, now }) {
  const from = repository
    ? `<p><b>${escaped(repository.url)}</b>, ${escaped(repository.channel)}${repository.checked_at ? `; looked at ${escaped(as.moment(Date.parse(repository.checked_at), now))}` : ""}</p>
      ${repository.error ? `<p class="notice odd">${escaped(repository.error.message)}</p>` : ""}` : "<p>No repository is trusted; Home Assistant's options of the hub add one.</p>";
  const lists = [
    [installed, "Installed", ({ label, bytes }) => `${escaped(label)}${bytes ? ` <small>${escaped(as.number(bytes / 1e6))} MB</small>` : ""}`],
    [offers, "Offered", ({ label, eligible }) => `${escaped(label)}${eligible ? "" : " <small>not for this hub</small>"}`],
    [denied, "Not tried again", ({ label, message }) => `${escaped(label)} <small>${escaped(message)}</small>`],
  ].filter(([all]) => all.length > 0).map(([all, title, line]) => `<div><h3>${title}</h3><ul>${all.map((one) => `<li>${line(one)}</li>`).join("")}</ul></div>`);
  return `${from}<p class="note">This hub is ${escaped(hub)}${region ? `, in ${escaped(region)}` : ""}.</p><div class="lists">${lists.join("")}</div>`;
}
