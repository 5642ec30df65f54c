/** What its owner should see first: the mode, and whatever is not as it should be, each with its cure. */

import { escaped } from "./shared/charts.js";
import { isDegraded } from "./shared/views.js";

/** The line beside the views: `{text, look}`. */
export function stateView({ link, status }, { say }) {
  if (link === "away") return { text: "Not reachable", look: "bad" };
  if (status === null) return { text: "", look: "" };
  return { text: say(`mode_${status.mode}`, {}, status.mode), look: status.mode === "unavailable" ? "bad" : isDegraded(status) ? "odd" : "" };
}

/** All that is to be said, the gravest first. */
export function noticesView({ link, status, failure }, words) {
  const said = [];
  if (link === "away") said.push(["bad", "The hub cannot be reached. What you see is from before; this page goes on by itself when it is back."]);
  else if (failure) said.push(["bad", failure.message]);
  if (status) {
    // The starter model has a warning of its own, which names the cure.
    const isTold = status.mode === "starter" && status.warnings.some(({ code }) => code === "starter-model");
    if (isDegraded(status) && status.mode_reason && !isTold) said.push([status.mode === "unavailable" ? "bad" : "odd", modeText(status, words)]);
    for (const alarm of status.drift.alarms) said.push(["odd", alarm.message, "#/trends", "See what changed"]);
    if (status.resources.saturated) said.push(["odd", status.resources.reason, "#/hub", "See the hub"]);
    for (const warning of status.warnings) said.push(["odd", warning.message]);
  }
  const once = said.filter(([, text], index) => said.findIndex(([, other]) => other === text) === index);
  return once.map(notice).join("");
}

/** Why the mode is not normal, since when, and what ends that. */
function modeText({ mode_reason: reason, mode_since: since, mode_ends: ends }, { as, now }) {
  return [reason, since ? `Since ${as.moment(Date.parse(since), now)}.` : "", ends].filter(Boolean).join(" ");
}

function notice([look, text, address, link]) {
  const more = address ? ` <a href="${address}">${escaped(link)}</a>` : "";
  return `<p class="notice ${look}" role="${look === "bad" ? "alert" : "note"}">${escaped(text)}${more}</p>`;
}
