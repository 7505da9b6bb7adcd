// The page in a real browser: CALICO names the program, CHROMIUM the browser, and SHOTS, if it is
// set, the folder for pictures of the screen.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import { browse, serve } from "./service.mjs";

const EXAMPLES = join(dirname(fileURLToPath(import.meta.url)), "../../../examples");
const LANTERNS = ["lanterns-1.jpg", "lanterns-2.jpg"].map((name) => join(EXAMPLES, "drawn", name));
const SENTENCES = "#sentences article";
const DONE = "#progress[hidden]";

let service;
let browser;
let page;
/** What went wrong in the page, and where it asked. */
let faults;

before(async () => {
  service = await serve();
  browser = await browse();
});

after(async () => {
  try {
    await browser?.close();
  } finally {
    // The tests end only with the service.
    await service?.stop();
  }
});

beforeEach(async () => {
  await open({});
});

afterEach(async () => {
  await page.close();
  faultless();
});

/** Nothing went wrong since this was asked last. */
function faultless() {
  const found = faults ?? [];
  faults = [];
  assert.deepEqual(found, []);
}

/** Opens the page, and watches it. */
async function open({ address = service.address, path = "/", expected = [], ready = true, ...media }) {
  await page?.close();
  faultless();
  page = await browser.context.newPage();
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce", ...media });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const isExpected = expected.some((words) => message.text().includes(words));
    if (message.type() === "error" && !isExpected) faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    const isOwn = url.startsWith(address) || url.startsWith("blob:") || url.startsWith("data:");
    if (!isOwn) faults.push(`another host: ${url}`);
  });
  await page.goto(address + path);
  if (ready) await page.waitForFunction(() => document.querySelector("#facts, #summary")?.textContent);
}

async function shot(name) {
  if (process.env.SHOTS) await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
}

async function choose(task) {
  await page.locator(`input[name="task"][value="${task}"]`).check({ force: true });
}

/** Asks about the two lanterns and waits for the answer. */
async function ask(task = "all") {
  await page.setInputFiles("#files", LANTERNS);
  await choose(task);
  await page.click("#send");
  await answered();
}

async function answered() {
  await page.waitForSelector('[data-download="json"]:not(:disabled)', { timeout: 60_000 });
  await page.waitForSelector(DONE, { state: "attached" });
}

/** The sum of the colours of a picture on the screen. */
function colours(index) {
  return page.evaluate((at) => {
    const canvas = document.querySelectorAll("#stages canvas")[at];
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((sum, value, place) => (sum * 31 + value * (place % 7)) % 1e9, 0);
  }, index);
}

/** Waits until a picture looks otherwise than it did. */
async function changed(index, before) {
  const start = performance.now();
  while ((await colours(index)) === before) {
    assert.ok(performance.now() - start < 10_000, "the picture stays as it was");
    await page.waitForTimeout(20);
  }
}

/** How both pictures look while nothing is pointed at. */
async function looks() {
  await page.mouse.move(5, 5);
  return [await colours(0), await colours(1)];
}

/** A file that the page offers. */
async function download(kind) {
  const [got] = await Promise.all([page.waitForEvent("download"), page.click(`[data-download="${kind}"]`)]);
  return { name: got.suggestedFilename(), bytes: readFileSync(await got.path()) };
}

function problem() {
  return page.locator("#problem").innerText();
}

