/** What turns mean: times against the budget, where speech went, how often a lane was asked. Pure; nothing of a page. */

/** The stages of a turn in their order, with the budget of each in milliseconds: hold's is post's, too; cloud has none. */
export const STAGES = [
  { key: "capture", budgetMs: 60 },
  { key: "inference", budgetMs: 120 },
  { key: "hold", budgetMs: 80, with: "post" },
  { key: "post", budgetMs: null },
  { key: "cloud", budgetMs: null },
  { key: "transport", budgetMs: 40 },
];
/** From the last word to the text, without lanes. */
export const BUDGET_MS = 300;
/** The share of turns that asked a lane is taken over so many turns where nothing older is known. */
export const WINDOW_TURNS = 10;
/** Endings of an attempt before any speech could leave, as the hub's ledger counts them. */
export const NEVER_LEFT = ["lane-certificate", "lane-not-private", "lane-unreachable"];

/** Milliseconds of a stage; 0 when it was never reached. */
export function stageMs(turn, stage) {
  const value = turn.latency_ms?.[stage];
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** Milliseconds from the last word to the text; null when the turn had no text. */
export function totalMs(turn) {
  const given = turn.latency_ms?.last_word_to_text;
  if (Number.isFinite(given)) return Math.max(0, given);
  const sum = STAGES.reduce((total, { key }) => total + stageMs(turn, key), 0);
  return sum > 0 ? sum : null;
}

/** Whether a stage has its share in a turn's being over the budget. Post's time counts with hold's, whose budget it shares. */
export function stageIsOver(turn, { key, budgetMs, with: other }) {
  if (budgetMs === null || !isOver(turn)) return false;
  return stageMs(turn, key) + (other ? stageMs(turn, other) : 0) > budgetMs;
}

/** Whether the hub itself took longer than the budget: time that lanes took is theirs. */
export function isOver(turn) {
  const total = totalMs(turn);
  return total !== null && total - stageMs(turn, "cloud") > BUDGET_MS;
}

/** The lane that a turn's speech went to, the last one if several; null when none was reached. */
export function laneAsked(turn) {
  const reached = (turn.lanes ?? []).filter(({ ending }) => !NEVER_LEFT.includes(ending));
  return turn.lane || reached.at(-1)?.lane || null;
}

/** Where a turn's speech went: `{kind: "hub" | "home" | "cloud" | "failed", lane}`. `lanes` are the status's. */
export function destination(turn, lanes = []) {
  const lane = laneAsked(turn);
  if (lane !== null) {
    const known = lanes.find((one) => one.name === lane);
    // A lane that was removed since counts as cloud: saying "home" wrongly would be worse.
    return { kind: known?.trust === "home" ? "home" : "cloud", lane };
  }
  return { kind: turn.error ? "failed" : "hub", lane: null };
}

/** Turns, seconds and cost by destination, the hub first, then lanes by turns: what the share chart draws. */
export function destinations(turns, lanes = []) {
  const parts = new Map();
  for (const turn of turns) {
    const { kind, lane } = destination(turn, lanes);
    const id = `${kind}/${lane ?? ""}`;
    const part = parts.get(id) ?? { id, kind, lane, turns: 0, seconds: 0, cost: 0 };
    part.turns += 1;
    for (const attempt of turn.lanes ?? []) {
      if (attempt.lane !== lane) continue;
      part.seconds += attempt.seconds || 0;
      part.cost += attempt.cost || 0;
    }
    parts.set(id, part);
  }
  const order = ["hub", "home", "cloud", "failed"];
  return [...parts.values()].sort(
    (one, other) => order.indexOf(one.kind) - order.indexOf(other.kind) || other.turns - one.turns,
  );
}

/** The share of turns that asked a lane, as it went: a point for each turn, over that and up to nine before it. */
export function askedOverTime(turns) {
  const oldestFirst = [...turns].reverse();
  return oldestFirst.map((turn, index) => {
    const recent = oldestFirst.slice(Math.max(0, index + 1 - WINDOW_TURNS), index + 1);
    const asked = recent.filter((one) => ["home", "cloud"].includes(destination(one).kind)).length;
    return { at: Date.parse(turn.at), value: asked / recent.length };
  });
}

/** Statistics' rows as points; `perCent` when their unit is %. */
export function pointsOfStatistics(rows, perCent) {
  return rows
    .filter((row) => Number.isFinite(row.mean))
    .map((row) => ({ at: Number(new Date(row.start)), value: perCent ? row.mean / 100 : row.mean }));
}

/** A turn's points, the weightiest first, at most so many; the rest in one sum named `others`. What rounds to 0 is left out. */
export function weightiest(points, most) {
  const counts = ([, value]) => Number.isFinite(value) && Math.abs(value) >= 0.5;
  const all = Object.entries(points ?? {})
    .filter(counts)
    .sort(([, one], [, other]) => Math.abs(other) - Math.abs(one));
  const rest = all.slice(most).reduce((sum, [, value]) => sum + value, 0);
  const shown = all.slice(0, most);
  return [...shown, ["others", rest]].filter(counts);
}

/** Newest first, at most so many; one that is told again takes its old place. */
export function withTurn(turns, turn, most) {
  const known = turns.findIndex((one) => one.turn_id === turn.turn_id);
  return known < 0 ? [turn, ...turns].slice(0, most) : turns.with(known, turn);
}
