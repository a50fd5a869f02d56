// The card that reads a digit.

import { Problem, ask } from "./api.js";
import { Pad } from "./canvas.js";
import { Newest } from "./newest.js";
import { Notice, speaker } from "./notice.js";
import { strokesOf } from "./strokes.js";
import { WAITING, percent, tookWords, unsure } from "./words.js";

const LARGEST = 10 * 2 ** 20; // bytes that the service takes

// Give it `onProblem`, which hears of each; returns what asks once more.
export function readDigits(card, onProblem) {
  const find = (selector) => card.querySelector(selector);
  const [label, sure, seen] = [".label", ".sure", ".seen"].map(find);
  const notice = new Notice(find(".notice"));
  const speak = speaker(find(".spoken"));
  const bars = Array.from({ length: 10 }, (_, digit) => bar(find(".bars"), digit));

  const newest = new Newest({
    send: async (file) => {
      const answer = await ask("digits?explain=true", { method: "POST", body: file });
      return { ...JSON.parse(answer.text), timing: answer.timing };
    },
    show(answer, isNewest) {
      notice.clear();
      show(answer);
      pad.mark(answer.box);
      card.ariaBusy = String(!isNewest);
      if (isNewest) speak(sure.dataset.spoken);
    },
    fail(problem, seconds) {
      reset(problem.passes ? WAITING : "");
      notice.tell(problem, seconds);
      onProblem(problem);
    },
  });

  const pad = new Pad(find("canvas"), (grown) => {
    find(".placeholder").hidden = !pad.isEmpty;
    find(".clear").disabled = pad.isEmpty;
    find(".undo").disabled = !pad.canUndo;
    if (pad.isEmpty) {
      newest.drop();
      notice.clear();
      reset("Nothing drawn yet");
    } else {
      card.ariaBusy = "true";
      newest.put(() => pad.file(), { grown });
    }
  });

  function show(answer) {
    const { label: digit, probabilities, abstained, timing } = answer;
    const second = probabilities.indexOf(Math.max(...probabilities.toSpliced(digit, 1, -1)));
    card.classList.toggle("undecided", abstained);
    label.textContent = abstained ? "?" : digit;
    sure.textContent = abstained
      ? unsure(answer.reason, `I am not sure: ${digit} or ${second}?`)
      : `${percent(answer.confidence)} sure`;
    sure.dataset.spoken = abstained ? sure.textContent : `${digit}, ${sure.textContent}`;
    bars.forEach((set, each) => set(probabilities[each], each === digit && !abstained));
    find(".seen img").src = answer.seen;
    find(".seen img").alt = "The picture as the model saw it";
    find(".timing").textContent = `${tookWords(timing)} Model ${answer.model}.`;
    seen.hidden = false;
  }

  function reset(words) {
    card.ariaBusy = "false";
    card.classList.add("undecided");
    label.textContent = "–";
    sure.textContent = words;
    bars.forEach((set) => set(null, false));
    seen.hidden = true;
    speak("");
  }

  function take(file) {
    if (!file) return;
    if (file.size > LARGEST) {
      notice.tell(new Problem("too_large"));
    } else {
      card.ariaBusy = "true";
      pad.lay(file);
    }
  }

  for (let digit = 0; digit < 10; digit++) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", textContent: digit, ariaLabel: `Draw a ${digit}` });
    button.addEventListener("click", () => {
      const atOnce = matchMedia("(prefers-reduced-motion: reduce)").matches;
      pad.draw(strokesOf(digit), atOnce);
    });
    find(".samples").append(button);
  }
  find(".undo").addEventListener("click", () => pad.undo());
  find(".clear").addEventListener("click", () => pad.clear());
  find(".file").addEventListener("change", (event) => {
    take(event.target.files[0]);
    event.target.value = ""; // the same file may be chosen again
  });
  document.addEventListener("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z";
    if (!isUndo || event.target.matches("textarea, input[type=password]")) return;
    event.preventDefault();
    pad.undo();
  });
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault(); // else the browser would leave the page for the picture
    take(event.dataTransfer.files[0]);
  });
  return () => newest.again();
}

// A row of the list of probabilities; returns what sets it.
function bar(list, digit) {
  const row = document.createElement("li");
  const [name, track, share] = ["span", "i", "span"].map((tag) => document.createElement(tag));
  name.textContent = digit;
  track.ariaHidden = "true";
  row.append(name, track, share);
  list.append(row);
  return (probability, isBest) => {
    row.classList.toggle("best", isBest);
    track.style.setProperty("--share", probability ?? 0);
    share.textContent = probability === null ? "" : percent(probability);
  };
}
