// The line of a card that tells what went wrong, and when it is well again.

import { inWords } from "./words.js";

const SHOWN_MS = 4000;

export class Notice {
  #code = null;
  #hiding = 0;

  constructor(element) {
    this.element = element;
    this.text = document.createElement("span");
    this.text.setAttribute("role", "status");
    this.countdown = document.createElement("span");
    this.countdown.ariaHidden = "true"; // else each second of it would be read out
    element.append(this.text, " ", this.countdown);
  }

  tell(problem, seconds = null) {
    clearTimeout(this.#hiding);
    this.#show(inWords(problem), seconds === null ? "" : `Trying again in ${seconds} s.`);
    this.#code = problem.code;
  }

  // All is well.
  clear() {
    if (this.#code === null) return;
    if (this.#code === "offline") {
      this.#show("The service can be reached again.", "");
      this.#hiding = setTimeout(() => this.#hide(), SHOWN_MS);
    } else {
      this.#hide();
    }
    this.#code = null;
  }

  #show(text, countdown) {
    this.element.hidden = false;
    if (this.text.textContent !== text) this.text.textContent = text;
    this.countdown.textContent = countdown;
  }

  #hide() {
    this.element.hidden = true;
    this.text.textContent = this.countdown.textContent = "";
  }
}

// Reads out the last of many texts, once they have settled.
export function speaker(element) {
  let settling = 0;
  return (text) => {
    clearTimeout(settling);
    settling = setTimeout(() => (element.textContent = text), 500);
  };
}
