// The page: pictures in, a question, an answer that lights up.

import { MOST_SIDE, ShownMask, color, css, onColor } from "/masks.js";
import * as service from "/service.js";
import { STEP, Stage, look, picture } from "/stage.js";

const $ = (id) => document.getElementById(id);

const TASKS = {
  common_objects: "Common objects",
  common_parts: "Common parts",
  unique_parts: "Unique parts",
};

const EXAMPLES = [
  { name: "Lanterns", files: ["lanterns-1.jpg", "lanterns-2.jpg"] },
  { name: "Bicycles", files: ["bicycles-1.jpg", "bicycles-2.jpg"] },
];

/** Pictures to ask about: `{ blob, name, url }`. */
let pictures = [];
/** What was asked in this session, the last first. */
const history = [];
/** What is shown: `{ stages, answers, result, tasks, count }`. */
let shown = null;
/** Stops the question that is being answered. */
let running = null;
/** The pictures of that question. */
let asking = [];
let limits = null;

/** An element with text, attributes and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Says something to whoever listens instead of looking. */
function say(text) {
  $("status").textContent = text;
}

// Problems.

function showProblem(problem) {
  const { title, message, retry } = problem;
  const lines = [make("h3", {}, title ?? "Something went wrong"), make("p", {}, message)];
  if (retry) lines.push(make("p", {}, `Ask again in ${retry} seconds.`));
  $("problem").replaceChildren(...lines);
  $("problem").hidden = false;
  $("problem").scrollIntoView({ block: "nearest" });
}

function hideProblem() {
  $("problem").hidden = true;
}

/** Shows what went wrong; where a token is missing, asks for one. */
function handle(error) {
  if (error.name === "AbortError") return;
  showProblem(error);
  if (error.status === 401) $("token-dialog").showModal();
}

// Pictures.

function megabytes(bytes) {
  return `${Math.max(0, bytes / 1e6).toFixed(1)} MB`;
}

function addPictures(files) {
  hideProblem();
  const most = limits?.images ?? 8;
  const room = (limits?.request_bytes ?? Infinity) - pictures.reduce((sum, { blob }) => sum + blob.size, 0);
  const size = [...files].reduce((sum, { size: bytes }) => sum + bytes, 0);
  if (size > room) {
    const message = `Together they have ${megabytes(size)}, and there is room for ${megabytes(room)}. Shrink them, or choose fewer.`;
    showProblem({ title: "The pictures are too large", message });
    return;
  }
  for (const blob of files) {
    if (!blob.type.startsWith("image/")) {
      const message = `${blob.name ?? "What was dropped"} is no picture; choose PNG, JPEG, WebP, BMP, TIFF or GIF files.`;
      showProblem({ title: "That is no picture", message });
    } else if (pictures.length >= most) {
      showProblem({ title: "Too many pictures", message: `This service compares at most ${most} pictures at once.` });
    } else {
      const name = blob.name ?? `picture-${pictures.length + 1}.png`;
      pictures.push({ blob, name, url: URL.createObjectURL(blob) });
    }
  }
  listPictures();
}

function listPictures() {
  const tool = (label, text, does, disabled) =>
    make("button", { type: "button", "aria-label": label, title: label, onclick: does, disabled: disabled ? "" : null }, text);
  const item = ({ name, url }, index) => {
    const swap = (to) => () => {
      [pictures[index], pictures[to]] = [pictures[to], pictures[index]];
      listPictures();
      // The same button of the picture that moved, as long as it can move on.
      const [back, on] = $("pictures").children[to].querySelectorAll("button");
      const button = to < index ? back : on;
      (button.disabled ? (to < index ? on : back) : button).focus();
    };
    const remove = () => {
      release(pictures.splice(index, 1));
      listPictures();
      say(`${name} is removed`);
      ($("pictures").children[Math.min(index, pictures.length - 1)]?.querySelector("button:not(:disabled)") ?? $("files")).focus();
    };
    return make(
      "li",
      {},
      make("img", { src: url, alt: `Picture ${index + 1}: ${name}` }),
      make("span", { class: "name" }, name),
      make(
        "div",
        { class: "tools" },
        tool(`Move ${name} forward`, "←", swap(index - 1), index === 0),
        tool(`Move ${name} back`, "→", swap(index + 1), index === pictures.length - 1),
        tool(`Remove ${name}`, "×", remove),
      ),
    );
  };
  $("pictures").replaceChildren(...pictures.map(item));
  const count = pictures.length;
  if (count) say(count === 1 ? "1 picture is chosen" : `${count} pictures are chosen`);
}

