// A pad to draw on, or to lay a picture on; with undo.

const PEN = 0.07; // width of a stroke, where the pad has 1
const SENT = 280; // pixels of the side of a drawing as it is sent
const MOST_BEFORE = 50; // states to go back to
const LARGEST = 1024; // pixels of the longer side of a picture that is kept
const EMPTY = { strokes: [], file: null, shown: null, box: null };

export class Pad {
  #now = EMPTY;
  #before = [];
  #pointer = null;
  #turn = 0; // what is still being opened when another begins comes too late
  #drawing = 0; // of what is drawn by itself, the frame to come

  // changed(grown) is called whenever it shows something else; grown: a stroke got longer.
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed });
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => {
        if (event.pointerId === this.#pointer) this.#pointer = null;
      });
    }
    new ResizeObserver(() => this.#paint()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  get isEmpty() {
    return !this.#now.file && !this.#now.strokes.length;
  }

  get canUndo() {
    return this.#before.length > 0;
  }

  // The picture as a file: the one that was laid on it, or else black ink on white.
  async file() {
    if (this.#now.file) return this.#now.file;
    const canvas = new OffscreenCanvas(SENT, SENT);
    const context = canvas.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, SENT, SENT);
    ink(context, SENT, this.#now.strokes, "black");
    return canvas.convertToBlob();
  }

  clear() {
    this.#become(EMPTY);
  }

  undo() {
    if (this.canUndo) this.#settle(this.#before.pop());
  }

  async lay(file) {
    const turn = ++this.#turn;
    const shown = await opened(file).catch(() => null); // the service tells why
    if (turn === this.#turn) this.#become({ ...EMPTY, file, shown });
  }

  // Mark where in the picture the digit lay.
  mark(box) {
    if (!this.#now.file) return;
    this.#now.box = box;
    this.#paint();
  }

  // Draw by itself, point by point unless `atOnce`.
  draw(strokes, atOnce) {
    this.#become({ ...EMPTY, strokes: atOnce ? strokes : [] });
    if (atOnce) return;
    const steps = strokes.flatMap((stroke) => stroke.map((point, place) => [point, place === 0]));
    const step = () => {
      const [point, isFirst] = steps.shift();
      if (isFirst) this.#now.strokes.push([]);
      this.#now.strokes.at(-1).push(point);
      this.#grow();
      this.#drawing = steps.length ? requestAnimationFrame(step) : 0;
    };
    this.#drawing = requestAnimationFrame(step);
  }

  #begin(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    this.canvas.setPointerCapture(event.pointerId);
    const strokes = this.#now.file ? [] : this.#now.strokes;
    this.#become({ ...EMPTY, strokes: [...strokes, [this.#place(event)]] });
    this.#pointer = event.pointerId;
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    const points = (passed.length ? passed : [event]).map((each) => this.#place(each));
    this.#now.strokes.at(-1).push(...points);
    this.#grow();
  }

  #place(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / width };
  }

  #become(state) {
    this.#before = [...this.#before, this.#now].slice(-MOST_BEFORE);
    this.#settle(state);
  }

  #settle(state) {
    cancelAnimationFrame(this.#drawing);
    this.#pointer = null; // whatever a pen still draws belongs to what has gone
    this.#turn += 1;
    this.#now = state;
    this.#paint();
    this.changed(false);
  }

  #grow() {
    this.#paint();
    this.changed(true);
  }

  #paint() {
    const { canvas } = this;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, side, side);
    const style = getComputedStyle(canvas);
    const { strokes, shown, box } = this.#now;
    if (shown) lay(context, side, shown, box, style.getPropertyValue("--accent"));
    ink(context, side, strokes, style.color);
  }
}

// Its size, and a bitmap that may be smaller: a phone has no room for many photos.
async function opened(file) {
  const whole = await createImageBitmap(file);
  const { width, height } = whole;
  const share = Math.min(1, LARGEST / Math.max(width, height));
  if (share === 1) return { width, height, bitmap: whole };
  const size = (pixels) => Math.max(1, Math.round(pixels * share));
  const small = { resizeWidth: size(width), resizeHeight: size(height) };
  const bitmap = await createImageBitmap(whole, small);
  whole.close();
  return { width, height, bitmap };
}

function ink(context, side, strokes, color) {
  Object.assign(context, { lineWidth: PEN * side, lineCap: "round", lineJoin: "round" });
  context.strokeStyle = color;
  for (const [first, ...points] of strokes) {
    const last = points.at(-1) ?? first;
    context.beginPath();
    context.moveTo(first.x * side, first.y * side);
    points.slice(0, -1).forEach((point, place) => {
      const next = points[place + 1];
      const [x, y] = [(point.x + next.x) / 2, (point.y + next.y) / 2];
      context.quadraticCurveTo(point.x * side, point.y * side, x * side, y * side);
    });
    context.lineTo(last.x * side, last.y * side);
    context.stroke();
  }
}

function lay(context, side, shown, box, color) {
  const scale = side / Math.max(shown.width, shown.height);
  const [width, height] = [shown.width * scale, shown.height * scale];
  const [left, top] = [(side - width) / 2, (side - height) / 2];
  context.drawImage(shown.bitmap, left, top, width, height);
  if (!box) return;
  Object.assign(context, { lineWidth: 2 * devicePixelRatio, strokeStyle: color });
  const corner = [left + box.x * scale, top + box.y * scale];
  context.strokeRect(...corner, box.width * scale, box.height * scale);
}
