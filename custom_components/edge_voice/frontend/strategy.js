/** A dashboard that makes itself of what a home has: `strategy: {type: custom:edge-voice}`. */

import { inEnglish, textsOf } from "./texts.js";

const TYPE = "ll-strategy-dashboard-edge-voice";
/** What is shown, by the keys that entities' names are translated by; what a home has not, or has hidden, is left out. */
const STEERING = ["routing_mode", "cloud_allowed", "confirm_critical", "keep_transcripts", "keep_recordings", "cloud_seconds_per_day", "cloud_money_per_month"];
const FIGURES = ["latency_p50", "latency_p95", "escalation_rate", "retry_rate", "drift", "uploads_this_month", "cloud_seconds_today", "cloud_cost_this_month"];
const SATELLITE = ["microphone", "snr", "satellite_answer_early", "microphone_class", "satellite_wake_threshold"];
const FEATURES = { routing_mode: { type: "select-options" } };

/** A view for each hub: the card, and beside it what steers, figures and each satellite. */
export function viewsOf(hass, say) {
  const ours = Object.values(hass.entities).filter((one) => one.platform === "edge_voice" && !one.hidden);
  const hubs = [...new Set(ours.filter((one) => one.translation_key === "routing_mode").map((one) => one.device_id))];
  return hubs.map((hub) => viewOf(hass, say, ours, hub, hubs.length > 1));
}

function viewOf(hass, say, ours, hub, several) {
  const entry = hass.devices[hub]?.config_entries?.[0];
  const satellites = Object.values(hass.devices).filter((device) => device.via_device_id === hub);
  const of = (device) => (keys) => tilesOf(ours.filter((one) => one.device_id === device), keys);
  const sections = [
    [{ type: "custom:edge-voice-card", ...(several ? { entry_id: entry } : {}), grid_options: { columns: "full" } }],
    // One section: beside the card, which is long, several would leave gaps.
    [
      ...headed(say("dashboard_steering"), "mdi:tune", of(hub)(STEERING)),
      ...headed(say("dashboard_figures"), "mdi:chart-timeline", of(hub)(FIGURES)),
      ...satellites.flatMap((device) => headed(nameOf(device), "mdi:microphone-message", of(device.id)(SATELLITE))),
    ],
  ];
  return {
    title: several ? nameOf(hass.devices[hub]) : say("dashboard_title"),
    path: several ? hub : "voice",
    type: "sections",
    max_columns: 2,
    sections: sections.filter((cards) => cards.length > 0).map((cards) => ({ type: "grid", cards })),
  };
}

function headed(heading, icon, tiles) {
  return tiles.length > 0 ? [{ type: "heading", heading, icon }, ...tiles] : [];
}

function tilesOf(entities, keys) {
  return keys
    .map((key) => entities.find((one) => one.translation_key === key))
    .filter(Boolean)
    .map(({ entity_id: entity, translation_key: key }) => {
      const tile = { type: "tile", entity, name: { type: "entity" } };
      return FEATURES[key] ? { ...tile, features: [FEATURES[key]], grid_options: { columns: "full" } } : tile;
    });
}

const nameOf = (device) => device?.name_by_user || device?.name || "";

class EdgeVoiceStrategy extends HTMLElement {
  static async generate(_config, hass) {
    const say = await textsOf(hass.locale?.language ?? hass.language);
    const views = viewsOf(hass, say);
    if (views.length > 0) return { title: say("dashboard_title"), views };
    return { views: [{ cards: [{ type: "markdown", content: say("not_set_up") }] }] };
  }
}

if (!customElements.get(TYPE)) {
  customElements.define(TYPE, EdgeVoiceStrategy);
  window.customStrategies = window.customStrategies ?? [];
  window.customStrategies.push({
    type: "edge-voice",
    strategyType: "dashboard",
    name: inEnglish("name"),
    description: inEnglish("description"),
    documentationURL: "https://github.com/edge-voice/edge-voice/blob/main/docs/dashboard.md",
  });
}
