/** What happens, as it happens: the hub's WebSocket, opened again whenever it ends. */

import { ask } from "./api.js";

const AGAIN_MS = 1000;
const LATEST_MS = 30 * 1000;
/** The hub's word for a session that has ended. */
const TOKEN_ENDED = 4401;

export class Live {
  /** `hear` takes each message; `moved` takes `open`, `away` (it tries again by itself) or `shut` (a token is needed). */
  constructor(hear, moved) {
    this._hear = hear;
    this._moved = moved;
    this._againMs = AGAIN_MS;
    addEventListener("online", () => this._hurry());
    document.addEventListener("visibilitychange", () => this._hurry());
  }

  start() {
    this._wanted = true;
    const address = new URL("api/v1/events", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    address.hash = "";
    const socket = (this._socket = new WebSocket(address));
    socket.onmessage = ({ data }) => {
      if (socket !== this._socket) return;
      this._againMs = AGAIN_MS;
      this._moved("open");
      this._hear(JSON.parse(data));
    };
    socket.onclose = ({ code }) => {
      if (socket === this._socket && this._wanted) this._lost(code);
    };
  }

  stop() {
    this._wanted = false;
    clearTimeout(this._timer);
    this._socket?.close();
    this._socket = undefined;
  }

  async _lost(code) {
    this._socket = undefined;
    // A refused handshake says nothing of why.
    const isShut = code === TOKEN_ENDED || (await ask("session").then(({ open }) => !open, () => false));
    if (!this._wanted) return;
    this._moved(isShut ? "shut" : "away");
    if (isShut) return;
    this._timer = setTimeout(() => this.start(), this._againMs);
    this._againMs = Math.min(2 * this._againMs, LATEST_MS);
  }

  /** Whoever looks again, or has a network again, does not wait. */
  _hurry() {
    if (!this._wanted || this._socket || document.hidden) return;
    clearTimeout(this._timer);
    this._againMs = AGAIN_MS;
    this.start();
  }
}
