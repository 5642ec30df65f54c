/** What left the home, what is kept of it here, and how all of it ends. */

import { ask } from "./api.js";
import { confirmed } from "./dialog.js";
import { escaped, shareBar } from "./shared/charts.js";
import { markup, write } from "./shared/markup.js";

const ROWS = 25;
const SWITCHES = [
  ["cloud_allowed", "Cloud services may be asked", "Off: no speech leaves your home, whatever the risk."],
  ["keep_transcripts", "Keep what was understood", "Sealed with a key for each day; the key goes first."],
  ["keep_recordings", "Keep the sound of turns", "Sealed likewise. Only for finding out what goes wrong."],
];
const ENDINGS = { answered: "answered", "lane-timeout": "too late", "lane-failed": "failed", "lane-empty": "heard nothing", cancelled: "cancelled", "summed-up": "a day's sum" };
/** What can be erased, in words; the hub's classes have titles of their own where it tells them. */
const ERASABLE = {
  turns: "Turn records",
  transcripts: "Texts",
  recordings: "Recordings",
  corrections: "Corrections",
  aggregates: "Sums, scorecards, baselines, incidents and load",
  learned: "What was learned",
  satellites: "Settings of satellites",
  vocabulary: "Names of your home",
  ledger: "Ledger of uploads",
  choices: "Your choices",
  lanes: "Services and their keys",
};
/** Classes that are erased by another's name. */
const ERASED_AS = { "day-sums": "aggregates" };
const erasedAs = (name) => ERASED_AS[name] ?? (Object.hasOwn(ERASABLE, name) ? name : null);

const SKELETON = `<h1>Privacy</h1>
  <div class="pair">
    <section class="card sent" aria-labelledby="sent-title"><h2 id="sent-title">What left your home</h2><div class="body"></div></section>
    <section class="card switches" aria-labelledby="switches-title"><h2 id="switches-title">Your choices</h2><ul></ul></section>
  </div>
  <section class="card ledger" aria-labelledby="ledger-title"><h2 id="ledger-title">Every upload</h2>
    <p class="note">Written down before the first byte left. The newest first.</p><div class="body"></div>
    <p class="buttons"><button type="button" data-do="newest" hidden>Newest</button><button type="button" data-do="older" hidden>Older</button></p></section>
  <section class="card kept" aria-labelledby="kept-title"><h2 id="kept-title">What is kept on the hub</h2><div class="body"></div>
    <p class="buttons"><button type="button" data-do="everything" class="danger">Erase everything…</button></p><p class="told" role="status"></p></section>
  <section class="card lineage" aria-labelledby="lineage-title"><h2 id="lineage-title">Line by line</h2>
    <p class="note">The register that the hub is built on: every kind of data, where it comes from, where it goes, and when it ends. A test fails for one that is not in it.</p><div class="body"></div></section>`;

export class Privacy {
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._page = page;
    this._place = place;
    place.addEventListener("click", (event) => this._clicked(event));
    place.querySelector(".switches").addEventListener("change", (event) => this._choose(event));
  }

  refresh() {
    this._page.ask("ledger page", `api/v1/ledger?limit=${ROWS}${this._before ? `&before=${this._before}` : ""}`);
    this._page.ask("ledger", `api/v1/ledger?limit=${ROWS}`);
    this._page.ask("kept", "api/v1/kept");
    if (!this._page.state.past.lineage) this._page.ask("lineage", "api/v1/lineage");
  }

  draw({ status, past }, words) {
    const part = (name) => this._place.querySelector(`.${name}`);
    if (status) {
      markup(part("sent").querySelector(".body"), sentView(status, past.ledger, words));
      markup(part("switches").querySelector("ul"), switchesView(status.policy));
    }
    const shown = past["ledger page"];
    if (shown) {
      markup(part("ledger").querySelector(".body"), ledgerView(shown.rows, words));
      this._place.querySelector('[data-do="older"]').hidden = shown.rows.length < ROWS;
      this._place.querySelector('[data-do="newest"]').hidden = !this._before;
    }
    if (past.kept) markup(part("kept").querySelector(".body"), keptView(past.kept, past.lineage, words));
    if (past.lineage) markup(part("lineage").querySelector(".body"), lineageView(past.lineage, words));
  }

  _clicked(event) {
    const button = event.target.closest("button[data-do]");
    if (!button) return;
    const { rows = [] } = this._page.state.past["ledger page"] ?? {};
    const todo = {
      older: () => this._turnTo(rows.at(-1)?.number),
      newest: () => this._turnTo(undefined),
      everything: () => this._erase("everything", "everything that the hub keeps: records, what was learned, choices, services and their keys"),
      erase: () => this._erase([button.dataset.what], ERASABLE[button.dataset.what].toLowerCase()),
    };
    todo[button.dataset.do]();
  }

  _turnTo(before) {
    this._before = before;
    this.refresh();
    this._place.querySelector("#ledger-title").scrollIntoView({ block: "nearest" });
  }

  async _erase(what, named) {
    const sure = await confirmed({
      title: "Erase for good?",
      text: `This erases ${named}. It cannot be undone, and nothing of it can be read from the disk afterwards.`,
      action: "Erase",
    });
    if (!sure) return;
    const told = this._place.querySelector(".told");
    write(told, "Erasing…");
    try {
      const { erased, left } = await ask("api/v1/purge", { method: "POST", body: { what } });
      const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0);
      write(told, `${this._page.words.as.number(sum(erased))} erased, ${this._page.words.as.number(sum(left))} left.`);
    } catch (refusal) {
      write(told, refusal.message);
    }
    this.refresh();
  }

  async _choose({ target }) {
    try {
      await ask("api/v1/policy", { method: "PUT", body: { [target.name]: target.checked } });
      this._page.set({ failure: null });
    } catch (failure) {
      target.checked = !target.checked;
      this._page.set({ failure });
    }
  }
}