/** Gives the memory of pictures back that nothing shows any more. */
function release(gone) {
  const kept = new Set([...pictures, ...asking, ...history.flatMap((entry) => entry.pictures)]);
  for (const picture of gone) {
    if (!kept.has(picture)) URL.revokeObjectURL(picture.url);
  }
}

async function useExample({ files }) {
  try {
    const blobs = await Promise.all(files.map((name) => service.file(`/examples/${name}`)));
    const before = pictures;
    pictures = [];
    release(before);
    addPictures(blobs.map((blob, index) => new File([blob], files[index], { type: "image/jpeg" })));
    await ask();
  } catch (error) {
    handle(error);
  }
}

function listExamples() {
  const button = (example) =>
    make(
      "button",
      { type: "button", onclick: () => useExample(example) },
      ...example.files.map((name) => make("img", { src: `/examples/${name}`, alt: "" })),
      example.name,
    );
  $("examples").replaceChildren("Or try:", ...EXAMPLES.map(button));
}

// The answer.

/** Pieces of an answer with tags: words, and phrases with the images that their tags name. */
function pieces(text) {
  const found = [];
  let isInside = false;
  for (const piece of text.split(/(<\/?p>|\[SEG\](?:\s*\(IMAGE\d+\))?)/)) {
    if (piece === "<p>") isInside = true;
    else if (piece === "</p>") isInside = false;
    else if (piece.startsWith("[SEG]")) {
      const image = Number(piece.match(/\d+/)?.[0]);
      if (!isInside && image) found.findLast(({ images }) => images)?.images.push(image);
    } else if (isInside && piece.trim()) found.push({ words: piece.trim(), images: [] });
    else if (piece.trim()) found.push({ words: piece });
  }
  return found;
}

/** The group of each phrase. Groups count phrases whose tags name an image that is there; once the
 * segments are known, a phrase has the next group of its words and images, or none. */
function groupsOf(phrases, { first, segments }) {
  if (!segments) {
    let next = first;
    const isThere = (image) => image <= shown.count;
    return phrases.map(({ images }) => (images.some(isThere) ? next++ : null));
  }
  const left = [...new Set(segments.map(({ group }) => group))];
  const same = (one, other) => one.split(/\s+/).join(" ").trim() === other.split(/\s+/).join(" ").trim();
  const inOrder = (withImages) => {
    const rest = [...left];
    const groups = phrases.map(({ words, images }) => {
      const own = segments.filter(({ group }) => group === rest[0]);
      const fits = (segment) => same(segment.phrase, words) && (!withImages || images.includes(segment.image));
      return own.length && own.every(fits) ? rest.shift() : null;
    });
    return { groups, isComplete: rest.length === 0 };
  };
  const byImage = inOrder(true);
  return byImage.isComplete ? byImage.groups : inOrder(false).groups;
}

/** Sets what is lit, in the sentences and in every picture. */
function light(group) {
  if (look.lit === group) return;
  look.lit = group;
  markLit();
  redraw();
}

function markLit() {
  for (const element of $("sentences").querySelectorAll(".phrase")) {
    element.classList.toggle("lit", look.lit !== null && Number(element.dataset.group) === look.lit);
  }
}

function redraw() {
  for (const stage of shown?.stages ?? []) stage.draw();
}

function toggle(group) {
  if (look.off.has(group)) look.off.delete(group);
  else look.off.add(group);
  for (const element of $("sentences").querySelectorAll(`[data-group="${group}"]`)) {
    element.setAttribute("aria-pressed", String(!look.off.has(group)));
  }
  redraw();
}

/** A phrase that lights its masks up, and hides them when it is pressed. */
function phraseButton(words, group) {
  const button = make(
    "button",
    {
      type: "button",
      class: "phrase",
      "aria-pressed": String(!look.off.has(group)),
      "data-group": group,
      title: "Press to hide or show its masks",
      onclick: () => toggle(group),
      onpointerenter: () => light(group),
      onpointerleave: () => light(null),
      onfocus: () => light(group),
      onblur: () => light(null),
    },
    words,
  );
  button.style.setProperty("--color", css(color(group)));
  button.style.setProperty("--on-color", onColor(color(group)));
  return button;
}

