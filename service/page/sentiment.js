// The card that tells the mood of a text.

import { Problem, ask } from "./api.js";
import { Newest } from "./newest.js";
import { Notice, speaker } from "./notice.js";
import { WAITING, percent, tookWords, unsure } from "./words.js";

const LARGEST = 10 * 2 ** 20; // bytes that the service takes
const TYPING_MS = 300; // without a key before it asks
const STEPS = [0.5, 1.5, 3]; // log-odds from which a word is marked weakly, clearly, strongly
const EXAMPLES = {
  "Loved it":
    "A wonderful film from start to finish. The acting is superb, the story moved me to tears, " +
    "and I would gladly see it again.",
  "Hated it":
    "One of the worst movies I have ever seen: boring, badly written, and a complete waste of " +
    "time. I want my money back.",
  Mixed:
    "The pictures are beautiful and the music is lovely, but the plot makes no sense and the " +
    "ending is a disappointment.",
  Negated: "Not bad at all. I expected nothing, and I was never bored.",
  Emoji: "Das Café 😀 was absolutely wonderful – naïve but 👍🏽 great",
  "Not English": "Ce film raconte l'histoire de deux frères qui traversent la France à vélo.",
};

// Give it `onProblem`, which hears of each; returns what asks once more.
export function tellMoods(card, onProblem) {
  const find = (selector) => card.querySelector(selector);
  const [label, sure, text, explained] = [".label", ".sure", "textarea", ".explained"].map(find);
  const notice = new Notice(find(".notice"));
  const speak = speaker(find(".spoken"));
  let typing = 0;

  const newest = new Newest({
    send: async (body) => {
      const headers = { "Content-Type": "text/plain; charset=utf-8" };
      const answer = await ask("sentiment?explain=true", { method: "POST", body, headers });
      return { ...JSON.parse(answer.text), timing: answer.timing, text: body };
    },
    show(answer, isNewest) {
      notice.clear();
      card.ariaBusy = String(!isNewest);
      show(answer);
      speak(`${label.textContent}. ${sure.textContent}`);
    },
    fail(problem, seconds) {
      reset(problem.passes ? WAITING : "");
      notice.tell(problem, seconds);
      onProblem(problem);
    },
  });

  function show(answer) {
    const { positive, negative } = answer.probabilities;
    card.classList.toggle("undecided", answer.abstained);
    label.textContent = answer.abstained ? "No verdict" : capital(answer.label);
    sure.textContent = answer.abstained
      ? unsure(answer.reason, "I am not sure: it speaks for both moods.")
      : `${percent(answer.confidence)} sure`;
    balance(positive, percent(negative), percent(positive));
    find(".words").replaceChildren(...marked(answer.text, answer.words));
    find(".strongest").textContent = strongest(answer.words);
    const read = answer.truncated
      ? "It is too long to be read whole: only its beginning and its end were. "
      : "";
    const took = tookWords(answer.timing);
    const count = answer.words.length === 1 ? "1 word" : `${answer.words.length} words`;
    find(".timing").textContent = `${read}${count}. ${took} Model ${answer.model}.`;
    explained.hidden = answer.words.length === 0;
  }

  function reset(words) {
    card.ariaBusy = "false";
    card.classList.add("undecided");
    label.textContent = "–";
    sure.textContent = words;
    balance(0.5, "", "");
    explained.hidden = true;
    speak("");
  }

  function balance(share, negative, positive) {
    find(".track i").style.setProperty("--share", share);
    find(".negative").textContent = negative;
    find(".positive").textContent = positive;
  }

  function changed() {
    const now = text.value;
    if (!now.trim()) {
      newest.drop();
      notice.clear();
      reset("Nothing typed yet");
    } else if (new Blob([now]).size > LARGEST) {
      newest.drop();
      reset("");
      notice.tell(new Problem("too_large"));
    } else {
      newest.put(() => now);
    }
  }

  text.addEventListener("input", () => {
    clearTimeout(typing);
    card.ariaBusy = "true";
    typing = setTimeout(changed, text.value.trim() ? TYPING_MS : 0);
  });
  for (const [name, example] of Object.entries(EXAMPLES)) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: name });
    button.addEventListener("click", () => {
      clearTimeout(typing);
      text.value = example;
      card.ariaBusy = "true";
      changed();
    });
    find(".samples").append(button);
  }
  return () => newest.again();
}

const capital = (word) => word[0].toUpperCase() + word.slice(1);
const signed = (weight) => `${weight < 0 ? "−" : "+"}${Math.abs(weight).toFixed(1)}`;

// The text in pieces, each word in an element that tells its weight.
function marked(text, words) {
  const at = [0]; // where each code point begins in UTF-16
  for (const point of text) at.push(at.at(-1) + point.length);
  const whole = new Intl.Segmenter("en").segment(text);
  const pieces = [];
  let end = 0;
  for (const { start, end: last, weight } of words) {
    if (at[last] <= end) continue; // of a sign whose first part is there already
    const from = Math.max(end, at[start]);
    pieces.push(text.slice(end, from));
    // What belongs to one sign, as a skin colour to a hand, must not be torn apart.
    const { index, segment } = whole.containing(at[last] - 1);
    end = index + segment.length;
    const word = document.createElement("span");
    word.textContent = text.slice(from, end);
    word.dataset.strength = STEPS.filter((step) => Math.abs(weight) >= step).length;
    word.className = weight < 0 ? "down" : "up";
    word.title = `${signed(weight)}, towards ${weight < 0 ? "negative" : "positive"}`;
    pieces.push(word);
  }
  return [...pieces, text.slice(end)];
}

// The same for those who cannot see the marks.
function strongest(words) {
  const found = words.filter(({ weight }) => Math.abs(weight) >= STEPS[0]);
  found.sort((one, other) => Math.abs(other.weight) - Math.abs(one.weight));
  const list = found.slice(0, 5).map(({ word, weight }) => `${word} ${signed(weight)}`);
  return list.length ? `Strongest: ${list.join(", ")}.` : "No word says much by itself.";
}