/** What is hard to use for somebody. */
async function barriers() {
  // The checker is put in by the test, past the policy of the page.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

test("an example pair is answered with three sentences and masks", async () => {
  assert.match(await page.innerText("#notice"), /drawn objects only[\s\S]*calico serve --model/);
  const [notice, drop] = await Promise.all(["#notice", "#drop"].map((id) => page.locator(id).boundingBox()));
  assert.ok(notice.y < drop.y, "the notice is above the place for pictures");
  await shot("empty");
  await page.getByRole("button", { name: "Lanterns" }).click();
  await answered();
  assert.equal(await page.locator(SENTENCES).count(), 3);
  assert.equal(await page.locator("#stages canvas").count(), 2);
  assert.ok((await page.locator(".phrase[data-group]").count()) >= 3);
  assert.match(await page.innerText("#areas"), /%/);
  assert.match(await page.innerText("#status"), /masks\./);
  await shot("answer");
});

test("two uploaded pictures are asked all three tasks and a question of one's own", async () => {
  const titles = { common_objects: "Common objects", common_parts: "Common parts", unique_parts: "Unique parts" };
  await page.setInputFiles("#files", LANTERNS);
  for (const [task, title] of Object.entries(titles)) {
    await choose(task);
    await page.click("#send");
    await answered();
    assert.equal(await page.locator(SENTENCES).count(), 1);
    assert.equal(await page.locator(`${SENTENCES} h3`).innerText(), title);
    assert.match(await page.locator(`${SENTENCES} p`).innerText(), /\w+ \w+/);
  }
  await choose("own");
  const question = "Which object do the images share?";
  await page.fill("#prompt", question);
  await page.click("#send");
  await answered();
  assert.equal(await page.locator(`${SENTENCES} h3`).innerText(), "Answer");
  const { answers } = JSON.parse((await download("json")).bytes);
  assert.deepEqual(answers.map(({ task, prompt }) => [task, prompt]), [[null, question]]);
  assert.equal(await page.locator("#history li").count(), 4);
});

test("a phrase lights its masks up in every picture, and a mask its phrase", async () => {
  await ask("common_parts");
  const dark = await Promise.all([colours(0), colours(1)]);
  const phrase = page.locator(".phrase[data-group]").first();
  await phrase.hover();
  assert.match(await phrase.getAttribute("class"), /lit/);
  const lit = await Promise.all([colours(0), colours(1)]);
  assert.notEqual(lit[0], dark[0]);
  assert.notEqual(lit[1], dark[1]);
  await shot("hover");
  await page.mouse.move(5, 5);
  assert.equal(await page.locator(".phrase.lit").count(), 0);
  assert.deepEqual(await Promise.all([colours(0), colours(1)]), dark);

  // The centre of a segment lies under the pointer somewhere: look for it row by row.
  const canvas = page.locator("#stages canvas").first();
  const box = await canvas.boundingBox();
  let found = 0;
  for (let row = 1; row < 20 && !found; row++) {
    await page.mouse.move(box.x + box.width * 0.66, box.y + (box.height * row) / 20);
    found = await page.locator(".phrase.lit").count();
  }
  assert.equal(found, 1);
  const label = await page.locator("#stages .tip").first().innerText();
  assert.equal(await page.locator(".phrase.lit").innerText(), label);
  await shot("pointed");
});

test("masks lie where the service says", async () => {
  // Two rows and three columns, whose lower row is the mask; the last three numbers are differences.
  const bits = await page.evaluate(async () => {
    const { ShownMask } = await import("/masks.js");
    return [...new ShownMask({ size: [2, 3], counts: "111000" }, 1).bits];
  });
  assert.deepEqual(bits, [0, 0, 0, 1, 1, 1]);
});

/** Answers every question of the page with these events. */
async function answerWith(events, { cut = false } = {}) {
  const body = events.map(([name, data]) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`).join("");
  await page.route("**/v1/segment", (route) =>
    route.fulfill({ status: 200, contentType: "text/event-stream", body: cut ? body.slice(0, -20) : body }),
  );
}

/** A result with one answer, whose segments are `[phrase, image, group]`. */
function resultOf(text, segments) {
  const scores = { mean_foreground_probability: 0.9, phrase_token_probability: null, predicted_iou: 0.9, calibrated: false };
  const segment = ([phrase, image, group], index) => ({
    id: index + 1, label: phrase.replace("a ", ""), phrase, image, role: "other", group, parent: null,
    mask: { size: [256, 320], counts: "PP`2" }, box: null, area: 0, area_ratio: group / 10, centroid: null, scores,
  });
  const answer = {
    task: null, prompt: "?", text, plain_text: text, status: "ok", truncated: false,
    segments: segments.map(segment), warnings: ["one thing to know"],
  };
  const images = [1, 2].map((index) => ({ index, file_name: "a.png", width: 320, height: 256 }));
  return { schema: "calico.result/1", model: { name: "x" }, images, answers: [answer], warnings: [] };
}

test("a phrase without masks takes no other phrase's colour, while it is written and afterwards", async () => {
  const text =
    "<p> a spout </p> [SEG] (IMAGE9) , <p> a handle </p> [SEG] (IMAGE1) [SEG] (IMAGE2) and <p> a lid </p> [SEG] (IMAGE1)";
  const result = resultOf(text, [["a handle", 1, 1], ["a handle", 2, 1], ["a lid", 1, 2]]);
  const [answer] = result.answers;
  await page.setInputFiles("#files", LANTERNS);
  await choose("own");
  await page.fill("#prompt", "?");
  const groups = () =>
    page.locator(".phrase").evaluateAll((all) => all.map((one) => [one.textContent, one.dataset.group ?? null]));
  const expected = [["a spout", null], ["a handle", "1"], ["a lid", "2"]];
  await answerWith([["started", {}], ["text", { answer: 0, delta: text }]], {});
  await page.click("#send");
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await problem(), /broke off/);
  assert.deepEqual(await groups(), expected);
  await page.unroute("**/v1/segment");
  await answerWith([["text", { answer: 0, delta: text }], ["answer", { answer: 0, value: answer }], ["result", result]]);
  await page.click("#send");
  await answered();
  assert.deepEqual(await groups(), expected);
  const rows = page.locator("#areas tbody tr");
  const cells = await rows.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  assert.deepEqual(cells, [["handle", "10.0 %", "10.0 %"], ["lid", "20.0 %", "–"]]);
  assert.match(await page.innerText("#warnings"), /one thing to know/);
});