/** Writes the sentence of an answer, as far as it is known. */
function write(card) {
  const { element, text } = card;
  const all = pieces(text);
  const groups = groupsOf(all.filter(({ images }) => images), card);
  const children = all.flatMap(({ words, images }, index) => {
    const blank = index > 0 && !/^\s*[.,;:!?)]/.test(words) ? " " : "";
    if (!images) return [blank + words.replace(/\s+/g, " ").trim()];
    const group = groups.shift();
    if (group === null) return [blank, make("span", { class: "phrase plain" }, words)];
    return [blank, phraseButton(words, group)];
  });
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.group : null;
  element.replaceChildren(...children);
  if (focused) element.querySelector(`[data-group="${focused}"]`)?.focus();
  markLit();
}

/** The card of an answer, made when its first word comes. */
function answerAt(index) {
  const { answers } = shown;
  while (answers.length <= index) {
    const before = answers.at(-1);
    const task = shown.tasks[answers.length] ?? null;
    const element = make("p", {});
    $("sentences").append(make("article", {}, make("h3", {}, task ? TASKS[task] : "Answer"), element));
    const known = before ? Math.max(before.first - 1, ...before.segments.map(({ group }) => group)) : 0;
    answers.push({ element, text: "", first: known + 1, segments: null });
  }
  return answers[index];
}

/** Makes room for an answer; what is shown then. Whoever waits for it must look whether it still
 * is what is shown. */
async function begin(asked) {
  for (const stage of shown?.stages ?? []) stage.remove();
  Object.assign(look, { lit: null, off: new Set() });
  const mine = { stages: [], answers: [], result: null, tasks: asked.tasks, count: asked.pictures.length };
  shown = mine;
  for (const id of ["stages", "sentences", "areas", "warnings"]) $(id).replaceChildren();
  $("empty").hidden = true;
  $("answer").hidden = false;
  enableDownloads();
  const bitmaps = await Promise.all(asked.pictures.map(({ blob }) => shownBitmap(blob)));
  for (const [index, { name }] of asked.pictures.entries()) {
    const bitmap = bitmaps[index];
    if (mine !== shown) bitmap?.close();
    else if (bitmap) {
      const stage = new Stage(bitmap, { number: index + 1, name, onPoint: light });
      mine.stages.push(stage);
      $("stages").append(stage.figure);
    } else {
      // The service reads formats that browsers do not.
      const text = `Image ${index + 1}: ${name}. The browser cannot show this file, the service may know it all the same.`;
      $("stages").append(make("figure", {}, make("figcaption", {}, text)));
    }
  }
  return mine;
}

/** A picture as it is shown: no larger than its masks; null if the browser cannot read it. */
async function shownBitmap(blob) {
  const whole = await createImageBitmap(blob).catch(() => null);
  const scale = whole && MOST_SIDE / Math.max(whole.width, whole.height);
  if (!whole || scale >= 1) return whole;
  const [resizeWidth, resizeHeight] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * scale)));
  const small = await createImageBitmap(whole, { resizeWidth, resizeHeight, resizeQuality: "high" });
  whole.close();
  return small;
}

function stageOf(image) {
  return shown.stages.find(({ number }) => number === image);
}

/** What each event of an answer changes. */
const EVENTS = {
  queued: ({ ahead }) => {
    const before = `${ahead} ${ahead === 1 ? "question is" : "questions are"} answered before yours`;
    $("stage").textContent = ahead === 0 ? "It is your turn" : before;
    if (ahead > 0) say(before);
  },
  started: () => {
    $("stage").textContent = "Looking at the pictures";
    say("The pictures are being looked at");
  },
  stage: ({ text, task }) => {
    $("stage").textContent = text[0].toUpperCase() + text.slice(1);
    if (task && !shown.tasks.includes(task)) shown.tasks.push(task);
  },
  text: ({ answer, delta }) => {
    const card = answerAt(answer);
    card.text += delta;
    write(card);
  },
  mask: ({ image, group, mask, phrase }) => {
    stageOf(image)?.add(new ShownMask(mask, group), phrase);
  },
  answer: ({ answer, value }) => {
    const card = answerAt(answer);
    card.text = value.text;
    card.segments = value.segments;
    write(card);
  },
  result: (result) => {
    shown.result = result;
    listAreas(result);
    listWarnings(result);
    const [answers, masks] = [result.answers, result.answers.flatMap(({ segments }) => segments)];
    say(`${answers.map((answer) => answer.plain_text).join(" ")} ${masks.length} masks.`);
  },
};

