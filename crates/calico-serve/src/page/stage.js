// A picture with its masks: shown, zoomed, moved, and asked what lies under the pointer.

import { css, color } from "/masks.js";

const MOST_ZOOM = 16;
/** What a button, a key or a notch of the wheel zooms by. */
export const STEP = 1.4;
/** How far the arrow keys move, as a share of the view. */
const MOVE = 0.15;
/** How little of a mask is shown while another phrase is lit. */
const DIM = 0.25;
/** How strong the masks of the lit phrase are, at least. */
const LIT = 0.75;

/** How all pictures are shown. */
export const look = { masks: true, outlines: true, opacity: 0.55, lit: null, off: new Set() };

export class Stage {
  /** `onPoint(group)` hears which phrase the pointer is on, or null. */
  constructor(bitmap, { number, name, onPoint }) {
    this.bitmap = bitmap;
    this.number = number;
    this.name = name;
    this.masks = [];
    this.labels = new Map();
    this.zoom = 1;
    this.center = [0.5, 0.5];
    this.onPoint = onPoint;
    this.pointers = new Map();
    this.#build();
  }

  #build() {
    this.figure = document.createElement("figure");
    const view = document.createElement("div");
    view.className = "view";
    this.canvas = document.createElement("canvas");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.tip = document.createElement("div");
    this.tip.className = "tip";
    this.tip.hidden = true;
    view.append(this.canvas, this.tip);
    const caption = document.createElement("figcaption");
    caption.textContent = `Image ${this.number}: ${this.name}`;
    this.figure.append(view, caption);
    this.canvas.style.aspectRatio = `${this.bitmap.width} / ${this.bitmap.height}`;
    this.#listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas);
    this.describe();
  }

  /** Nothing of it is shown any more. */
  remove() {
    this.observer.disconnect();
    this.figure.remove();
    this.bitmap.close();
  }

  add(mask, label) {
    this.masks.push(mask);
    // Small masks lie on large ones.
    this.masks.sort((a, b) => b.area / (b.width * b.height) - a.area / (a.width * a.height));
    this.labels.set(mask.group, label);
    this.describe();
    this.draw();
  }

  /** Says in words what the picture shows. */
  describe() {
    const names = [...new Set(this.labels.values())];
    const shown = names.length ? `masks of ${names.join(", ")}` : "no masks";
    this.canvas.setAttribute(
      "aria-label",
      `Image ${this.number}, ${this.name}: ${shown}. Plus and minus zoom, arrows move, 0 fits.`,
    );
  }

  /** Where the picture lies in the canvas, in its own pixels. */
  #placed() {
    const { width, height } = this.canvas;
    const w = width * this.zoom;
    const h = height * this.zoom;
    const keep = (center, size) => {
      const half = 0.5 / this.zoom;
      return size === 0 ? 0.5 : Math.min(1 - half, Math.max(half, center));
    };
    this.center = [keep(this.center[0], w), keep(this.center[1], h)];
    return [width / 2 - this.center[0] * w, height / 2 - this.center[1] * h, w, h];
  }

  draw() {
    // A finger scrolls the page over a picture that fits, and moves one that does not.
    this.canvas.style.touchAction = this.zoom === 1 ? "pan-x pan-y" : "none";
    const ratio = window.devicePixelRatio || 1;
    const box = this.canvas.getBoundingClientRect();
    const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (width === 0 || height === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    this.paint(context, this.#placed());
  }

  /** Draws the picture and its masks at a place. */
  paint(context, [x, y, w, h]) {
    context.imageSmoothingEnabled = this.zoom < 4;
    context.globalAlpha = 1;
    context.drawImage(this.bitmap, x, y, w, h);
    const layer = this.#layer(context.canvas);
    const draw = (image, alpha, operation) => {
      layer.globalAlpha = alpha;
      layer.globalCompositeOperation = operation;
      layer.drawImage(image, x, y, w, h);
    };
    const lit = look.off.has(look.lit) ? null : look.lit;
    const isLit = (mask) => mask.group === lit;
    const strength = (mask) => (lit === null || isLit(mask) ? 1 : DIM);
    // What is lit comes last, so that nothing covers it.
    const masks = this.masks.filter((mask) => !look.off.has(mask.group));
    masks.sort((a, b) => isLit(a) - isLit(b));
    // A mask takes the place of those below: colours that mix would belong to no phrase.
    for (const mask of look.masks ? masks : []) {
      const opacity = isLit(mask) ? Math.max(look.opacity, LIT) : look.opacity;
      draw(mask.filled, 1, "destination-out");
      draw(mask.filled, opacity * strength(mask), "source-over");
    }
    // Outlines lie on all of them, so that an object is seen around its parts.
    for (const mask of masks) {
      if (look.outlines || isLit(mask)) draw(mask.outline, strength(mask), "source-over");
    }
    context.drawImage(layer.canvas, 0, 0);
  }

  /** An empty layer as large as a canvas. */
  #layer({ width, height }) {
    this.layer ??= document.createElement("canvas");
    // Setting a size empties a canvas.
    this.layer.width = width;
    this.layer.height = height;
    const layer = this.layer.getContext("2d");
    layer.imageSmoothingEnabled = false;
    return layer;
  }

  /** The smallest shown mask under a place of the screen. */
  #at(clientX, clientY) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y, w, h] = this.#placed();
    const px = ((clientX - box.left) / box.width) * this.canvas.width;
    const py = ((clientY - box.top) / box.height) * this.canvas.height;
    const [u, v] = [(px - x) / w, (py - y) / h];
    const shown = this.masks.filter((mask) => !look.off.has(mask.group) && mask.covers(u, v));
    return { mask: shown.at(-1) ?? null, left: clientX - box.left, top: clientY - box.top, u, v };
  }

  zoomBy(factor, at = null) {
    const before = this.zoom;
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, before * factor));
    if (at) {
      const share = 1 - before / this.zoom;
      this.center[0] += (at.u - this.center[0]) * share;
      this.center[1] += (at.v - this.center[1]) * share;
    }
    this.draw();
  }

  fit() {
    this.zoom = 1;
    this.center = [0.5, 0.5];
    this.draw();
  }

  #move(dx, dy) {
    this.center[0] += dx / this.zoom;
    this.center[1] += dy / this.zoom;
    this.draw();
  }

  #point(event) {
    const { mask, left, top } = this.#at(event.clientX, event.clientY);
    this.tip.hidden = mask === null;
    if (mask) {
      this.tip.textContent = this.labels.get(mask.group);
      const room = this.canvas.clientWidth - this.tip.offsetWidth;
      const x = Math.max(0, Math.min(room, left + 12));
      this.tip.style.transform = `translate(${x}px, ${Math.max(0, top - 30)}px)`;
    }
    this.onPoint(mask ? mask.group : null);
  }

  #listen() {
    const { canvas, pointers } = this;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.dragged = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) {
        this.#point(event);
        return;
      }
      const now = [event.clientX, event.clientY];
      const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      if (others.length === 1) {
        this.dragged = Infinity;
        const reach = ([x, y]) => Math.hypot(x - others[0][0], y - others[0][1]) || 1;
        this.zoomBy(reach(now) / reach(before), this.#at(...others[0]));
      } else {
        this.dragged += Math.hypot(now[0] - before[0], now[1] - before[1]);
        const box = canvas.getBoundingClientRect();
        this.#move((before[0] - now[0]) / box.width, (before[1] - now[1]) / box.height);
      }
      pointers.set(event.pointerId, now);
    });
    const up = (event) => {
      if (!pointers.delete(event.pointerId)) return;
      // A touch that did not move points.
      if (event.type === "pointerup" && this.dragged < 4) this.#point(event);
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "touch") return;
      this.tip.hidden = true;
      this.onPoint(null);
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        // Scrolling past a picture scrolls the page.
        if (!event.ctrlKey && !event.metaKey && this.zoom === 1) return;
        event.preventDefault();
        this.zoomBy(event.deltaY < 0 ? STEP : 1 / STEP, this.#at(event.clientX, event.clientY));
      },
      { passive: false },
    );
    canvas.addEventListener("dblclick", (event) => {
      this.zoomBy(2, this.#at(event.clientX, event.clientY));
    });
    canvas.addEventListener("keydown", (event) => {
      const does = {
        "+": () => this.zoomBy(STEP),
        "=": () => this.zoomBy(STEP),
        "-": () => this.zoomBy(1 / STEP),
        0: () => this.fit(),
        ArrowLeft: () => this.#move(-MOVE, 0),
        ArrowRight: () => this.#move(MOVE, 0),
        ArrowUp: () => this.#move(0, -MOVE),
        ArrowDown: () => this.#move(0, MOVE),
      }[event.key];
      const isArrow = event.key.startsWith("Arrow");
      if (!does || event.ctrlKey || event.metaKey || (isArrow && this.zoom === 1)) return;
      event.preventDefault();
      does();
    });
  }
}