function sentView({ cloud, lanes }, ledger, { as }) {
  const month = (ledger?.this_month ?? []).filter(({ uploads }) => uploads > 0);
  const today = new Map((ledger?.today ?? []).map((one) => [one.lane, one]));
  const beyond = month.filter(({ trust }) => trust === "cloud");
  const sentence = beyond.length === 0
    ? lanes.some(({ trust }) => trust === "cloud") ? "Nothing, this month." : "Nothing: no cloud service is set up."
    : `${as.seconds(cloud.seconds_this_month)} seconds of speech this month, ${as.seconds(cloud.seconds_today)} of them today, for ${as.money(cloud.cost_this_month, cloud.currency)}.`;
  const parts = month.map(({ lane, trust, seconds }) => ({ kind: trust === "cloud" ? "cloud" : "home", value: seconds, title: `${lane}: ${as.seconds(seconds)} s` }));
  const rows = month.map(({ lane, trust, uploads, seconds, cost }) => `<tr><th scope="row"><span class="swatch ${trust === "cloud" ? "cloud" : "home"}"></span>${escaped(lane)}</th>
      <td>${trust === "cloud" ? "cloud" : "your own"}</td><td class="number">${escaped(as.number(uploads))}</td><td class="number">${escaped(as.seconds(today.get(lane)?.seconds ?? 0))} s</td>
      <td class="number">${escaped(as.seconds(seconds))} s</td><td class="number">${escaped(as.money(cost, cloud.currency))}</td></tr>`);
  const table = rows.length ? `<div class="scroll" tabindex="0" role="region" aria-label="By service"><table><thead><tr><th scope="col">Service</th><th scope="col">Whose</th><th scope="col" class="number">Uploads</th>
      <th scope="col" class="number">Today</th><th scope="col" class="number">Month</th><th scope="col" class="number">Cost</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>` : "";
  const bar = parts.length ? shareBar({ parts, label: parts.map(({ title }) => title).join("; ") }) : "";
  const left = [
    Number.isFinite(cloud.seconds_left_today) && `${as.seconds(cloud.seconds_left_today)} s are left of today's cap`,
    Number.isFinite(cloud.money_left_this_month) && `${as.money(cloud.money_left_this_month, cloud.currency)} of this month's`,
  ].filter(Boolean).join(", ");
  return `<p class="large">${escaped(sentence)}</p>${bar}${table}${left ? `<p class="note">${escaped(left)}.</p>` : ""}`;
}

function switchesView(policy) {
  return SWITCHES.map(([key, title, hint]) => `<li><label><span><b>${escaped(title)}</b><small>${escaped(hint)}</small></span>
    <input type="checkbox" role="switch" name="${key}"${policy[key] ? " checked" : ""}></label></li>`).join("");
}

