// Pen strokes of each digit: points xy on a grid of ten by ten, y down.

const STROKES = [
  ["50 30 22 15 27 39 59 77 74 72 50"],
  ["60 55 49"],
  ["22 30 50 72 74 56 19 49 89"],
  ["21 40 60 72 73 54 44 54 75 77 69 39 18"],
  ["40 15 75", "72 66 59"],
  ["70 30 24 44 64 76 68 49 19"],
  ["60 32 25 27 39 59 77 66 45 26"],
  ["20 80 64 49"],
  ["72 50 22 33 54 76 68 49 28 26 54 73 72"],
  ["72 50 32 24 35 54 72 65 59"],
];
const STEPS = 3; // points of a line between two of the grid

// Strokes as lists of points {x, y}, each from 0 to 1.
export const strokesOf = (digit) => STROKES[digit].map((stroke) => along(stroke.split(" ")));

function along(points) {
  const [first, ...others] = points.map(([x, y]) => ({ x: 0.2 + x * 0.066, y: 0.2 + y * 0.066 }));
  const line = [first];
  for (const end of others) {
    const start = line.at(-1);
    for (let step = 1; step <= STEPS; step++) {
      const share = step / STEPS;
      line.push({
        x: start.x + (end.x - start.x) * share,
        y: start.y + (end.y - start.y) * share,
      });
    }
  }
  return line;
}
