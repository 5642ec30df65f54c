/** The card's words in the user's language. The tables of `texts/` hold the others; English stands for what they lack. */

import { english } from "./texts/en.js";

/** Languages that there is a table for, by the names Home Assistant gives them. */
export const LANGUAGES = ["de", "en", "es", "fr", "it", "nl", "pl", "pt-BR", "sv", "zh-Hans"];

/** The table that serves a language best: its own, else one of the same language, else English's. */
export function tableFor(language) {
  const wanted = String(language ?? "en");
  const base = (tag) => tag.toLowerCase().split("-")[0];
  return (
    LANGUAGES.find((one) => one.toLowerCase() === wanted.toLowerCase()) ??
    LANGUAGES.find((one) => base(one) === base(wanted)) ??
    "en"
  );
}

/** Load the words of a language: a function from a key and its placeholders to a sentence. */
export async function textsOf(language) {
  const name = tableFor(language);
  if (name === "en") return speaker(english);
  try {
    const table = (await import(`./texts/${name}.js`)).default;
    return speaker({ ...english, ...table });
  } catch {
    return speaker(english);
  }
}

/** A function from a key and its placeholders to a sentence; `or` stands in for a key that nobody knows. */
export function speaker(table) {
  return (key, placeholders = {}, or = key) => {
    const sentence = Object.hasOwn(table, key) ? table[key] : or;
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => String(placeholders[name] ?? whole));
  };
}

/** English at once, for whatever is shown before the user's own language is there. */
export const inEnglish = speaker(english);