function ledgerView(rows, { as, say, now }) {
  if (rows.length === 0) return '<p class="empty">Nothing was ever uploaded.</p>';
  const lines = rows.map((row) => `<tr><th scope="row">${escaped(as.moment(Date.parse(row.at), now))}</th><td>${escaped(row.lane)}</td><td>${escaped(say(`upload_${row.reason}`, {}, row.reason))}</td>
    <td class="number">${escaped(as.seconds(row.seconds))} s</td><td class="number">${escaped(as.number(Math.ceil(row.bytes / 1000)))} kB</td>
    <td class="number">${escaped(as.money(row.cost, row.currency))}</td><td>${escaped(endingOf(row))}</td><td>${escaped(row.consent || "–")}</td></tr>`);
  return `<div class="scroll" tabindex="0" role="region" aria-label="Uploads"><table><thead><tr><th scope="col">When</th><th scope="col">To</th><th scope="col">Why</th><th scope="col" class="number">Speech</th>
    <th scope="col" class="number">Sent</th><th scope="col" class="number">Cost</th><th scope="col">Ending</th><th scope="col">Consent of</th></tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

function eraseView(what) {
  return what === null ? "" : `<button type="button" class="small" data-do="erase" data-what="${what}" aria-label="Erase ${escaped(ERASABLE[what].toLowerCase())}">Erase…</button>`;
}

function endingOf({ ending, left }) {
  return left === false ? "nothing was sent after all" : (ENDINGS[ending] ?? ending);
}

function keptView({ now: kept, classes }, lineage, { as }) {
  const known = new Map((lineage?.classes ?? []).map((one) => [one.name, one]));
  const key = { good: "", none: "", missing: "The hub's key is missing: what was sealed cannot be read any more.", wrong: "The hub's key is another one: what was sealed cannot be read any more." }[kept.key];
  // What is never counted is never kept in rows: the register below tells of it.
  const counted = classes.filter(({ name, rows }) => rows !== null || erasedAs(name) !== null);
  const rows = counted.map(({ name, days, rows: count, oldest }) => `<tr><th scope="row">${escaped(known.get(name)?.title ?? ERASABLE[name] ?? name)}</th>
    <td class="number">${count === null ? "–" : escaped(as.number(count))}</td><td>${oldest ? escaped(as.day(Date.parse(oldest))) : "–"}</td>
    <td class="words">${days === null ? escaped(known.get(name)?.ends || "until you erase it") : days === 0 ? "not kept" : `after ${as.number(days)} days`}</td>
    <td class="number">${eraseView(erasedAs(name))}</td></tr>`);
  return `<p class="large">${escaped(as.number(kept.turns))} turns in ${escaped(megabytes(kept.bytes, as))}${kept.oldest ? `, the oldest of ${escaped(as.day(Date.parse(kept.oldest)))}` : ""}.</p>
    ${key ? `<p class="notice odd">${escaped(key)}</p>` : ""}<div class="scroll" tabindex="0" role="region" aria-label="What is kept"><table><thead><tr><th scope="col">What</th><th scope="col" class="number">Now</th>
    <th scope="col">Oldest</th><th scope="col">Ends</th><th scope="col" class="number"><span class="unseen">Erase</span></th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

const megabytes = (bytes, as) => `${as.seconds(bytes / 1e6)} MB`;

function lineageView({ classes, flows }, { as }) {
  return classes.map((one) => {
    const own = flows.filter((flow) => flow.data_class === one.name);
    const facts = [["Holds", one.holds], ["Comes from", one.source], ["Is for", one.purpose], ["Worked on", one.processed], ["Stored", one.stored], ["In the form of", one.form],
      ["Ends", one.ends], ["Kept for", one.days === null ? "" : `${as.number(one.days)} days`], ["Setting", one.setting ?? ""], ["Goes to", one.recipients.join("; ") || "nobody"]];
    const told = facts.filter(([, value]) => value).map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join("");
    const lines = own.map((flow) => `<li><code>${escaped(flow.field)}</code> ${escaped(flow.where)} <small>${escaped(flow.kind)}${flow.form ? `, ${escaped(flow.form)}` : ""}</small></li>`);
    const count = own.length === 1 ? "1 flow" : `${as.number(own.length)} flows`;
    return `<details><summary><b>${escaped(one.title)}</b> <small>${one.on_by_default ? "" : "off unless you turn it on · "}${escaped(count)}</small></summary>
      <dl class="facts">${told}</dl>${lines.length ? `<ul class="flows">${lines.join("")}</ul>` : ""}</details>`;
  }).join("");
}
