/** The card's settings: what may stand in its YAML, and what the form that edits them asks. */

import { inEnglish } from "./texts.js";

export const PARTS = ["figures", "turns", "escalation", "destinations", "uploads"];
export const LIMITS = { turns: { least: 1, most: 30 }, days: { least: 1, most: 30 } };
export const DEFAULTS = { turns: 8, days: 7, show: PARTS };

/** Settings with their defaults; throws an Error that says what is wrong, which Home Assistant shows in the card's place. */
export function checked(config, say = inEnglish) {
  const settings = { ...DEFAULTS, ...config };
  for (const key of ["turns", "days"]) {
    const { least, most } = LIMITS[key];
    const value = settings[key];
    if (!Number.isInteger(value) || value < least || value > most) throw new Error(say(`bad_${key}`, { least, most }));
  }
  if (!Array.isArray(settings.show) || settings.show.some((part) => !PARTS.includes(part))) {
    throw new Error(say("bad_show", { parts: PARTS.join(", ") }));
  }
  return settings;
}

/** Settings without what is so anyway, for short YAML. */
export function withoutDefaults(config) {
  const same = ([key, value]) => value === "" || value === undefined || JSON.stringify(value) === JSON.stringify(DEFAULTS[key]);
  return Object.fromEntries(Object.entries(config).filter((entry) => !same(entry)));
}

/** The fields, as Home Assistant's forms take them. */
export function fields(say) {
  const parts = PARTS.map((value) => ({ value, label: say(`setting_show_${value}`) }));
  const number = ({ least, most }) => ({ number: { min: least, max: most, step: 1, mode: "slider" } });
  return [
    { name: "title", selector: { text: {} } },
    { name: "entry_id", selector: { config_entry: { integration: "edge_voice" } } },
    { name: "turns", selector: number(LIMITS.turns) },
    { name: "days", selector: number(LIMITS.days) },
    { name: "show", selector: { select: { multiple: true, mode: "list", options: parts } } },
  ];
}

/** What a field is called. */
export function labelOf(say, { name }) {
  return say(name === "entry_id" ? "setting_entry" : `setting_${name}`);
}
