// Write the goldens of calico-annotation that Label Studio's editor would write: brushes packed by
// its own library, coloured and with soft edges, so that all kinds of blocks occur.
//
// Needs Node.js, and version 3.2.12 of the package `@thi.ng/rle-pack` in the folder it is run in.
// It also checks that the library finds the masks of `masks.json` in their brushes.
//
//     node REPOSITORY/tools/goldens/annotation_editor.mjs REPOSITORY/goldens/annotation

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "package.json"));
const { decode, encode } = await import(pathToFileURL(require.resolve("@thi.ng/rle-pack")));
const folder = process.argv[2];

// A small generator of 32-bit numbers, so that two runs write the same bytes.
let state = 1;
function random() {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
}

const cases = [[1, 1], [3, 5], [9, 14], [24, 31]].map(([height, width]) => {
    const values = new Uint8ClampedArray(4 * height * width);
    const rows = [];
    for (let y = 0; y < height; y++) {
        let row = "";
        for (let x = 0; x < width; x++) {
            const distance = Math.hypot(y - height / 2, x - width / 2) / Math.min(height, width);
            const alpha = Math.round(255 * Math.min(1, Math.max(0, 4 * (0.5 - distance))));
            // Where nothing was drawn, a canvas may still have a colour.
            const color = random() < 0.2 ? [17, 34, 51] : [210, 45, 45];
            values.set([...color, alpha], 4 * (y * width + x));
            row += alpha > 0 ? "#" : ".";
        }
        rows.push(row);
    }
    return { rows, brush: Array.from(encode(values, values.length)) };
});

for (const { height, width, brush, cvat } of JSON.parse(readFileSync(`${folder}/masks.json`))) {
    const values = decode(Uint8Array.from(brush));
    const [left, top, boxWidth, boxHeight] = cvat.box;
    const expected = new Uint8Array(4 * height * width);
    let at = 0;
    cvat.runs.forEach((run, index) => {
        for (const end = at + run; at < end; at++) {
            const y = top + Math.floor(at / boxWidth);
            const x = left + (at % boxWidth);
            const pixel = 4 * (y * width + x);
            expected.fill(index % 2 ? 255 : 0, pixel, pixel + 4);
        }
    });
    if (at !== boxWidth * boxHeight || Buffer.compare(values, expected) !== 0) {
        throw new Error(`a mask of ${width}x${height} differs`);
    }
}

const lines = cases.map((each) => JSON.stringify(each)).join(",\n");
writeFileSync(`${folder}/editor_brushes.json`, `[\n${lines}\n]\n`);
