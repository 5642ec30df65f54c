/** The form that asks for the token, once for each browser. */

import { ask } from "./api.js";

const FORM = `<form class="sign-in card" aria-labelledby="sign-in-title" novalidate>
  <img src="page/icon.svg" alt="" width="56" height="56">
  <h1 id="sign-in-title">Who is asking?</h1>
  <p>This page shows what was understood in your home, so it asks for the hub's token once.
    A cookie stays in this browser until you sign out, the token changes, the server restarts or 30 days have passed.</p>
  <label for="token">Token</label>
  <input id="token" name="token" type="password" required autocomplete="current-password" spellcheck="false"
    autocapitalize="off" aria-describedby="token-hint token-refused">
  <p class="note" id="token-hint">On the hub's machine, <code>edge-voice token</code> prints it.</p>
  <p class="refused" id="token-refused" role="alert"></p>
  <button class="strong" type="submit">Let me in</button>
</form>`;

const INGRESS_HINT =
  "For administrators this page opens by itself, once the integration Edge Voice is set up in Home Assistant.";

/** Show the form; `entered` is called once the hub has taken the token. */
export function signIn(place, entered) {
  place.innerHTML = FORM;
  if (location.pathname.includes("/api/hassio_ingress/")) {
    place.querySelector("#token-hint").textContent = INGRESS_HINT;
  }
  const form = place.querySelector("form");
  const refused = form.querySelector(".refused");
  const button = form.querySelector("button");
  form.token.focus({ preventScroll: true });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = form.token.value.trim();
    if (token === "") {
      refused.textContent = "Paste the token first.";
      form.token.focus();
      return;
    }
    button.disabled = true;
    try {
      await ask("session", { method: "POST", body: { token } });
      place.innerHTML = '<p class="waiting">Asking the hub…</p>';
      entered();
    } catch (refusal) {
      refused.textContent = refusal.code === "token-refused" ? "That is not the token. It may have been replaced: look again." : refusal.message;
      form.token.setAttribute("aria-invalid", "true");
      form.token.select();
    } finally {
      button.disabled = false;
    }
  });
}
