/**
 * Data → SVG as text. Nothing of Home Assistant: any page that takes `chartStyle` into its styles can show these.
 *
 * Widths are percentages, so that a chart fits its place without being measured, and no `style` attribute is used, so
 * that a page may forbid them. Colours are Home Assistant's where there are any. Whatever a colour says is said in words
 * too, in a title, a label or a pattern.
 */

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as markup. */
export function escaped(text) {
  return String(text ?? "").replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

const percent = (share) => `${(100 * Math.min(1, Math.max(0, share))).toFixed(3)}%`;
const titled = (title) => (title ? `<title>${escaped(title)}</title>` : "");

export const chartStyle = `
  :host, :root {
    --ev-surface: var(--ha-card-background, var(--card-background-color, #fff));
    --ev-ink: var(--primary-text-color, #212121);
    --ev-quiet: var(--secondary-text-color, #727272);
    --ev-line: var(--divider-color, rgba(0, 0, 0, .12));
    --ev-capture: var(--grey-color, #9e9e9e);
    --ev-inference: var(--blue-color, #2196f3);
    --ev-hold: var(--amber-color, #ffc107);
    --ev-post: var(--purple-color, #926bc7);
    --ev-cloud: var(--deep-orange-color, #ff6f22);
    --ev-transport: var(--teal-color, #009688);
    --ev-hub: var(--teal-color, #009688);
    --ev-home: var(--light-blue-color, #03a9f4);
    --ev-failed: var(--grey-color, #9e9e9e);
    --ev-against: var(--deep-orange-color, #ff6f22);
    --ev-for: var(--teal-color, #009688);
    --ev-warning: var(--error-color, #db4437);
  }
  svg.ev { display: block; inline-size: 100%; overflow: visible; }
  svg.ev text { fill: var(--ev-quiet); font-family: inherit; font-size: 11px; }
  svg.ev .track { fill: var(--ev-line); }
  svg.ev .grid { stroke: var(--ev-line); stroke-width: 1; }
  svg.ev .axis { stroke: var(--ev-quiet); stroke-width: 1; }
  svg.ev .budget { stroke: var(--ev-ink); stroke-width: 1.5; stroke-dasharray: 3 2; }
  svg.ev .gap { stroke: var(--ev-surface); stroke-width: 1; }
  svg.ev .stripes { stroke: var(--ev-surface); stroke-width: 2; stroke-opacity: .55; }
  svg.ev .area { fill: var(--ev-cloud); fill-opacity: .16; }
  svg.ev .curve { fill: none; stroke: var(--ev-cloud); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  svg.ev .dot { fill: var(--ev-cloud); stroke: var(--ev-surface); stroke-width: 1.5; }
  svg.ev .torn { fill: var(--ev-surface); }
  svg.ev .likely { fill-opacity: .32; }
  svg.ev .known { stroke: var(--ev-surface); stroke-width: 1.5; }
  ${["hub", "cloud", "inference", "hold", "failed"]
    .map((kind) => `.${kind}-line .under { fill: var(--ev-${kind}); fill-opacity: .14; } .${kind}-line .over { fill: none; stroke: var(--ev-${kind}); stroke-width: 2; stroke-linejoin: round; }
  .${kind}-line .end { fill: var(--ev-${kind}); stroke: var(--ev-surface); stroke-width: 1.5; }`)
    .join("\n  ")}
  ${["capture", "inference", "hold", "post", "cloud", "transport", "hub", "home", "failed", "against", "for"]
    .map((kind) => `svg.ev .${kind} { fill: var(--ev-${kind}); } .swatch.${kind} { background-color: var(--ev-${kind}); }`)
    .join("\n  ")}
  .swatch { display: inline-block; flex: none; inline-size: 10px; block-size: 10px; border-radius: 2px; }
  .swatch.cloud { background-image: repeating-linear-gradient(135deg, transparent 0 2px, var(--ev-surface) 2px 3px); }
`;

/** Stripes over what left the home, for those who see no colours; one per drawing. */
const STRIPES = `<defs><pattern id="ev-stripes" width="5" height="5" patternUnits="userSpaceOnUse"
  patternTransform="rotate(45)"><line class="stripes" x1="0" y1="0" x2="0" y2="5"/></pattern></defs>`;

/** One rectangle of a bar: `from` and `share` are parts of the whole width. */
function block({ kind, from, share, height, title, top = 0 }) {
  const place = `x="${percent(from)}" y="${top}" width="${percent(share)}" height="${height}"`;
  const stripes = kind === "cloud" ? `<rect ${place} fill="url(#ev-stripes)"/>` : "";
  return `<g>${titled(title)}<rect class="${kind} gap" ${place}/>${stripes}</g>`;
}

/**
 * A turn's stages one behind another, and where the budget ends.
 *
 * `parts` are `{kind, ms, title}`; whatever is behind `scaleMs` is torn off. Without a budget, `budgetMs` is null.
 */
export function waterfall({ parts, scaleMs, budgetMs, label, height = 14 }) {
  let passedMs = 0;
  const blocks = parts.map(({ kind, ms, title }) => {
    const from = passedMs / scaleMs;
    passedMs += ms;
    const share = Math.min(passedMs / scaleMs, 1) - from;
    return ms > 0 && share > 0 ? block({ kind, from, share, height, title }) : "";
  });
  const torn = passedMs > scaleMs
    ? `<svg x="100%" width="10" height="${height}" overflow="visible"><path class="torn"
        d="M0 0 L-5 ${height / 4} L0 ${height / 2} L-5 ${0.75 * height} L0 ${height} L3 ${height} L3 0 Z" transform="translate(-2.5 0)"/></svg>`
    : "";
  const line = percent(budgetMs / scaleMs);
  const budget = budgetMs === null ? "" : `<line class="budget" x1="${line}" x2="${line}" y1="-3" y2="${height + 3}"/>`;
  return `<svg class="ev bar" height="${height}" role="img" aria-label="${escaped(label)}">${STRIPES}
    <rect class="track" width="100%" height="${height}" rx="2"/>${blocks.join("")}${torn}${budget}</svg>`;
}

/** The scale above waterfalls: 0, the budget by name, and the end where it is far enough from that. */
export function waterfallAxis({ scaleMs, budgetMs, format, budgetLabel, rightToLeft = false }) {
  // Waterfalls are mirrored as a whole where one reads from right to left; words cannot be.
  const place = (ms) => percent(rightToLeft ? 1 - ms / scaleMs : ms / scaleMs);
  const [near, far] = rightToLeft ? ["end", "start"] : ["start", "end"];
  const word = (ms, anchor, text) => `<text x="${place(ms)}" y="11" text-anchor="${anchor}">${escaped(text)}</text>`;
  const end = scaleMs >= 2 * budgetMs ? word(scaleMs, far, format(scaleMs)) : "";
  return `<svg class="ev" height="14" aria-hidden="true">${word(0, near, format(0))}${word(budgetMs, "middle", budgetLabel)}${end}</svg>`;
}

/** Parts of a whole in one bar: `parts` are `{kind, value, title}`. */
export function shareBar({ parts, label }) {
  const whole = parts.reduce((sum, { value }) => sum + value, 0);
  const height = 18;
  let passed = 0;
  const blocks = parts.map(({ kind, value, title }) => {
    const from = passed / whole;
    passed += value;
    return block({ kind, from, share: value / whole, height, title });
  });
  return `<svg class="ev bar" height="${height}" role="img" aria-label="${escaped(label)}">${STRIPES}
    <rect class="track" width="100%" height="${height}" rx="3"/>${whole > 0 ? blocks.join("") : ""}</svg>`;
}

/** One signed value beside its zero, in the middle; `most` is the largest of its list. */
export function signedBar({ value, most }) {
  const share = most > 0 ? Math.min(1, Math.abs(value) / most) / 2 : 0;
  const from = value < 0 ? 0.5 - share : 0.5;
  return `<svg class="ev bar" height="10" aria-hidden="true">
    <rect class="${value < 0 ? "for" : "against"}" x="${percent(from)}" width="${percent(share)}" height="10" rx="1"/>
    <line class="axis" x1="50%" x2="50%" y1="-2" y2="12"/></svg>`;
}

/** A chance from 0 to 1, and the one from which something else is done. */
export function meter({ value, threshold, label }) {
  const mark = Number.isFinite(threshold)
    ? `<line class="budget" x1="${percent(threshold)}" x2="${percent(threshold)}" y1="-3" y2="13"/>`
    : "";
  const kind = Number.isFinite(threshold) && value > threshold ? "against" : "for";
  return `<svg class="ev bar" height="10" role="img" aria-label="${escaped(label)}">
    <rect class="track" width="100%" height="10" rx="2"/>
    <rect class="${kind}" width="${percent(value)}" height="10" rx="2"/>${mark}</svg>`;
}

/** The smallest round share at or above all of them. */
function roundTop(values) {
  const top = Math.max(...values, 0);
  return [0.05, 0.1, 0.2, 0.25, 0.5].find((one) => top <= one) ?? 1;
}

/** A line through `{at, value}` (0 to 1) from the first to the last time, with its scales. */
export function trend({ points, formatValue, formatTime, label }) {
  const height = 96;
  const [first, last] = [points[0].at, points.at(-1).at];
  const top = roundTop(points.map(({ value }) => value));
  const x = (at) => (last > first ? (100 * (at - first)) / (last - first) : 100);
  const y = (value) => height * (1 - value / top);
  const path = points.map(({ at, value }) => `${x(at).toFixed(2)} ${y(value).toFixed(2)}`).join(" L");
  const lines = [0, 0.5, 1].map((part) => `<line class="grid" x1="0" x2="100%" y1="${height * part}" y2="${height * part}"/>`);
  const words = [0, 0.5, 1].map((part) => formatTime(first + part * (last - first)));
  // Within a minute, or a day, all are the same: one is enough.
  const told = words.map((word, index) => words.indexOf(word) === index);
  const times = words.map((word, index) => {
    const anchor = ["start", "middle", "end"][index];
    return told[index] ? `<text x="${50 * index}%" y="${height + 15}" text-anchor="${anchor}">${escaped(word)}</text>` : "";
  });
  const end = points.at(-1);
  return `<svg class="ev trend" height="${height + 18}" role="img" aria-label="${escaped(label)}">${titled(label)}${lines.join("")}
    <svg width="100%" height="${height}" viewBox="0 0 100 ${height}" preserveAspectRatio="none" overflow="visible">
      <path class="area" d="M${x(first).toFixed(2)} ${height} L${path} L${x(last).toFixed(2)} ${height} Z"/>
      <path class="curve" vector-effect="non-scaling-stroke" d="M${path}"/></svg>
    <circle class="dot" cx="${x(end.at)}%" cy="${y(end.value).toFixed(2)}" r="4"/>
    <text x="0" y="-4">${escaped(formatValue(top))}</text>${times.join("")}</svg>`;
}

/** How something went, without scales: `points` are `{at, value}`, a value of null is a gap; `limit` is a line across. */
export function spark({ points, top, limit = null, kind, label, height = 44 }) {
  const known = points.filter(({ value }) => Number.isFinite(value));
  if (known.length < 2) return "";
  const [first, last] = [known[0].at, known.at(-1).at];
  const highest = top ?? (Math.max(limit ?? 0, ...known.map(({ value }) => value)) * 1.1 || 1);
  const x = (at) => (last > first ? (100 * (at - first)) / (last - first) : 100).toFixed(2);
  const y = (value) => (height * (1 - Math.min(1, value / highest))).toFixed(2);
  const path = known.map(({ at, value }) => `${x(at)} ${y(value)}`).join(" L");
  const line = limit === null ? "" : `<line class="budget" x1="0" x2="100%" y1="${y(limit)}" y2="${y(limit)}"/>`;
  return `<svg class="ev spark ${kind}-line" height="${height}" role="img" aria-label="${escaped(label)}">
    <svg width="100%" height="${height}" viewBox="0 0 100 ${height}" preserveAspectRatio="none" overflow="visible">
      <path class="under" d="M${x(first)} ${height} L${path} L${x(last)} ${height} Z"/>
      <path class="over" vector-effect="non-scaling-stroke" d="M${path}"/></svg>${line}
    <circle class="end" cx="100%" cy="${y(known.at(-1).value)}" r="3.5"/></svg>`;
}

/** A value between the least and the most that it may well be; `most` ends the scale. */
export function interval({ value, low, high, most, kind, label }) {
  const at = (share) => percent(share / most);
  return `<svg class="ev bar" height="12" role="img" aria-label="${escaped(label)}">
    <rect class="track" y="4" width="100%" height="4" rx="2"/>
    <svg x="${at(low)}" width="${percent((Math.min(high, most) - low) / most)}" height="12"><rect class="${kind} likely" y="2" width="100%" height="8" rx="4"/></svg>
    <circle class="${kind} known" cx="${at(value)}" cy="6" r="5"/></svg>`;
}
