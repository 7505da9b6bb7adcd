// What the page asks of the service. Nothing is sent to anybody else.

/** An answer of the service that is a problem, or that there is none. */
export class Problem extends Error {
  constructor({ title, detail, status = 0, retry_after_seconds: retry = null }) {
    super(detail);
    this.title = title;
    this.status = status;
    this.retry = retry;
  }
}

let token = null;

export function setToken(text) {
  token = text;
}

async function send(path, options = {}) {
  const headers = { ...options.headers };
  if (token) headers.authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: "The service cannot be reached",
      detail: "It may have stopped, or the connection broke. Start it again, then try once more.",
    });
  }
  if (response.ok) return response;
  const isProblem = (response.headers.get("content-type") ?? "").includes("problem+json");
  const told = isProblem ? await response.json().catch(() => null) : null;
  throw new Problem(
    told ?? {
      title: "The service answered in a way that is not understood",
      detail: `The answer has the code ${response.status}. A proxy in between may have sent it.`,
      status: response.status,
    },
  );
}

/** What the service says about its model. */
export async function model() {
  const list = await (await send("/v1/models")).json();
  return list.data[0];
}

/** The bytes of a file of the page. */
export async function file(path) {
  return (await send(path)).blob();
}

/** A result in another format. */
export async function exported(format, result) {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(result);
  return (await send(`/v1/export/${format}`, { method: "POST", headers, body })).blob();
}

/** Asks about pictures; calls `on(name, data)` for every event. */
export async function segment({ pictures, task, prompt }, on, signal) {
  const form = new FormData();
  for (const { blob, name } of pictures) form.append("image", blob, name);
  if (prompt) form.append("prompt", prompt);
  else form.append("task", task);
  const headers = { accept: "text/event-stream" };
  const response = await send("/v1/segment", { method: "POST", body: form, headers, signal });
  let isComplete = false;
  for await (const { name, data } of events(response.body)) {
    if (name === "problem") throw new Problem(data);
    isComplete ||= name === "result";
    on(name, data);
  }
  if (!isComplete) {
    throw new Problem({
      title: "The answer broke off",
      detail: "The connection ended before the answer was complete. Try once more.",
    });
  }
}

/** The events of a stream: blocks of lines, separated by an empty line. A connection that breaks
 * is the end of the stream. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await read(reader);
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const line = (key) => block.split("\n").find((text) => text.startsWith(key))?.slice(key.length);
        const data = line("data: ");
        if (data !== undefined) yield { name: line("event: "), data: JSON.parse(data) };
      }
    }
  } finally {
    // Whoever stops listening lets the service know.
    reader.cancel().catch(() => {});
  }
}

async function read(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { done: true };
  }
}
