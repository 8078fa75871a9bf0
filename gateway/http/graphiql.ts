/**
 * GraphiQL at `/graphiql`, for development: whole in one page, so that it works without a network. It
 * shows nothing that its user's key may not read; where it is served see `schema/http/http_config.ts`.
 *
 * The package holds 9 MB of text and is loaded when somebody asks for the page. (The page that comes
 * with the engine itself is small, and loads its script from a CDN.)
 *
 * @module
 */
import { hash } from "node:crypto";
import { pageHeaders } from "../../schema/http/answer_headers.ts";
import type { Route } from "../router.ts";
import { fixedAnswer, type FixedContent } from "./fixed_answer.ts";

/** What stands in the editor at first. */
const welcome = `# Put a key into the headers below, then press the arrow.
query Figures {
  game(id: "demo") {
    dau
    ccu
    eventsTotal
  }
}
`;

async function load(): Promise<FixedContent> {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const html = renderGraphiQL({
    title: "GameMetrics Pro: GraphiQL",
    endpoint: "/graphql",
    defaultQuery: welcome,
    headers: '{ "authorization": "Bearer KEY" }',
    // A key must not outlive the visit.
    shouldPersistHeaders: false,
  });
  const script = /<script>([\s\S]*)<\/script>/.exec(html)![1]!;
  const headers = pageHeaders({
    // This one script; what it makes of its editor's workers runs out of `blob:`.
    scripts: [`'sha256-${hash("sha256", script, "base64")}'`, "blob:"],
    // The editor writes its own styles as it goes.
    styles: ["'unsafe-inline'"],
    connects: true,
    inlined: true,
    workers: true,
  });
  return { text: html, headers: { ...headers, "cache-control": "no-cache" } };
}

export function graphiqlRoute(): Route {
  return { path: "/graphiql", methods: ["GET"], load: "read", handler: fixedAnswer(load) };
}
