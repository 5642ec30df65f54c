/** The status page: who may look, what is looked at, and what the hub says meanwhile. */

import { ask } from "./api.js";
import { Live } from "./live.js";
import { noticesView, stateView } from "./notices.js";
import { Now } from "./now.js";
import { signIn } from "./sign_in.js";
import { chartStyle } from "./shared/charts.js";
import { formats } from "./shared/format.js";
import { markup, write } from "./shared/markup.js";
import { turnStyle } from "./shared/style.js";
import { inEnglish } from "./shared/texts.js";
import { withTurn } from "./shared/turns.js";

const KEPT_TURNS = 50;
/** What is drawn of the past is asked for so often. */
const PAST_MS = 60 * 1000;
/** Views by their names in the address; all but the first are loaded when they are looked at. */
const VIEWS = {
  now: { title: "Now", load: async () => Now },
  trends: { title: "Trends", load: async () => (await import("./trends.js")).Trends },
  privacy: { title: "Privacy", load: async () => (await import("./privacy.js")).Privacy },
  models: { title: "Models", load: async () => (await import("./models.js")).Models },
  hub: { title: "Hub", load: async () => (await import("./hub.js")).Hub },
};

const main = document.getElementById("main");
const views = document.querySelector("nav");
const stateLine = document.querySelector(".state");
const notices = document.getElementById("notices");

/** The page is English: numbers and times are as an English-speaking reader of this browser writes them. */
const as = formats({ language: navigator.languages?.find((one) => one.startsWith("en")) ?? "en-GB" });

class Page {
  constructor() {
    this.state = { link: "waiting", by: null, status: null, turns: [], asking: [], past: {}, failure: null };
    this._live = new Live((message) => this._hear(message), (link) => this._moved(link));
    this._view = null;
    addEventListener("hashchange", () => this._turnTo());
    setInterval(() => !document.hidden && this._view?.refresh?.(), PAST_MS);
  }

  async begin() {
    const style = new CSSStyleSheet();
    style.replaceSync(chartStyle + turnStyle);
    document.adoptedStyleSheets = [style];
    try {
      const { open, by } = await ask("session");
      if (open) this._enter(by);
      else this._shut();
    } catch (failure) {
      this.set({ link: "away", failure });
      setTimeout(() => this.begin(), 3000);
    }
  }

  /** What the views need beside the state. */
  get words() {
    return { heading: "h3", say: inEnglish, as, now: Date.now(), rightToLeft: false, satelliteName: nameOf };
  }

  set(changes) {
    this.state = { ...this.state, ...changes };
    this._due ??= requestAnimationFrame(() => {
      this._due = undefined;
      this._draw();
    });
  }

  /** Ask the hub for something and keep it in `past` by a name; what is refused leaves what was, and says so. */
  async ask(name, path, options) {
    try {
      const told = await ask(path, options);
      this.set({ past: { ...this.state.past, [name]: told }, failure: null });
      return told;
    } catch (failure) {
      if (failure.status === 401) this._shut();
      else this.set({ failure });
      return null;
    }
  }

  async signOut() {
    this._live.stop();
    await ask("session", { method: "DELETE" }).catch(() => {});
    this._shut();
  }

  _enter(by) {
    this.set({ by, link: "waiting" });
    views.hidden = false;
    this._live.start();
    this._turns();
    this._turnTo();
  }

  async _turns() {
    const told = await this.ask("turns", "api/v1/turns?limit=50");
    if (told) this.set({ turns: told.turns });
  }

  /** Ask for the token; nothing of the home stays in sight. */
  _shut() {
    this._live.stop();
    this._view?.close?.();
    this._view = null;
    this._name = undefined;
    views.hidden = true;
    this.set({ link: "shut", status: null, turns: [], past: {}, failure: null });
    document.title = "Edge Voice";
    signIn(main, () => this._enter("cookie"));
  }

  async _turnTo() {
    if (this.state.link === "shut" || location.hash === "#main") return;
    const name = Object.hasOwn(VIEWS, location.hash.slice(2)) ? location.hash.slice(2) : "now";
    if (name === this._name) return;
    const first = this._name === undefined;
    this._name = name;
    for (const link of views.querySelectorAll("a")) {
      if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${VIEWS[name].title} – Edge Voice`;
    const View = await VIEWS[name].load();
    if (name !== this._name) return;
    this._view?.close?.();
    // A place of its own: what a view listens to goes with it.
    const place = document.createElement("div");
    place.className = "view";
    main.replaceChildren(place);
    this._view = new View(place, this);
    this._draw();
    if (!first) {
      main.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    this._view.refresh?.();
  }

  _moved(link) {
    if (link === "shut") this._shut();
    else if (link !== this.state.link) {
      // What happened meanwhile was not heard.
      if (link === "open" && this.state.link === "away") {
        this._turns();
        this._view?.refresh?.();
      }
      this.set({ link });
    }
  }

  _hear(message) {
    if (message.type === "status") this.set({ status: message.status });
    else if (message.type === "asking") this.set({ asking: [...this.state.asking, message].slice(-8) });
    else if (message.type === "turn") {
      const asking = this.state.asking.filter((one) => one.turn_id !== message.turn.turn_id);
      this.set({ turns: withTurn(this.state.turns, message.turn, KEPT_TURNS), asking });
    } else this._view?.heard?.(message);
  }

  _draw() {
    const { state, words } = this;
    stateLine.hidden = state.link === "shut" || (state.status === null && state.link !== "away");
    const { text, look } = stateView(state, words);
    stateLine.className = `state ${look}`;
    write(stateLine, text);
    markup(notices, state.link === "shut" ? "" : noticesView(state, words));
    if (state.link !== "shut") this._view?.draw(state, words);
  }
}

/** A satellite's own name out of its entity's: `assist_satellite.living_room` → Living room; one without is its address. */
function nameOf(satellite) {
  const bare = String(satellite ?? "").replace(/^[a-z_]+\.(?=[^.]+$)/, "").replaceAll("_", " ").trim();
  return bare.charAt(0).toLocaleUpperCase("en") + bare.slice(1);
}

new Page().begin();