function listAreas({ answers, images }) {
  const groups = new Map();
  for (const segment of answers.flatMap((answer) => answer.segments)) {
    if (!groups.has(segment.group)) groups.set(segment.group, { label: segment.label, areas: new Map() });
    groups.get(segment.group).areas.set(segment.image, segment);
  }
  if (groups.size === 0) return;
  const head = images.map(({ index }) => make("th", { scope: "col" }, `Image ${index}`));
  const row = ([group, { label, areas }]) => {
    const swatch = make("span", { class: "swatch" });
    swatch.style.setProperty("--color", css(color(group)));
    const cell = ({ index }) => {
      const segment = areas.get(index);
      const title = segment ? `${segment.area} pixels` : null;
      return make("td", { title }, segment ? `${(segment.area_ratio * 100).toFixed(1)} %` : "–");
    };
    return make("tr", {}, make("th", { scope: "row" }, swatch, label), ...images.map(cell));
  };
  $("areas").replaceChildren(
    make(
      "table",
      {},
      make("caption", {}, "Share of each image"),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Phrase"), ...head)),
      make("tbody", {}, ...[...groups].map(row)),
    ),
  );
}

function listWarnings({ answers, warnings }) {
  const own = warnings.filter((warning) => !$("notice").dataset.notice?.includes(warning));
  const all = [...own, ...answers.flatMap((answer) => answer.warnings)];
  if (all.length === 0) return;
  $("warnings").replaceChildren(make("ul", {}, ...all.map((warning) => make("li", {}, warning))));
}

function chosen() {
  const task = new FormData($("ask")).get("task");
  const prompt = task === "own" ? $("prompt").value.trim() : null;
  return { task, prompt };
}

async function ask() {
  hideProblem();
  const { task, prompt } = chosen();
  if (pictures.length === 0) {
    showProblem({ title: "There is no picture yet", message: "Choose two or more pictures first, or try one of the examples." });
    return;
  }
  if (task === "own" && !prompt) {
    showProblem({ title: "There is no question yet", message: "Write your question, or choose one of the others." });
    $("prompt").focus();
    return;
  }
  running?.abort();
  const mine = new AbortController();
  const { signal } = mine;
  running = mine;
  const asked = { pictures: [...pictures], task, prompt, tasks: TASKS[task] ? [task] : [] };
  const before = asking;
  asking = asked.pictures;
  release(before);
  setBusy(true);
  // Where the answer lies below, as on a phone, it comes into view.
  $("result-section").scrollIntoView({ block: "nearest" });
  try {
    const view = await begin(asked);
    const isCurrent = () => running === mine && shown === view;
    if (!isCurrent()) return;
    await service.segment(asked, (name, data) => isCurrent() && EVENTS[name]?.(data), signal);
    if (isCurrent()) remember(asked, view.result);
  } catch (error) {
    if (running === mine) handle(error);
  } finally {
    if (running === mine) {
      running = null;
      setBusy(false);
    }
  }
}

function setBusy(isBusy) {
  $("progress").hidden = !isBusy;
  $("stop").hidden = !isBusy;
  $("stage").textContent = isBusy ? "Sending the pictures" : "";
  $("answer").setAttribute("aria-busy", String(isBusy));
  enableDownloads();
}

/** What is complete can be downloaded, and what is shown can be a picture. */
function enableDownloads() {
  for (const button of document.querySelectorAll("[data-download]")) {
    const needs = button.dataset.download === "png" ? shown?.stages.length : true;
    button.disabled = running !== null || !shown?.result || !needs;
  }
}

// The history.

function remember(asked, result) {
  const label = asked.prompt ?? TASKS[asked.task] ?? "All three";
  history.unshift({ ...asked, result, label });
  listHistory(0);
}

function listHistory(current) {
  const item = (entry, index) => {
    const show = async () => {
      running?.abort();
      running = null;
      setBusy(false);
      hideProblem();
      const before = pictures;
      pictures = [...entry.pictures];
      release(before);
      listPictures();
      listHistory(index);
      $("history").children[index].querySelector("button").focus();
      const tasks = entry.result.answers.map(({ task }) => task);
      const view = await begin({ pictures: entry.pictures, tasks });
      if (view !== shown) return;
      restore(entry.result);
      enableDownloads();
    };
    const images = entry.pictures.slice(0, 2).map(({ url }) => make("img", { src: url, alt: "" }));
    const isCurrent = index === current ? "true" : null;
    const button = make("button", { type: "button", "aria-current": isCurrent, onclick: show }, ...images, make("span", {}, entry.label));
    return make("li", {}, button);
  };
  $("history").replaceChildren(...history.map(item));
  $("history-section").hidden = history.length === 0;
}

/** Shows a result that is complete. */
function restore(result) {
  result.answers.forEach((value, answer) => {
    for (const segment of value.segments) EVENTS.mask(segment);
    EVENTS.answer({ answer, value });
  });
  EVENTS.result(result);
}

