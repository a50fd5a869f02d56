// Puts the page together: its three cards, and the key that they may need.

import { useKey } from "./api.js";
import { readDigits } from "./digits.js";
import { tellLive } from "./live.js";
import { tellMoods } from "./sentiment.js";

const form = document.querySelector("#key");
const text = form.querySelector("input");

function onProblem({ code }) {
  if (code === "unauthorized" || code === "forbidden") form.hidden = false;
}

const cards = { digits: readDigits, sentiment: tellMoods, live: tellLive };
const again = Object.entries(cards).map(([id, begin]) =>
  begin(document.getElementById(id), onProblem),
);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(text.value);
  text.value = "";
  form.hidden = true;
  for (const ask of again) ask();
});
