// The card that tells of the models and how they are doing.

import { Problem, ask } from "./api.js";
import { counted, figures } from "./metrics.js";
import { Notice } from "./notice.js";

const EVERY_MS = 3000;
const LOOKS = 11; // kept, so that the figures are about the last half minute
const KINDS = { digits: "Digits", sentiment: "Sentiment" };

// Give it `onProblem`, which hears of each; returns what looks at once.
export function tellLive(card, onProblem) {
  const notice = new Notice(card.querySelector(".notice"));
  const tables = new Map();
  let looks = [];
  let timer = 0;

  async function look() {
    clearTimeout(timer);
    let wait = EVERY_MS;
    try {
      if (!tables.size) await introduce();
      const { text } = await ask("metrics");
      notice.clear();
      tell(text);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      notice.tell(problem);
      onProblem(problem);
      looks = [];
      if (!problem.passes) return; // until there is another key
      wait = Math.max(wait, problem.retryMs ?? 0);
    }
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, wait);
  }

  async function introduce() {
    const { models } = JSON.parse((await ask("models")).text);
    for (const model of models) tables.set(model.name, table(card.querySelector(".models"), model));
  }

  function tell(text) {
    const now = { at: performance.now(), counts: new Map() };
    for (const name of tables.keys()) now.counts.set(name, counted(text, name));
    const isNew = (name) => now.counts.get(name).requests < looks[0]?.counts.get(name).requests;
    if ([...tables.keys()].some(isNew)) looks = []; // it has started anew
    looks = [...looks, now].slice(-LOOKS);
    const [first] = looks;
    if (first === now) return;
    for (const [name, set] of tables) {
      set(figures(first.counts.get(name), now.counts.get(name), (now.at - first.at) / 1000));
    }
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    looks = [];
    if (!document.hidden) look();
  });
  look();
  return look;
}

// What does not change of a model, and fields for what does; returns what sets these.
function table(parent, model) {
  const title = document.createElement("h3");
  title.textContent = `${KINDS[model.name] ?? model.name}, version ${model.version}`;
  const list = document.createElement("dl");
  const field = (name, value = "–") => {
    const [term, told] = [document.createElement("dt"), document.createElement("dd")];
    const pair = document.createElement("div");
    [term.textContent, told.textContent] = [name, value];
    pair.append(term, told);
    list.append(pair);
    return (text) => (told.textContent = text);
  };
  const set = {
    rate: field("Requests per second"),
    p50: field("Half are faster than (p50)"),
    p99: field("99% are faster than (p99)"),
    rows: field("Rows in a batch"),
  };
  const { accuracy, interval } = model.accuracy;
  const shown = (share) => (share * 100).toFixed(2);
  field("Accuracy on test data", `${shown(accuracy)}% (${interval.map(shown).join(" to ")})`);
  field("Calibration error", `${shown(model.calibration.expected_error)}%`);
  field("Parameters", model.parameters.toLocaleString("en"));
  const article = document.createElement("article");
  article.append(title, list);
  parent.append(article);

  const ms = (seconds) => (seconds === null ? "–" : `${(seconds * 1000).toFixed(1)} ms`);
  return ({ rate, p50, p99, rows }) => {
    set.rate(rate.toFixed(1));
    set.p50(ms(p50));
    set.p99(ms(p99));
    set.rows(rows === null ? "–" : rows.toFixed(1));
  };
}
