// Figures from two looks at what the service tells Prometheus.

const LINE = /^moodigit_(\w+)\{(.*)\} (\S+)$/gm;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// What has been counted of a model up to now. `buckets` are pairs of a bound in seconds and how
// many requests took no longer.
export function counted(exposition, model) {
  const found = { requests: 0, rows: 0, runs: 0, buckets: new Map() };
  for (const [, name, inner, value] of exposition.matchAll(LINE)) {
    const labels = Object.fromEntries([...inner.matchAll(LABEL)].map(([, key, text]) => [key, text]));
    const isOfRoute = labels.route?.split("/")[1] === model;
    const isOfRun = labels.model === model && labels.stage === "infer";
    if (name === "request_seconds_bucket" && isOfRoute) {
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      found.buckets.set(bound, (found.buckets.get(bound) ?? 0) + Number(value));
    } else if (name === "request_seconds_count" && isOfRoute) found.requests += Number(value);
    else if (name === "batch_rows_sum" && isOfRun) found.rows += Number(value);
    else if (name === "batch_rows_count" && isOfRun) found.runs += Number(value);
  }
  return found;
}

// Between two counts that lie so many seconds apart; null stands for what nothing tells.
export function figures(before, after, seconds) {
  const requests = after.requests - before.requests;
  const runs = after.runs - before.runs;
  const passed = [...after.buckets]
    .map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)])
    .sort(([one], [other]) => one - other);
  return {
    rate: requests / seconds,
    p50: quantile(passed, 0.5),
    p99: quantile(passed, 0.99),
    rows: runs ? (after.rows - before.rows) / runs : null,
  };
}

// In seconds, as Prometheus' histogram_quantile: by lines between the bounds.
function quantile(buckets, share) {
  const rank = share * (buckets.at(-1)?.[1] ?? 0);
  if (!rank) return null;
  let [lower, below] = [0, 0];
  for (const [bound, count] of buckets) {
    if (count >= rank) {
      return bound === Infinity ? lower : lower + ((bound - lower) * (rank - below)) / (count - below);
    }
    [lower, below] = [bound, count];
  }
  return lower;
}
