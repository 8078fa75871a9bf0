import assert from "node:assert/strict";
import { STATUS_CODES } from "node:http";
import { badRequest, methodNotAllowed, Problem, unavailable } from "./problem.ts";

Deno.test("Problem.toResponse() writes problem+json with code and request id", async () => {
  const response = badRequest("invalid_json", "The body is not JSON").toResponse("r-1");
  assert.equal(response.status, 400);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  assert.equal(response.headers.get("x-request-id"), "r-1");
  assert.deepEqual(await response.json(), {
    type: "about:blank",
    title: "Bad Request",
    status: 400,
    code: "invalid_json",
    detail: "The body is not JSON",
    request_id: "r-1",
  });
});

Deno.test("Problem.toResponse() has the title of every status that is answered here", async () => {
  for (const status of [400, 401, 403, 404, 405, 406, 408, 413, 415, 426, 429, 500, 503]) {
    const { title } = await new Problem(status, "internal", "d").toResponse("r").json();
    // Node keeps the name that RFC 9110 has given up.
    assert.equal(title, status === 413 ? "Content Too Large" : STATUS_CODES[status]);
  }
});

Deno.test("Problem.toResponse() carries headers and further members", async () => {
  assert.equal(methodNotAllowed("POST").toResponse("r").headers.get("allow"), "POST");
  assert.equal(unavailable("unavailable", "x").toResponse("r").headers.get("retry-after"), "1");
  const body = await new Problem(400, "bad_request", "d", { members: { accepted: 0 } }).toResponse(
    "r",
  )
    .json();
  assert.equal(body.accepted, 0);
});

Deno.test("Problem has a code of the contract, of a request or of an event, and no other", () => {
  assert.equal(new Problem(400, "game_forbidden", "d").code, "game_forbidden");
  // @ts-expect-error -- codes are stable: a new one has its place in the list of all
  assert.equal(new Problem(400, "made_up", "d").status, 400);
});
