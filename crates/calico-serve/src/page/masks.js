// Masks: COCO's run lengths as pixels, and the colours of phrases.

/** The colours of the pictures that the program draws: Okabe and Ito, then Paul Tol. */
const COLORS = [
  [230, 159, 0], [86, 180, 233], [0, 158, 115], [204, 121, 167], [240, 228, 66], [213, 94, 0],
  [0, 114, 178], [136, 34, 85], [153, 153, 51], [68, 170, 153], [51, 34, 136], [221, 204, 119],
];

/** The colour of a phrase, by its group, from 1. */
export function color(group) {
  return COLORS[(group - 1) % COLORS.length];
}

export function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** Black or white, whichever reads better on a colour. */
export function onColor(rgb) {
  const [r, g, b] = rgb.map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

/** The longest side at which pictures and masks are shown: more costs memory that phones lack. */
export const MOST_SIDE = 1536;
/** Outlines are as thick as one of so many parts of the longest side, so that they survive when the
 * picture is shown smaller. */
const OUTLINE = 400;

/** Run lengths from COCO's text: six bits a character, each length as a difference to the last
 * but one. */
function runs(text) {
  const lengths = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const bits = text.charCodeAt(at++) - 48;
      value += (bits & 31) * 2 ** shift;
      shift += 5;
      more = (bits & 32) !== 0;
      if (!more && bits & 16) value -= 2 ** shift;
    }
    if (lengths.length > 2) value += lengths[lengths.length - 2];
    lengths.push(value);
  }
  return lengths;
}

/** A mask at the size at which it is shown. */
export class ShownMask {
  constructor({ size: [height, width], counts }, group) {
    const scale = Math.min(1, MOST_SIDE / Math.max(height, width));
    this.width = Math.max(1, Math.round(width * scale));
    this.height = Math.max(1, Math.round(height * scale));
    this.group = group;
    this.bits = new Uint8Array(this.width * this.height);
    this.area = this.#fill(runs(counts), height, width);
  }

  /** Whether the mask covers a place, x and y from 0 to 1. */
  covers(x, y) {
    const column = Math.floor(x * this.width);
    const row = Math.floor(y * this.height);
    const isInside = column >= 0 && column < this.width && row >= 0 && row < this.height;
    return isInside && this.bits[row * this.width + column] === 1;
  }

  /** The mask in its colour, made when it is first shown. */
  get filled() {
    this.fillCanvas ??= this.#canvas((at) => this.bits[at] === 1);
    return this.fillCanvas;
  }

  /** Its pixels that have a neighbour outside. */
  get outline() {
    this.lineCanvas ??= this.#canvas((at) => this.#isEdge(at));
    return this.lineCanvas;
  }

  #isEdge(at) {
    const { bits, width, height } = this;
    if (bits[at] === 0) return false;
    const x = at % width;
    const y = (at - x) / width;
    const thickness = Math.max(1, Math.round(Math.max(width, height) / OUTLINE));
    for (let step = 1; step <= thickness; step++) {
      if (x < step || x >= width - step || y < step || y >= height - step) return true;
      const [row, column] = [step * width, step];
      if (!bits[at - column] || !bits[at + column] || !bits[at - row] || !bits[at + row]) return true;
    }
    return false;
  }

  #canvas(has) {
    const canvas = document.createElement("canvas");
    canvas.width = this.width;
    canvas.height = this.height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(this.width, this.height);
    const [red, green, blue] = color(this.group);
    for (let at = 0; at < this.bits.length; at++) {
      if (has(at)) image.data.set([red, green, blue, 255], at * 4);
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  /** Columns of the runs become rows of pixels; returns how many there are. */
  #fill(lengths, height, width) {
    let at = 0;
    let area = 0;
    const [sx, sy] = [this.width / width, this.height / height];
    lengths.forEach((length, index) => {
      const end = at + length;
      if (index % 2 === 1) {
        while (at < end) {
          const column = Math.floor(at / height);
          const top = at % height;
          const bottom = Math.min(height, top + end - at);
          const x = Math.min(this.width - 1, Math.floor(column * sx));
          const last = Math.min(this.height - 1, Math.floor((bottom - 1) * sy));
          for (let y = Math.floor(top * sy); y <= last; y++) {
            const place = y * this.width + x;
            area += 1 - this.bits[place];
            this.bits[place] = 1;
          }
          at += bottom - top;
        }
      }
      at = end;
    });
    return area;
  }
}
