/** Requests to the hub: relative, so that they find it behind Home Assistant's ingress, too. */

export class Refusal extends Error {
  /** What the hub refused: its code, its sentence, which names the cure, and the status; 0 when it was not reached. */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Return the JSON of an answer; throws Refusal. */
export async function ask(path, { method = "GET", body } = {}) {
  const said = body === undefined ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  let answer;
  try {
    answer = await fetch(path, { method, ...said });
  } catch {
    throw new Refusal("unreachable", "The hub cannot be reached.", 0);
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(told.code ?? "unknown", told.message ?? `The hub answered ${answer.status}.`, answer.status);
  return told;
}
