import assert from "node:assert/strict";
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

Deno.test("Problem.toResponse() carries headers and further members", async () => {
  assert.equal(methodNotAllowed("POST").toResponse("r").headers.get("allow"), "POST");
  assert.equal(unavailable("unavailable", "x").toResponse("r").headers.get("retry-after"), "1");
  const body = await new Problem(400, "c", "d", { members: { accepted: 0 } }).toResponse("r")
    .json();
  assert.equal(body.accepted, 0);
});