test("what is asked next never shows what was asked before", async () => {
  await ask("common_objects");
  const before = await page.innerText("#sentences");
  await page.route("**/v1/segment", () => {});
  await choose("common_parts");
  await page.click("#send");
  await page.waitForFunction(() => !document.querySelector("#sentences").textContent);
  assert.equal(await page.locator("[data-download]:not(:disabled)").count(), 0);
  // The old answer, and at once the new question again: the latter is what is shown.
  await page.evaluate(() => {
    document.querySelector("#history button").click();
    document.querySelector("#send").click();
  });
  await page.waitForTimeout(300);
  assert.equal(await page.innerText("#sentences"), "");
  assert.equal(await page.locator("#stop").isVisible(), true);
  await page.locator("#history button").click();
  await page.waitForFunction((text) => document.querySelector("#sentences").innerText === text, before);
  assert.equal(await page.locator("#stop").isVisible(), false);
});

test("a file that only the service can read is named", async () => {
  const tiff = { name: "scan.tiff", mimeType: "image/tiff", buffer: Buffer.from("II*\0") };
  await answerWith([["result", resultOf("nothing", [])]]);
  await page.setInputFiles("#files", tiff);
  await page.click("#send");
  await page.waitForSelector('[data-download="json"]:not(:disabled)');
  assert.match(await page.innerText("#stages"), /scan.tiff.*cannot show/);
  assert.equal(await page.locator('[data-download="png"]').isDisabled(), true);
});

test("masks, outlines, opacity and single phrases can be switched off", async () => {
  await ask("common_parts");
  const whole = await colours(0);
  await page.uncheck("#show-outlines");
  const filled = await colours(0);
  assert.notEqual(filled, whole);
  await page.fill("#opacity", "20");
  const faint = await colours(0);
  assert.notEqual(faint, filled);
  await page.uncheck("#show-masks");
  const bare = await colours(0);
  assert.notEqual(bare, faint);
  await page.check("#show-masks");
  const [faintly] = await looks();
  const first = page.locator(".phrase[data-group]").first();
  await first.click();
  const [without] = await looks();
  assert.ok(without !== faintly && without !== bare, "one phrase alone is hidden");
  await first.click();
  assert.deepEqual((await looks())[0], faintly);
  for (const phrase of await page.locator(".phrase[data-group]").all()) {
    await phrase.click();
    assert.equal(await phrase.getAttribute("aria-pressed"), "false");
  }
  await page.mouse.move(5, 5);
  assert.equal(await colours(0), bare);
});

test("a picture is zoomed and moved by buttons, wheel and drag, and fits again", async () => {
  await ask("common_objects");
  const fit = await colours(0);
  await page.click("#zoom-in");
  const near = await colours(0);
  assert.notEqual(near, fit);
  await page.click("#zoom-out");
  assert.equal(await colours(0), fit);
  await page.click("#zoom-in");
  const box = await page.locator("#stages canvas").first().boundingBox();
  await page.mouse.move(box.x + 150, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + 90, box.y + 60, { steps: 3 });
  await page.mouse.up();
  const moved = await colours(0);
  assert.notEqual(moved, near);
  await page.mouse.wheel(0, -200);
  await changed(0, moved);
  await page.mouse.move(5, 5);
  await page.click("#zoom-reset");
  await page.mouse.move(5, 5);
  assert.equal(await colours(0), fit);
  // The wheel scrolls the page past a picture that fits, but with Control it zooms.
  await page.mouse.move(box.x + 10, box.y + 10);
  const pointed = await colours(0);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -200);
  await changed(0, pointed);
  await page.keyboard.up("Control");
});

