// Asks about an input that keeps changing: one question at a time, always about the newest state.

import { Problem } from "./api.js";

const PACE_MS = 80; // between an answer and the next question
const BACKOFF_MS = [1000, 2000, 4000, 8000]; // where the service tells no time

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Newest {
  #next = null;
  #last = null;
  #running = false;
  #lineage = 0;

  // send(input) asks; show(answer, isNewest) and fail(problem, secondsToRetry or null) tell.
  constructor({ send, show, fail }) {
    Object.assign(this, { send, show, fail });
  }

  // `make` gives the input when it is its turn. Where the input only grows (`grown`), answers
  // about what it was before are shown, too; else they are dropped.
  put(make, { grown = false } = {}) {
    if (!grown) this.#lineage += 1;
    this.#last = { make, lineage: this.#lineage };
    this.again();
  }

  // There is no input any more.
  drop() {
    this.#lineage += 1;
    this.#next = this.#last = null;
  }

  // Ask once more what was asked last.
  again() {
    this.#next = this.#last;
    if (!this.#running) this.#run();
  }

  async #run() {
    this.#running = true;
    let failures = 0;
    while (this.#next) {
      const asked = this.#next;
      this.#next = null;
      const isWanted = () => asked.lineage === this.#lineage;
      try {
        const answer = await this.send(await asked.make());
        failures = 0;
        if (isWanted()) this.show(answer, this.#next === null);
      } catch (problem) {
        if (!(problem instanceof Problem)) {
          this.#running = false;
          throw problem;
        }
        if (!isWanted() && !problem.passes) continue;
        this.fail(problem, null);
        if (problem.passes) {
          if (isWanted()) this.#next ??= asked;
          await this.#countDown(problem, failures++);
        }
      }
      await pause(PACE_MS);
    }
    this.#running = false;
  }

  async #countDown(problem, failures) {
    const backoff = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];
    const end = performance.now() + (problem.retryMs ?? backoff);
    for (let left; (left = end - performance.now()) > 0; ) {
      if (this.#last) this.fail(problem, Math.ceil(left / 1000));
      await pause(Math.min(left, 1000));
    }
  }
}
