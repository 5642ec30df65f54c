/** Styles on Home Assistant's variables; widths follow the card's, not the window's. */

import { chartStyle } from "./charts.js";

/** Of turns, and why each went as it did: any page that shows these takes it, within a container. */
export const turnStyle = `
  ol, ul { list-style: none; margin: 0; padding: 0; }
  .row, .axis-row { display: grid; grid-template-columns: minmax(110px, 34%) 1fr 68px; gap: 4px 12px; align-items: center; }
  .row { inline-size: 100%; box-sizing: border-box; padding: 8px; margin: 0; border: 0; border-radius: 8px; background: none;
    color: inherit; font: inherit; text-align: start; cursor: pointer; min-block-size: 44px; }
  .axis-row { padding: 0 8px; }
  .row:hover, .row[aria-expanded="true"] { background: color-mix(in srgb, var(--ev-ink) 5%, transparent); }
  .row:focus-visible { outline: 2px solid var(--primary-color, #03a9f4); outline-offset: -2px; }
  .who { display: flex; flex-direction: column; min-inline-size: 0; }
  .who b { font-weight: 400; font-size: 14px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .who small { font-size: 12px; color: var(--ev-quiet); overflow-wrap: anywhere; }
  .total { text-align: end; font-size: 14px; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .total.over { color: var(--ev-warning); font-weight: 500; }
  .total.over::before { content: "▲ "; font-size: 9px; vertical-align: 2px; }
  .legend { display: flex; flex-wrap: wrap; gap: 4px 14px; margin: 6px 8px 0; font-size: 12px; color: var(--ev-quiet); }
  .legend li { display: inline-flex; align-items: center; gap: 6px; }

  .why { display: grid; gap: 16px; padding: 8px 8px 20px; font-size: 13px; }
  .why p { margin: 0; line-height: 1.45; }
  .why .reason { font-size: 14px; overflow-wrap: anywhere; }
  .lines { display: grid; grid-template-columns: minmax(90px, 34%) 1fr auto; gap: 6px 10px; align-items: center; }
  .lines > * { min-inline-size: 0; overflow-wrap: anywhere; }
  .lines .number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
  .lines .over { color: var(--ev-warning); font-weight: 500; }
  .sides { display: flex; justify-content: space-between; color: var(--ev-quiet); font-size: 11px; }
  .stage { display: flex; align-items: center; gap: 6px; }
  .facts { display: grid; grid-template-columns: minmax(90px, 34%) 1fr; gap: 4px 10px; margin: 0; }
  .facts dt { color: var(--ev-quiet); }
  .facts dd { margin: 0; overflow-wrap: anywhere; }

  .shares { display: grid; gap: 6px; margin-block-start: 10px; font-size: 13px; }
  .shares li { display: grid; grid-template-columns: 10px 1fr auto auto; gap: 10px; align-items: center; }
  .shares .quiet { color: var(--ev-quiet); font-size: 12px; }
  .shares .number { text-align: end; font-variant-numeric: tabular-nums; min-inline-size: 4ch; }
  .uploads b { font-weight: 500; overflow-wrap: anywhere; }
  .uploads small { display: block; color: var(--ev-quiet); font-size: 12px; overflow-wrap: anywhere; }
  .plot { padding-block: 14px 0; }

  @container (min-width: 640px) {
    .why { grid-template-columns: 1fr 1fr; }
    .why .wide { grid-column: 1 / -1; }
  }
  @container (max-width: 440px) {
    .row { grid-template-columns: 1fr auto; padding-inline: 4px; }
    .row .bar-place { grid-column: 1 / -1; grid-row: 2; padding-block-end: 4px; }
    .axis-row { grid-template-columns: 1fr; padding-inline: 4px; }
    .axis-row > :not(.bar-place) { display: none; }
    .legend { margin-inline: 4px; }
  }
  @media (prefers-reduced-motion: no-preference) {
    .new { animation: appear .4s ease-out; }
    @keyframes appear { from { opacity: 0; transform: translateY(-6px); } }
  }
  @media (forced-colors: active) {
    svg.ev, .swatch { forced-color-adjust: none; }
  }
`;

/** The card's own. */
export const cardStyle = `${chartStyle}${turnStyle}
  :host { display: block; }
  ha-card { display: block; block-size: 100%; box-sizing: border-box; container-type: inline-size; color: var(--ev-ink); overflow: hidden; }
  [dir="rtl"] svg.bar { transform: scaleX(-1); }
  svg.ev { direction: ltr; }
  .page { display: flex; flex-direction: column; gap: 20px; padding: 16px; }
  header { display: flex; align-items: center; justify-content: space-between; gap: 8px; }
  h2 { margin: 0; font: inherit; font-size: var(--ha-card-header-font-size, 24px); line-height: 1.2;
    color: var(--ha-card-header-color, var(--ev-ink)); overflow: hidden; text-overflow: ellipsis; }
  h3 { margin: 0; font: inherit; font-size: 16px; font-weight: 500; }
  h4 { margin: 0 0 4px; font: inherit; font-size: 13px; font-weight: 500; }
  .note, .hint { margin: 2px 0 8px; color: var(--ev-quiet); font-size: 12px; line-height: 1.4; }
  section[hidden], [hidden] { display: none !important; }

  .mode { display: inline-flex; align-items: center; gap: 6px; padding: 4px 10px; border-radius: 999px; font-size: 12px;
    white-space: nowrap; border: 1px solid var(--ev-line); color: var(--ev-ink); }
  .mode::before { content: ""; inline-size: 8px; block-size: 8px; border-radius: 50%; background: var(--success-color, #43a047); }
  .mode.odd::before { background: var(--warning-color, #ffa600); border-radius: 0; transform: rotate(45deg); }
  .mode.bad::before { background: var(--ev-warning); border-radius: 0; }
  .said { padding: 10px 12px; border-radius: 8px; font-size: 14px; line-height: 1.4; border-inline-start: 4px solid var(--warning-color, #ffa600);
    background: color-mix(in srgb, var(--warning-color, #ffa600) 12%, transparent); }
  .waits { margin: 0; font-size: 14px; color: var(--ev-quiet); }
  .said.bad { border-inline-start-color: var(--ev-warning); background: color-mix(in srgb, var(--ev-warning) 12%, transparent); }
  .empty { padding: 20px 12px; text-align: center; color: var(--ev-quiet); line-height: 1.5; }

  .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 12px; margin: 0; }
  .figures div { display: flex; flex-direction: column; }
  .figures dt { order: 1; font-size: 12px; color: var(--ev-quiet); }
  .figures dd { margin: 0; }
  .figures .value { order: 2; font-size: 26px; line-height: 1.25; font-variant-numeric: tabular-nums; }
  .figures .below { order: 3; font-size: 12px; color: var(--ev-quiet); }

  @container (max-width: 440px) {
    .figures { grid-template-columns: repeat(auto-fit, minmax(92px, 1fr)); }
    .figures .value { font-size: 20px; }
  }
`;
