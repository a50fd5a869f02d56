// What the page says, in words.

const PROBLEMS = {
  too_large: "This is too large. A picture may have 10 MB and 16 megapixels, a text 10 MB.",
  unsupported_media_type: "This is no picture that can be read. Try a PNG, JPEG, WebP, BMP or GIF.",
  cannot_decode: "This picture is damaged and cannot be read.",
  overloaded: "The service has more to do than it can take on right now.",
  rate_limited: "This key has asked too often.",
  unauthorized: "The service asks for an API key. Enter it at the top of the page.",
  forbidden: "This API key may not ask for this. Enter another at the top of the page.",
  not_ready: "The service is starting.",
  draining: "The service is about to stop.",
  offline: "The service cannot be reached.",
  deadline_exceeded: "The answer took too long. Try again.",
  internal: "The service failed on this. It has been logged.",
};

const UNSURE = {
  blank: "I see nothing on this picture.",
  not_a_digit: "This does not look like a digit.",
  several_digits: "I see more than one digit. Draw just one.",
  empty: "There is no word in this text.",
  mostly_unknown_words: "I do not know most of these words. I read English only.",
};

export const WAITING = "Waiting for the service";

export const inWords = (problem) => PROBLEMS[problem.code] ?? problem.message;

// Why an answer should not be believed; `doubt` says between what it is where it is doubtful.
export const unsure = (reason, doubt) => UNSURE[reason] ?? doubt;

// 0.99987 -> "99.9%": never rounded up to certainty, which no model has.
export const percent = (share) =>
  `${(Math.floor(Math.min(share, 0.9999) * 1000) / 10).toFixed(1)}%`;

// "Took 5.1 ms: reading 1.2, waiting 0.1, model 0.4; batch of 8."
export function tookWords({ total, decode = 0, queue = 0, infer = 0, batch = 1 }) {
  const [all, ...parts] = [total, decode, queue, infer].map((ms) => ms.toFixed(1));
  const [reading, waiting, model] = parts;
  return `Took ${all} ms: reading ${reading}, waiting ${waiting}, model ${model}; batch of ${batch}.`;
}