test("everything can be downloaded", async () => {
  await ask("all");
  const png = await download("png");
  assert.equal(png.name, "calico.png");
  // How much of its middle row is no paper: both pictures, and three gaps.
  const drawn = await page.evaluate(async (bytes) => {
    const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, 1).getContext("2d");
    context.drawImage(bitmap, 0, -360);
    const { data } = context.getImageData(0, 0, bitmap.width, 1);
    return data.filter((value, place) => place % 4 === 0 && value < 250).length / bitmap.width;
  }, [...png.bytes]);
  assert.ok(drawn > 0.9, `${drawn} of the middle row`);
  const coco = await download("coco");
  assert.equal(coco.name, "coco.json");
  assert.ok(JSON.parse(coco.bytes).annotations.length > 0);
  const svg = await download("svg");
  assert.equal(svg.bytes.subarray(0, 2).toString(), "PK");
  const result = await download("json");
  assert.equal(JSON.parse(result.bytes).schema, "calico.result/1");
});

test("pictures are dropped, pasted, taken, moved and removed", async () => {
  const bytes = [...readFileSync(LANTERNS[0])];
  const give = (kind, name) =>
    page.evaluate(
      ([event, file, data]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(data)], file, { type: "image/jpeg" }));
        const init = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
        const Kind = event === "paste" ? ClipboardEvent : DragEvent;
        document.body.dispatchEvent(new Kind(event, init));
      },
      [kind, name, bytes],
    );
  await give("drop", "dropped.jpg");
  await give("paste", "pasted.jpg");
  await page.click("#camera");
  await page.waitForFunction(() => document.querySelector("#video").videoWidth > 0);
  await page.evaluate(() => ([window.cameraTrack] = document.querySelector("#video").srcObject.getTracks()));
  await page.click("#shoot");
  await page.waitForSelector("#pictures li:nth-child(3)");
  await page.waitForFunction(() => document.querySelector("#video").srcObject === null);
  assert.equal(await page.evaluate(() => window.cameraTrack.readyState), "ended");
  const names = () => page.locator("#pictures .name").allInnerTexts();
  assert.deepEqual(await names(), ["dropped.jpg", "pasted.jpg", "camera-3.jpg"]);
  await page.getByRole("button", { name: "Move camera-3.jpg forward" }).click();
  assert.deepEqual(await names(), ["dropped.jpg", "camera-3.jpg", "pasted.jpg"]);
  await page.getByRole("button", { name: "Move dropped.jpg back" }).click();
  assert.deepEqual(await names(), ["camera-3.jpg", "dropped.jpg", "pasted.jpg"]);
  await page.getByRole("button", { name: "Remove dropped.jpg" }).click();
  assert.deepEqual(await names(), ["camera-3.jpg", "pasted.jpg"]);
});

test("an earlier answer comes back", async () => {
  await ask("common_objects");
  const first = await page.innerText("#sentences");
  const before = await looks();
  await choose("unique_parts");
  await page.click("#send");
  await answered();
  assert.notEqual(await page.innerText("#sentences"), first);
  await page.locator("#history button").nth(1).click();
  await page.waitForFunction((text) => document.querySelector("#sentences").innerText === text, first);
  assert.equal(await page.locator("#stages canvas").count(), 2);
  assert.deepEqual(await looks(), before);
});

test("what is wrong is said", async () => {
  await page.click("#send");
  assert.match(await problem(), /no picture yet/);
  await page.setInputFiles("#files", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("x") });
  assert.match(await problem(), /notes.txt is no picture/);
  await open({ expected: ["422"] });
  const broken = { name: "broken.png", mimeType: "image/png", buffer: Buffer.from("\x89PNG\r\n\x1a\nxxxx") };
  await page.setInputFiles("#files", LANTERNS[0]);
  await page.setInputFiles("#files", broken);
  await page.click("#send");
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await problem(), /A picture cannot be used[\s\S]*image 2/);
  await shot("problem");
  await page.setInputFiles("#files", Array(8).fill(LANTERNS[0]));
  assert.match(await problem(), /at most 8/);
});

test("a service that is busy, gone or slow is said, and a question can be stopped", async () => {
  await open({ expected: ["429", "ERR_FAILED"] });
  await page.setInputFiles("#files", LANTERNS);
  const busy = { type: "/docs#queue-full", title: "Too many questions are waiting", status: 429, detail: "64 wait", retry_after_seconds: 3 };
  await page.route("**/v1/segment", (route) =>
    route.fulfill({ status: 429, contentType: "application/problem+json", body: JSON.stringify(busy) }),
  );
  await page.click("#send");
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await problem(), /Too many questions[\s\S]*again in 3 seconds/);
  await page.unroute("**/v1/segment");
  await page.route("**/v1/segment", (route) => route.abort());
  await page.click("#send");
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await problem(), /cannot be reached/);
  await page.unroute("**/v1/segment");
  await page.route("**/v1/segment", () => {});
  await page.click("#send");
  await Promise.all([page.waitForEvent("requestfailed"), page.click("#stop")]);
  await page.waitForSelector(DONE, { state: "attached" });
  assert.equal(await page.locator("#problem").isHidden(), true);
});