// Downloads.

function save(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function download(kind) {
  hideProblem();
  const { result, stages } = shown;
  try {
    if (kind === "png") {
      const groups = new Map(result.answers.flatMap(({ segments }) => segments.map((s) => [s.group, s.label])));
      const phrases = [...groups].filter(([group]) => !look.off.has(group));
      save(await picture(stages, phrases.map(([group, words]) => ({ group, words }))), "calico.png");
    } else if (kind === "json") {
      const text = JSON.stringify(result, null, 2);
      save(new Blob([text], { type: "application/json" }), "result.json");
    } else {
      save(await service.exported(kind, result), kind === "coco" ? "coco.json" : "svg.zip");
    }
  } catch (error) {
    handle(error);
  }
}

// The camera.

let isOpening = false;

async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    $("capture").click();
    return;
  }
  if (isOpening) return;
  isOpening = true;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    $("video").srcObject = stream;
    $("camera-dialog").showModal();
  } catch {
    showProblem({ title: "There is no camera", message: "The browser gives none to this page. Choose pictures instead." });
  } finally {
    isOpening = false;
  }
}

function closeCamera() {
  for (const track of $("video").srcObject?.getTracks() ?? []) track.stop();
  $("video").srcObject = null;
}

function shoot() {
  const video = $("video");
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    if (blob) addPictures([new File([blob], `camera-${pictures.length + 1}.jpg`, { type: "image/jpeg" })]);
    $("camera-dialog").close();
  }, "image/jpeg", 0.95);
}

// The model.

async function introduce() {
  try {
    const { id, calico } = await service.model();
    limits = calico.limits;
    $("facts").textContent = `Calico ${calico.version}, model ${id}.`;
    if (!calico.notice && !calico.is_built_in) return;
    $("notice").dataset.notice = calico.notice ?? "";
    const words = calico.is_built_in
      ? [
          "The built-in model knows drawn objects only: about photographs its answers have their form and no meaning. For photographs, stop the service and start it with a model of them: ",
          make("code", {}, "calico serve --model DIR"),
          ".",
        ]
      : [calico.notice];
    $("notice").replaceChildren(...words);
    $("notice").hidden = false;
  } catch (error) {
    handle(error);
  }
}

// What happens when.

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
$("stop").addEventListener("click", () => {
  running?.abort();
  running = null;
  setBusy(false);
  say("Stopped");
  $("send").focus();
});
for (const input of [$("files"), $("capture")]) {
  input.addEventListener("change", () => {
    addPictures(input.files);
    input.value = "";
  });
}
for (const radio of document.querySelectorAll('input[name="task"]')) {
  radio.addEventListener("change", () => {
    $("own").hidden = chosen().task !== "own";
  });
}
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask();
});
$("camera").addEventListener("click", openCamera);
$("shoot").addEventListener("click", shoot);
$("camera-close").addEventListener("click", () => $("camera-dialog").close());
$("camera-dialog").addEventListener("close", closeCamera);
$("token-close").addEventListener("click", () => $("token-dialog").close());
$("token-form").addEventListener("submit", () => {
  service.setToken($("token").value);
  hideProblem();
  introduce();
});

let depth = 0;
const over = (change) => {
  depth = Math.max(0, depth + change);
  document.body.classList.toggle("over", depth > 0);
};
document.addEventListener("dragenter", () => over(1));
document.addEventListener("dragleave", () => over(-1));
// Text that is dragged goes where it always goes.
const hasFiles = (event) => event.dataTransfer.types.includes("Files");
document.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
document.addEventListener("drop", (event) => {
  over(-depth);
  if (!hasFiles(event)) return;
  event.preventDefault();
  addPictures(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) {
    event.preventDefault();
    addPictures(event.clipboardData.files);
  }
});

$("show-masks").addEventListener("change", (event) => {
  look.masks = event.target.checked;
  redraw();
});
$("show-outlines").addEventListener("change", (event) => {
  look.outlines = event.target.checked;
  redraw();
});
$("opacity").addEventListener("input", (event) => {
  look.opacity = event.target.value / 100;
  redraw();
});
$("zoom-in").addEventListener("click", () => shown?.stages.forEach((stage) => stage.zoomBy(STEP)));
$("zoom-out").addEventListener("click", () => shown?.stages.forEach((stage) => stage.zoomBy(1 / STEP)));
$("zoom-reset").addEventListener("click", () => shown?.stages.forEach((stage) => stage.fit()));
for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => download(button.dataset.download));
}

listExamples();
introduce();
