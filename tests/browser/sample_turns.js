/** Turns as docs/control-api.md describes them, the same ones for the same seed. */

const SATELLITES = ["assist_satellite.kitchen", "assist_satellite.living_room", "assist_satellite.bedroom"];

function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const LANES = [
  { name: "OpenAI", provider: "openai", trust: "cloud", state: "ready", reason: "" },
  { name: "Study computer", provider: "wyoming", trust: "home", state: "ready", reason: "" },
];

const KINDS = [
  { weight: 70, action: "accept", route: "edge", lane: null, reason: "the hub's text: risk 4 % is within 31 %" },
  { weight: 12, action: "escalate", route: "cloud", lane: "OpenAI", reason: "asking OpenAI: risk 48 % is above 31 % (+18 room noise)" },
  { weight: 8, action: "escalate", route: "cloud", lane: "Study computer", reason: "asking Study computer: the hub's small model is not made for dictation" },
  { weight: 5, action: "confirm", route: "edge", lane: null, reason: "please confirm: it opens a door, and risk 22 % is above 12 %", critical: true },
  { weight: 5, action: "discard", route: "edge", lane: null, reason: "made-up text: nobody spoke to this satellite (crowd)" },
];

export function turnsOf(seed, count, now) {
  const next = chance(seed);
  const between = (low, high) => low + next() * (high - low);
  let at = now - 40000;
  return Array.from({ length: count }, (_, index) => {
    at -= between(1, 50) * 60000;
    const whole = KINDS.reduce((sum, kind) => sum + kind.weight, 0);
    let drawn = next() * whole;
    const kind = KINDS.find((one) => (drawn -= one.weight) < 0) ?? KINDS[0];
    const asked = kind.lane !== null;
    const spans = {
      capture: between(48, 76), inference: between(60, 128), hold: between(4, 70), post: between(1, 6),
      cloud: asked ? between(260, 1100) : 0, transport: between(0.2, 3),
    };
    const total = Object.values(spans).reduce((sum, ms) => sum + ms, 0);
    const noise = asked ? between(9, 19) : between(-8, 3);
    return {
      turn_id: `${seed}-${index}`, at: new Date(at).toISOString(),
      satellite: SATELLITES[Math.floor(next() * 3)], microphone_class: "far_field", language: "en",
      action: kind.action, reason: kind.reason, why: "+18 room noise, −9 matches your home's grammar", intent: "HassTurnOn",
      route: kind.route, lane: kind.lane, risk: asked ? between(0.33, 0.8) : between(0.01, 0.2), threshold: 0.31,
      points: { base: -20, snr_db: noise, grammar: asked ? 6 : -9, weakest_word: between(-4, 8), sentence: between(-3, 3),
        length_short: between(0, 4), opening: between(-2, 1), retries: 0, language_doubt: between(0, 1) },
      class: "device-command", critical: Boolean(kind.critical),
      lanes: asked ? [{ lane: kind.lane, ending: "answered", seconds: 1.9, took_ms: spans.cloud, cost: kind.lane === "OpenAI" ? 0.0002 : 0 }] : [],
      model: "base", rules: [], ended_by: "silence", quality: { snr_db: between(6, 28), clipping: 0 },
      latency_ms: { ...spans, last_word_to_text: total, end_to_text: 4 }, error: null,
    };
  });
}

export function overviewOf(turns, changes = {}) {
  return {
    entry_id: "one", title: "Edge Voice", state: "loaded", reason: "", connected: true, mode: "normal", mode_reason: "",
    model: { name: "base", state: "ready", starter: false }, lanes: LANES,
    cloud: { reachable: true, over_budget: false, currency: "USD", seconds_today: 12.5, seconds_this_month: 80, cost_this_month: 0.01 },
    figures: { turns: 120, escalations: 9, errors: 1, window_turns: 100, escalation_rate: 0.08,
      last_word_to_text_ms: { p50: 180, p95: 260 }, end_to_text_ms: { p50: 5, p95: 40 } },
    entities: { escalation_rate: "sensor.edge_voice_escalation_rate" }, warnings: [], ...changes,
  };
}

export function statisticsOf(seed, days, now) {
  const next = chance(seed);
  let value = 14;
  return Array.from({ length: days * 24 }, (_, hour) => {
    value = Math.max(2, Math.min(30, value + (next() - 0.53) * 3));
    return { start: now - (days * 24 - hour) * 3600000, mean: value };
  });
}

/** What the ledger says of turns: the newest upload first. */
export function ledgerOf(turns) {
  const asked = turns.filter(({ lane }) => lane === "OpenAI");
  const rows = asked.map((turn, index) => ({
    number: 400 - index, at: turn.at, lane: turn.lane, turn_id: turn.turn_id, reason: index === 1 ? "audit" : "risk", consent: "2026-11-01",
    seconds: 1.9, bytes: 60800, cost: 0.0002, currency: "USD", ending: index === 2 ? "lane-timeout" : "answered", took_seconds: 0.41, left: index !== 3,
  }));
  const sums = [
    { lane: "OpenAI", trust: "cloud", uploads: 42, seconds: 80, cost: 0.01 },
    { lane: "Study computer", trust: "home", uploads: 9, seconds: 20, cost: 0 },
  ];
  return { rows, today: sums, this_month: sums };
}
