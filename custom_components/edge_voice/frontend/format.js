/** Numbers and times as the user's Home Assistant writes them. */

const SEPARATED = { comma_decimal: "en-US", decimal_comma: "de", space_comma: "fr", quote_decimal: "de-CH" };

/** Formats for a `hass.locale` (language, number_format, time_format, time_zone) and the home's own time zone. */
export function formats(locale = {}, homeTimeZone = undefined) {
  const language = usable(locale.language);
  const numbers = SEPARATED[locale.number_format] ?? language;
  const grouping = locale.number_format !== "none";
  const timeZone = locale.time_zone === "server" ? homeTimeZone : undefined;
  const hour12 = { 12: true, 24: false }[locale.time_format];
  const number = (digits) => new Intl.NumberFormat(numbers, { maximumFractionDigits: digits, useGrouping: grouping });
  const share = new Intl.NumberFormat(numbers, { style: "percent", maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(numbers, { style: "percent", maximumFractionDigits: 1 });
  const signed = new Intl.NumberFormat(numbers, { maximumFractionDigits: 0, signDisplay: "exceptZero" });
  const clock = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit", hour12, timeZone });
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone });
  const plain = number(0);
  const seconds = number(1);
  return {
    number: (value) => plain.format(value),
    seconds: (value) => seconds.format(value),
    decibels: (value) => `${plain.format(value)} dB`,
    ms: (value) => `${plain.format(value)} ms`,
    share: (value) => (value > 0 && value < 0.0995 ? fine : share).format(value),
    points: (value) => signed.format(Math.round(value) || 0).replace("-", "−"),
    money: (value, currency) => money(numbers, value, currency),
    language: (tag) => languageName(language, tag),
    clock: (at) => clock.format(at),
    day: (at) => day.format(at),
    /** The clock for today, the day before it for any other. */
    moment: (at, now) => (day.format(at) === day.format(now) ? clock.format(at) : `${day.format(at)}, ${clock.format(at)}`),
  };
}

function usable(tag) {
  try {
    return Intl.getCanonicalLocales(tag || "en")[0];
  } catch {
    return "en";
  }
}

function money(language, value, currency) {
  // A sentence costs a fraction of a cent: two digits would say that it is free.
  const digits = value > 0 && value < 0.1 ? 4 : 2;
  try {
    return new Intl.NumberFormat(language, { style: "currency", currency, maximumFractionDigits: digits }).format(value);
  } catch {
    return `${value.toFixed(digits)} ${currency}`;
  }
}

function languageName(language, tag) {
  try {
    return new Intl.DisplayNames(language, { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}
