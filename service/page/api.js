// Asks the service. Every failure is a Problem, known by its code.

const STORED = "moodigit-key";
const PATIENCE_MS = 35_000; // the service's own deadline is 30 s
const PASSING = new Set(["offline", "overloaded", "rate_limited", "not_ready", "draining"]);

export class Problem extends Error {
  // `code` as the service has it, or "offline"; `retryMs` is null where it tells no time.
  constructor(code, detail = "", retryMs = null) {
    super(detail || code);
    this.code = code;
    this.retryMs = retryMs;
  }

  // Whether the same question will be answered later.
  get passes() {
    return PASSING.has(this.code);
  }
}

export function useKey(text) {
  // Others would make fetch fail before it asks.
  sessionStorage.setItem(STORED, text.replace(/[^\x21-\x7e]/g, ""));
}

// The answer's text, the parts of its time and how long it took in all; throws Problem.
export async function ask(path, options = {}) {
  const began = performance.now();
  const key = sessionStorage.getItem(STORED);
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  let response, text;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    response = await fetch(path, { ...options, headers, signal, cache: "no-store" });
    text = await response.text();
  } catch {
    throw new Problem("offline");
  }
  if (!response.ok) throw problemOf(response.status, text);
  const parts = timingOf(response.headers.get("Server-Timing") ?? "");
  return { text, timing: { ...parts, total: performance.now() - began } };
}

function problemOf(status, text) {
  try {
    const { code, detail, retry_after_ms } = JSON.parse(text);
    if (typeof code !== "string") throw new TypeError("no problem of ours");
    return new Problem(code, detail, retry_after_ms ?? null);
  } catch {
    return new Problem(status >= 502 ? "offline" : "internal"); // a proxy's own words
  }
}

// 'decode;dur=1.5, batch;desc="8"' -> { decode: 1.5, batch: 8 }
function timingOf(header) {
  const found = header.matchAll(/(\w+);(?:dur|desc)="?([\d.]+)/g);
  return Object.fromEntries([...found].map(([, name, value]) => [name, Number(value)]));
}