/** All pictures side by side with their masks, and the phrases below, as a PNG. */
export async function picture(stages, phrases) {
  const HEIGHT = 720;
  const GAP = 16;
  const LINE = 34;
  const widths = stages.map(({ bitmap }) => Math.round((bitmap.width / bitmap.height) * HEIGHT));
  const width = widths.reduce((sum, one) => sum + one, 0) + GAP * (stages.length + 1);
  // Browsers draw no wider canvases.
  const scale = Math.min(1, 16000 / width);
  const canvas = document.createElement("canvas");
  const height = HEIGHT + 2 * GAP + phrases.length * LINE + (phrases.length ? GAP : 0);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  let x = GAP;
  stages.forEach((stage, index) => {
    stage.paint(context, [x, GAP, widths[index], HEIGHT].map((length) => length * scale));
    x += widths[index] + GAP;
  });
  context.scale(scale, scale);
  context.font = "20px system-ui, sans-serif";
  context.textBaseline = "middle";
  phrases.forEach(({ group, words }, index) => {
    const y = HEIGHT + 2 * GAP + index * LINE + LINE / 2;
    context.fillStyle = css(color(group));
    context.fillRect(GAP, y - 10, 20, 20);
    context.fillStyle = "#211d19";
    context.fillText(words, GAP + 32, y);
  });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
