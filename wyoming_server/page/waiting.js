/** Requests that wait for a speech service, or for their owner's word: looked at, done again, and let go. */

import { ask } from "./api.js";
import { confirmed } from "./dialog.js";
import { escaped } from "./shared/charts.js";
import { markup, write } from "./shared/markup.js";

const KINDS = { list: "For a list", note: "A note", reminder: "A reminder" };
const STATES = {
  waiting: "waits for a speech service", hearing: "is being heard", ready: "is about to be done", started: "is being done",
  interrupted: "was cut off while it was done", failed: "could not be done", unheard: "no service understood it",
};
const NEEDS_YOU = ["interrupted", "failed", "unheard"];

const SKELETON = `<h2 id="requests-title">Requests that wait</h2><div class="body"></div><p class="told" role="status"></p>
  <p class="buttons"><button type="button" data-do="flush">Ask the services now</button> <button type="button" class="danger" data-do="drop-all">Drop all</button></p>`;

export class Waiting {
  constructor(place, page) {
    place.innerHTML = SKELETON;
    this._page = page;
    this._place = place;
    this._seen = "";
    place.addEventListener("click", ({ target }) => target.closest("[data-do]") && this._do(target.closest("[data-do]")));
    place.addEventListener("submit", (event) => {
      event.preventDefault();
      this._repeat(event.target);
    });
  }

  refresh() {
    return this._page.ask("queue", "api/v1/queue");
  }

  draw({ status, past }, words) {
    const queue = status?.queue;
    const seen = JSON.stringify(queue ?? null);
    if (queue && seen !== this._seen) this.refresh();
    this._seen = seen;
    const requests = past.queue?.requests ?? [];
    this._place.hidden = requests.length === 0 && !queue?.reason;
    const reason = queue?.reason ? `<p class="notice odd">${escaped(queue.reason)}</p>` : "";
    markup(this._place.querySelector(".body"), `${reason}<ol class="list">${requests.map((one) => requestView(one, words)).join("")}</ol>`);
    this._place.querySelector(".buttons").hidden = requests.length === 0;
  }

  async _do(button) {
    const { id } = button.closest("[data-id]")?.dataset ?? {};
    if (button.dataset.do === "flush") this._tell("api/v1/queue/flush", { method: "POST", body: {} }, () => "The services are being asked.");
    if (button.dataset.do === "drop") this._tell(pathOf(id), { method: "DELETE" }, () => "It is dropped.");
    if (button.dataset.do !== "drop-all") return;
    const text = "What was said of them is erased, and nobody does them.";
    if (await confirmed({ title: "Drop every request that waits?", text, action: "Drop all" })) {
      this._tell("api/v1/queue", { method: "DELETE" }, ({ dropped }) => `${dropped === 1 ? "One is" : `${dropped} are`} dropped.`);
    }
  }

  _repeat(form) {
    const body = { text: form.elements.text.value.trim() || null };
    this._tell(`${pathOf(form.closest("[data-id]").dataset.id)}/repeat`, { method: "POST", body }, () => "It is done again.");
  }

  async _tell(path, options, said) {
    const told = this._place.querySelector(".told");
    try {
      write(told, said(await ask(path, options)));
    } catch (refusal) {
      write(told, refusal.message);
    }
    this.refresh();
  }
}

const pathOf = (id) => `api/v1/queue/${encodeURIComponent(id)}`;

function requestView(one, { as, now, satelliteName }) {
  const said = one.text ?? one.heard;
  const facts = [
    KINDS[one.kind] ?? one.kind,
    STATES[one.state] ?? one.state,
    satelliteName(one.satellite),
    as.moment(Date.parse(one.at), now),
    `until ${as.day(Date.parse(one.expires_at))}`,
  ].filter(Boolean).join(" · ");
  const needsYou = NEEDS_YOU.includes(one.state);
  const again = needsYou ? `<form class="again"><input name="text" maxlength="1000" value="${escaped(said ?? "")}" aria-label="What was said"> <button>Do it again</button></form>` : "";
  const drop = one.state === "started" ? "" : `<button type="button" data-do="drop" aria-label="${escaped(`Drop ${said ?? "this request"}`)}">Drop</button>`;
  return `<li data-id="${escaped(one.id)}"><span class="dot ${needsYou ? "odd" : ""}"></span><div><b>${escaped(said ? `“${said}”` : "What was said cannot be read")}</b>
    <small>${escaped(facts)}</small>${one.reason ? `<small>${escaped(one.reason)}</small>` : ""}${again}</div>${drop}</li>`;
}
