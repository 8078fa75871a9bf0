/**
 * A reader of GraphQL subscriptions over server-sent events, for tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Answer } from "./socket_client.ts";

/** The `data` of each event of a server-sent stream. */
export async function* sseData(response: Response): AsyncGenerator<Answer> {
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const data = /^data: ?(.+)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data) yield JSON.parse(data);
    }
  }
}

/** Opens a subscription. @param key @default "full" */
export async function subscribeSse(
  url: string,
  query: string,
  signal: AbortSignal,
  key = "full",
): Promise<Response> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": "application/json",
      accept: "text/event-stream",
    },
    body: JSON.stringify({ query }),
    signal,
  });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  return response;
}
