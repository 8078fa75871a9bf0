/**
 * An OpenAPI document as one HTML page: readable without a network, without scripts, and with a
 * browser's own search. Whatever can be folded is `<details>`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { pageHeaders } from "../answer_headers.ts";
import type { OpenApiDocument, Part } from "./document.ts";

const style = `
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}
h2{border-bottom:1px solid var(--line);margin-top:2.5rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);border-radius:6px;overflow:auto;padding:.7rem}
details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.3rem .7rem}
details details{border:0;padding:0}
summary{cursor:pointer}
summary b{display:inline-block;min-width:4.2rem;font:600 13px ui-monospace,monospace}
table{border-collapse:collapse;margin:.5rem 0}
td,th{border-bottom:1px solid var(--line);padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
.say{opacity:.75;margin-left:.5rem}
`;

const styleHash = `'sha256-${createHash("sha256").update(style).digest("base64")}'`;

/** Headers of the page. */
export const docsHeaders: Readonly<Record<string, string>> = pageHeaders({ styles: [styleHash] });

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: unknown): string => String(text).replaceAll(/[&<>"']/g, (c) => entities[c]!);

/** Text with `code` and paragraphs; nothing else of Markdown is used in documents. */
const prose = (text: unknown): string =>
  text === undefined ? "" : String(text).split("\n\n")
    .map((paragraph) => `<p>${escaped(paragraph).replaceAll(/`([^`]+)`/g, "<code>$1</code>")}</p>`)
    .join("");

const json = (value: unknown): string =>
  `<pre>${escaped(typeof value === "string" ? value : JSON.stringify(value, null, 2))}</pre>`;

const nameOfRef = (ref: unknown) => String(ref).split("/").at(-1)!;

/** Where a schema stands on the page, or what it is. */
function shape(schema: Part | undefined): string {
  if (schema === undefined) return "";
  if (schema.$ref !== undefined) {
    const name = escaped(nameOfRef(schema.$ref));
    return `<p>Schema: <a href="#schema-${name}">${name}</a></p>`;
  }
  return json(schema);
}

function bodies(content: unknown): string {
  return Object.entries((content ?? {}) as Record<string, Part>).map(([type, body]) => {
    const examples = Object.entries((body.examples ?? {}) as Record<string, Part>)
      .map(([name, { value }]) => `<p>Example: ${escaped(name)}</p>${json(value)}`).join("");
    return `<p><code>${escaped(type)}</code></p>${shape(body.schema as Part)}${examples}`;
  }).join("");
}

function parameters(list: readonly Part[] | undefined): string {
  if (list === undefined) return "";
  const rows = list.map(({ name, in: place, required, description, schema }) => {
    const type = JSON.stringify(schema);
    const must = required === true ? ", required" : "";
    return `<tr><td><code>${escaped(name)}</code></td><td>${escaped(place)}${must}</td>` +
      `<td><code>${escaped(type)}</code></td><td>${escaped(description ?? "")}</td></tr>`;
  });
  return `<table><tr><th>Parameter<th>In<th>Type<th></tr>${rows.join("")}</table>`;
}

function answers(responses: Readonly<Record<string, Part>>): string {
  return Object.entries(responses).map(([status, { $ref, description, content }]) =>
    $ref === undefined
      ? `<details><summary><b>${escaped(status)}</b> ${escaped(description)}</summary>${
        bodies(content)
      }</details>`
      : ""
  ).join("");
}

function operation(method: string, path: string, op: Part): string {
  const security = (op.security as readonly Part[]).map((one) => Object.keys(one)[0]);
  const auth = security.length === 0 ? "No key needed." : `Key: ${security.join(" or ")}.`;
  return `<details id="${escaped(op.operationId)}"><summary><b>${method.toUpperCase()}</b>` +
    `<code>${escaped(path)}</code><span class="say">${escaped(op.summary)}</span></summary>` +
    prose(op.description) + prose(auth) + parameters(op.parameters as Part[]) +
    (op.requestBody === undefined
      ? ""
      : `<h4>Body</h4>${bodies((op.requestBody as Part).content)}`) +
    `<h4>Answers</h4>${answers(op.responses as Record<string, Part>)}</details>`;
}

/** The page. */
export function docsPage(document: OpenApiDocument): string {
  const title = escaped(document.info.title);
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, op]) => ({ method, path, op }))
  );
  const sections = document.tags.map(({ name, description }) => {
    const listed = all.filter(({ op }) => (op.tags as string[]).includes(name))
      .map(({ method, path, op }) => operation(method, path, op));
    return `<h2>${escaped(name)}</h2>${prose(description)}${listed.join("")}`;
  });
  const schemas = Object.entries(document.components.schemas as Record<string, Part>)
    .map(([name, schema]) =>
      `<details id="schema-${escaped(name)}"><summary>${escaped(name)}</summary>${
        json(schema)
      }</details>`
    );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${style}</style></head><body>` +
    `<h1>${title}</h1>${prose(document.info.description)}` +
    `<p>The same for programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>` +
    `${sections.join("")}<h2>Schemas</h2>${schemas.join("")}</body></html>`;
}
