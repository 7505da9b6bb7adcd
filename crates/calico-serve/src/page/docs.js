// The description of the API, drawn from openapi.json.

const $ = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Text in which `…` is code. */
function prose(text) {
  return text.split(/(`[^`]+`)/).map((piece) =>
    piece.startsWith("`") ? make("code", {}, piece.slice(1, -1)) : piece,
  );
}

function nameOf(reference) {
  return reference.split("/").pop();
}

/** A schema in a few words, with links to those that have a name. */
function type(schema) {
  if (!schema) return [""];
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return [make("a", { href: `#schema-${name}` }, name)];
  }
  const choices = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (choices) {
    return choices.flatMap((choice, index) => [...(index ? [" or "] : []), ...type(choice)]);
  }
  if (schema.enum) return [schema.enum.map((value) => JSON.stringify(value)).join(", ")];
  if (schema.const !== undefined) return [JSON.stringify(schema.const)];
  if (schema.type === "array") return ["list of ", ...type(schema.items)];
  return [[schema.type ?? "anything"].flat().join(" or ")];
}

function table(heads, rows) {
  const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
  return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heads.join(", ") }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function fields(schema) {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, make("code", {}, name), required.has(name) ? "" : " (optional)"),
      make("td", {}, ...type(property)),
      make("td", {}, ...prose(property.description ?? "")),
    ),
  );
  return rows.length ? table(["Field", "Type", "Meaning"], rows) : make("p", {}, ...type(schema));
}

function bodies(content) {
  return Object.entries(content ?? {}).flatMap(([kind, { schema }], index) => [
    ...(index ? ["; "] : []),
    make("code", {}, kind),
    " ",
    ...type(schema),
  ]);
}

function operation(path, method, { summary, description, requestBody, responses, parameters }) {
  const answers = Object.entries(responses).map(([code, response]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, code),
      make("td", {}, response.description ?? ""),
      make("td", {}, ...bodies(response.content)),
    ),
  );
  const asked = requestBody ? [make("p", {}, "Request: ", ...bodies(requestBody.content))] : [];
  const named = (parameters ?? []).map(({ name, description: text }) =>
    make("p", {}, make("code", {}, name), ": ", ...prose(text ?? "")),
  );
  return make(
    "details",
    {},
    make("summary", {}, make("span", { class: "method" }, method.toUpperCase()), " ", make("code", {}, path), ` ${summary ?? ""}`),
    make("p", {}, ...prose(description ?? "")),
    ...named,
    ...asked,
    table(["Code", "Meaning", "Content"], answers),
  );
}

function draw(api) {
  $("summary").textContent = `Version ${api.info.version}`;
  $("origin").textContent = location.origin;
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, value]) => ({ path, method, value })),
  );
  for (const { name, description } of api.tags) {
    const own = operations.filter(({ value }) => value.tags?.includes(name));
    $("operations").append(
      make("h2", {}, name),
      make("p", {}, description),
      ...own.map(({ path, method, value }) => operation(path, method, value)),
    );
  }
  $("kinds").append(
    ...api["x-problems"].map(({ name, status, title }) =>
      make("tr", { id: name }, make("th", { scope: "row" }, make("code", {}, name)), make("td", {}, String(status)), make("td", {}, title)),
    ),
  );
  $("schemas").append(
    ...Object.entries(api.components.schemas).map(([name, schema]) =>
      make("details", { id: `schema-${name}` }, make("summary", {}, name), make("p", {}, ...prose(schema.description ?? "")), fields(schema)),
    ),
  );
  openTarget();
}

/** Opens what a link leads to. */
function openTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

addEventListener("hashchange", openTarget);
fetch("/openapi.json")
  .then((response) => response.json())
  .then(draw)
  .catch(() => {
    $("summary").textContent = "The description could not be loaded; is the service still there?";
  });