test("a service with a token asks for it", async () => {
  const closed = await serve([], { CALICO_BEARER_TOKEN: "secret" });
  try {
    await open({ address: closed.address, ready: false, expected: ["401"] });
    await page.waitForSelector("#token-dialog[open]");
    assert.deepEqual(await barriers(), [], "the dialog");
    await page.fill("#token", "secret");
    await page.press("#token", "Enter");
    await page.waitForFunction(() => document.querySelector("#facts").textContent);
    await ask("common_objects");
    assert.equal(await page.locator(SENTENCES).count(), 1);
  } finally {
    await closed.stop();
  }
});

test("the keyboard is enough", async () => {
  const focused = () =>
    page.evaluate(() => {
      const { tagName, textContent, dataset } = document.activeElement;
      return { tag: tagName, text: textContent.trim(), group: dataset.group };
    });
  const goBy = (key) => async (is) => {
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press(key);
      if (is(await focused())) return;
    }
    assert.fail(`${key} does not get there`);
  };
  const [tabTo, backTo] = [goBy("Tab"), goBy("Shift+Tab")];
  await tabTo(({ text }) => text === "Lanterns");
  await page.keyboard.press("Enter");
  await answered();
  // Another task by the arrows of the group, then the button, then the answer before it.
  await tabTo(({ tag }) => tag === "INPUT");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement.value), "common_objects");
  await tabTo(({ text }) => text === "Compare");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#history li:nth-child(2)");
  await tabTo(({ text }) => text === "All three" );
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelectorAll("#sentences article").length === 3);
  assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), "All three");
  await backTo(({ tag }) => tag === "CANVAS");
  await backTo(({ tag }) => tag === "INPUT");
  await tabTo(({ tag }) => tag === "CANVAS");
  const fit = await colours(0);
  await page.keyboard.press("+");
  const near = await colours(0);
  assert.notEqual(near, fit);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await colours(0), near);
  await page.keyboard.press("0");
  assert.equal(await colours(0), fit);
  await tabTo(({ group }) => group !== undefined);
  assert.equal(await page.locator(".phrase.lit").count() > 0, true);
  await page.keyboard.press("Space");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-pressed")), "false");
  await shot("keyboard");
});

test("a phone has room for all of it", async () => {
  await page.setViewportSize({ width: 390, height: 844 });
  await ask("all");
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer, `the page is ${inner} wide, the screen ${outer}`);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll(".ask > section > .row button, .downloads button, .controls button")]
      .filter((button) => button.offsetParent && button.getBoundingClientRect().height < 40)
      .map((button) => button.textContent),
  );
  assert.deepEqual(small, []);
  await shot("phone");
});

test("nobody is kept out", async () => {
  for (const colorScheme of ["light", "dark"]) {
    await open({ colorScheme });
    assert.deepEqual(await barriers(), [], `empty, ${colorScheme}`);
    await ask("all");
    assert.deepEqual(await barriers(), [], `answered, ${colorScheme}`);
    await shot(`answer-${colorScheme}`);
    const phrase = page.locator(".phrase[data-group]").first();
    await phrase.click();
    assert.deepEqual(await barriers(), [], `a hidden phrase under the pointer, ${colorScheme}`);
    await page.click("#camera");
    await page.waitForSelector("#camera-dialog[open]");
    assert.deepEqual(await barriers(), [], `the camera, ${colorScheme}`);
    await page.click("#camera-close");
    await choose("own");
    await page.click("#send");
    assert.deepEqual(await barriers(), [], `a problem, ${colorScheme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    assert.deepEqual(await barriers(), [], `a phone, ${colorScheme}`);
    await page.setViewportSize({ width: 1280, height: 900 });
    await open({ colorScheme, path: "/docs" });
    await page.waitForSelector("#operations details");
    assert.deepEqual(await barriers(), [], `docs, ${colorScheme}`);
    await shot(`docs-${colorScheme}`);
  }
});

test("the page of the API shows every address and every problem", async () => {
  await open({ path: "/docs#queue-full" });
  await page.waitForSelector("#queue-full");
  assert.equal(await page.locator("#operations details").count(), 7);
  assert.match(await page.innerText("#queue-full"), /429/);
  await page.locator("#operations summary", { hasText: "/v1/segment" }).click();
  assert.match(await page.innerText("#operations details[open]"), /SegmentRequest/);
});
