/** Figures over time on a canvas, by uPlot: with words for those who do not see it, and arrow keys for those without a mouse. */

import { escaped } from "./shared/charts.js";
import { markup, write } from "./shared/markup.js";

let library;
const scheme = matchMedia("(prefers-color-scheme: dark)");

/** The chart library and its styles, loaded with the first plot. */
function loaded() {
  library ??= Promise.all([import("./vendor/uplot/uPlot.esm.js"), styled("./vendor/uplot/uPlot.min.css")]).then(([one]) => one.default);
  return library;
}

function styled(path) {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL(path, import.meta.url).href;
  return new Promise((done) => {
    link.onload = link.onerror = done;
    document.head.append(link);
  });
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--ev-${name}`).trim();
/** A colour with so much of it left, of 255. */
const faded = (name, left) => `color-mix(in srgb, ${colour(name)} ${Math.round((100 * left) / 255)}%, transparent)`;

const FEW_POINTS = 8;

const heightOf = (width) => (width < 460 ? 180 : 220);

export class Plot {
  /**
   * Draw into a `figure`. `lines` are `{label, kind, shape: "line" | "bars" | "area", dash, format}`, each for a column;
   * `limit` is `{value, label}`, a line across; `top` is the least that the scale reaches.
   */
  constructor(figure, { title, hint, lines, limit = null, top = null, format, as }) {
    Object.assign(this, { _figure: figure, _lines: lines, _limit: limit, _top: top, _format: format, _as: as, _title: title });
    figure.innerHTML = `<figcaption><h3>${escaped(title)}</h3><p class="note">${escaped(hint)}</p></figcaption>
      <p class="readout" aria-live="polite"></p>
      <div class="canvas" role="img" tabindex="0" aria-label="${escaped(title)}"></div>
      <ul class="legend">${lines.map(({ label, kind }) => `<li><span class="swatch ${kind}"></span>${escaped(label)}</li>`).join("")}</ul>
      <details><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label="${escaped(title)}"></div></details>`;
    this._place = figure.querySelector(".canvas");
    this._readout = figure.querySelector(".readout");
    this._details = figure.querySelector("details");
    this._place.addEventListener("keydown", (event) => this._step(event));
    this._place.addEventListener("blur", () => this._point(null));
    this._details.addEventListener("toggle", () => this._tell());
    this._sized = new ResizeObserver(() => this._size());
    this._sized.observe(this._place);
    this._recoloured = () => this._build();
    scheme.addEventListener("change", this._recoloured);
  }

  /** Show columns, one for each line, over times in milliseconds; null is a gap. `said` are others to say in their place. */
  draw(times, columns, said = columns) {
    const shown = JSON.stringify([times, columns]);
    if (shown === this._shown) return;
    this._shown = shown;
    this._times = times;
    this._columns = columns;
    this._said = said;
    this._place.setAttribute("aria-label", this._summary());
    this._tell();
    this._build();
  }

  close() {
    this._closed = true;
    this._sized.disconnect();
    scheme.removeEventListener("change", this._recoloured);
    this._chart?.destroy();
  }

  async _build() {
    if (!this._times) return;
    const Chart = await loaded();
    if (this._closed) return;
    this._chart?.destroy();
    const isEmpty = this._columns.every((column) => column.every((value) => value === null));
    this._figure.classList.toggle("without", isEmpty);
    const width = this._place.clientWidth || 600;
    const data = [this._times.map((at) => at / 1000), ...this._columns];
    this._chart = new Chart(this._options(Chart, width), data, this._place);
  }

  _options(Chart, width) {
    const quiet = colour("quiet");
    const axis = { stroke: quiet, font: "11px system-ui, sans-serif", grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    return {
      width,
      height: heightOf(width),
      legend: { show: false },
      padding: [16, 8, 0, 0],
      cursor: { drag: { x: false, y: false }, points: { size: 8, fill: (u, index) => this._stroke(index - 1) }, y: false },
      scales: { x: { range: (u, low, high) => this._wide(low, high) }, y: { range: (u, low, high) => [0, Math.max(this._top ?? 0, high ?? 0) * 1.05 || 1] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 64, values: (u, splits, index, space, step) => splits.map((at) => this._time(1000 * at, step)) },
        { ...axis, size: 52, values: (u, splits) => splits.map((value) => this._format(value)) },
      ],
      series: [{}, ...this._lines.map((line, index) => this._series(Chart, line, index))],
      hooks: { setCursor: [(u) => this._say(u.cursor.idx)], draw: [(u) => this._across(u)] },
    };
  }

  /** Bars need room for their outer halves. */
  _wide(low, high) {
    const hasBars = this._lines.some(({ shape }) => shape === "bars");
    const half = hasBars && this._times.length > 1 ? (high - low) / (this._times.length - 1) / 2 : 0;
    return high > low ? [low - half, high + half] : [low - 1800, high + 1800];
  }

  _stroke(index) {
    return colour(this._lines[index]?.kind ?? "ink");
  }

  _series(Chart, { label, kind, shape = "line", dash }, index) {
    const bars = shape === "bars";
    return {
      label,
      stroke: bars ? undefined : this._stroke(index),
      width: bars ? 0 : 2,
      dash,
      fill: bars ? colour(kind) : shape === "area" ? faded(kind, 40) : undefined,
      spanGaps: !bars,
      // A line needs two points to be seen: where there are few, each is drawn.
      points: { show: !bars && this._columns[index].filter((value) => value !== null).length <= FEW_POINTS, size: 6, fill: this._stroke(index), width: 0 },
      paths: bars ? Chart.paths.bars({ size: [0.72, 22], radius: 0.12 }) : undefined,
    };
  }

  _time(at, step) {
    return step >= 86400 ? this._as.day(at) : this._as.clock(at);
  }

  /** The line that should not be crossed, by its name. */
  _across(u) {
    if (!this._limit) return;
    const { ctx } = u;
    const y = u.valToPos(this._limit.value, "y", true);
    const { left, width, top } = u.bbox;
    if (y < top) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("ink");
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "right";
    const [right, above] = [left + width - 6 * devicePixelRatio, y - 6 * devicePixelRatio];
    // Its own ground, so that a line behind it does not strike it through.
    ctx.fillStyle = colour("surface");
    const words = ctx.measureText(this._limit.label).width;
    ctx.fillRect(right - words - 3 * devicePixelRatio, above - 10 * devicePixelRatio, words + 6 * devicePixelRatio, 13 * devicePixelRatio);
    ctx.fillStyle = colour("ink");
    ctx.fillText(this._limit.label, right, above);
    ctx.restore();
  }

  _size() {
    const width = this._place.clientWidth;
    if (this._chart && width > 0 && width !== this._chart.width) this._chart.setSize({ width, height: heightOf(width) });
  }

  _step(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || !this._chart) return;
    event.preventDefault();
    const last = this._times.length - 1;
    const from = this._at ?? (by > 0 ? -1 : last + 1);
    this._point(Math.min(last, Math.max(0, from + by)));
  }

  _point(index) {
    this._at = index;
    if (!this._chart) return;
    const left = index === null ? -10 : this._chart.valToPos(this._times[index] / 1000, "x");
    this._chart.setCursor({ left, top: index === null ? -10 : 20 });
    this._say(index);
  }

  _say(index) {
    write(this._readout, index === null || index === undefined ? "" : this._sentence(index));
  }

  _sentence(index) {
    const at = `${this._as.day(this._times[index])}, ${this._as.clock(this._times[index])}`;
    const values = this._lines.map(({ label, format = this._format }, line) => {
      const value = this._said[line][index];
      return `${label} ${value === null || value === undefined ? "–" : format(value)}`;
    });
    return `${at}: ${values.join(", ")}`;
  }

  /** What the picture shows, in a sentence. */
  _summary() {
    const parts = this._lines.map(({ label, format = this._format }, index) => {
      const known = this._said[index].filter((value) => value !== null);
      return known.length === 0 ? `${label}: nothing yet` : `${label}: ${format(known.at(-1))} at the end, ${format(Math.max(...known))} at most`;
    });
    return `${this._title}. ${parts.join("; ")}.`;
  }

  _tell() {
    if (!this._details.open || !this._times) return;
    const head = this._lines.map(({ label }) => `<th scope="col">${escaped(label)}</th>`).join("");
    const rows = this._times.map((at, index) => {
      const cells = this._lines.map(({ format = this._format }, line) => {
        const value = this._said[line][index];
        return `<td>${value === null ? "–" : escaped(format(value))}</td>`;
      });
      return `<tr><th scope="row">${escaped(this._as.day(at))}, ${escaped(this._as.clock(at))}</th>${cells.join("")}</tr>`;
    });
    markup(this._details.querySelector("div"), `<table><thead><tr><th scope="col">When</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>`);
  }
}
