import assert from "node:assert/strict";
import type { AccessLogMode } from "../../schema/http/http_config.ts";
import { limits } from "../../schema/limits.ts";
import { event, testGateway } from "../testing/test_gateway.ts";
import { AccessLog, type Answered } from "./access_log.ts";

type Line = readonly [string, Readonly<Record<string, unknown>>];

/** A log whose clock a test moves, and its lines. */
function open(mode: AccessLogMode) {
  const lines: Line[] = [];
  const at = { ms: 0 };
  const take = (level: string) => (_message: string, fields = {}) =>
    void lines.push([level, fields]);
  const log = { info: take("info"), warn: take("warn") };
  const accessLog = new AccessLog({ mode, log, now: () => at.ms });
  const answered = (status: number, ms = 1, over: Partial<Answered> = {}) => {
    const startedAt = accessLog.start();
    at.ms += ms;
    const request = new Request("http://h/v2/0123/events?api_key=secret-key");
    accessLog.done(startedAt, {
      request,
      route: "/v2/:key/events",
      requestId: "r-1",
      status,
      info: undefined,
      ...over,
    });
  };
  return { lines, at, answered, accessLog };
}

const statuses = (lines: readonly Line[]) => lines.map(([, { status }]) => status);

Deno.test("AccessLog writes what went wrong or took long, unless told otherwise", () => {
  for (
    const [mode, expected] of [
      ["off", []],
      ["errors", [404, 500, 202]],
      ["all", [202, 404, 500, 202]],
      [1, [202, 404, 500, 202]],
      [0, [404, 500, 202]],
    ] as const
  ) {
    const { lines, answered } = open(mode);
    answered(202);
    answered(404);
    answered(500);
    answered(202, limits.accessSlowMs);
    assert.deepEqual(statuses(lines), expected, String(mode));
  }
});

Deno.test("AccessLog writes exactly its share of the good answers", () => {
  const { lines, answered } = open(0.01);
  for (let i = 0; i < 10_000; i++) answered(202, 0);
  assert.ok(Math.abs(lines.length - 100) <= 1, `${lines.length} lines`);
});

Deno.test("AccessLog bounds the lines of a flood a second, and says how many it left out", () => {
  const { lines, at, answered } = open("errors");
  const max = limits.accessLinesPerSecondMax;
  for (let i = 0; i < max + 70; i++) answered(401, 0);
  assert.equal(lines.length, max);
  at.ms += 1000;
  answered(401, 0);
  answered(401, 0);
  assert.deepEqual(lines.slice(max).map(([, { left_out }]) => left_out), [70, undefined]);
});

Deno.test("AccessLog tells nothing of people and shows no key", async () => {
  let text = "";
  const write = (msg: string, fields = {}) =>
    void (text += JSON.stringify({ msg, ...fields }) + "\n");
  const log = { info: write, warn: write };
  const gateway = testGateway({ accessLog: new AccessLog({ mode: "all", log }) });
  const info = { remoteAddr: { hostname: "203.0.113.77" } };
  const asks: [string, RequestInit][] = [
    ["/api/v1/events", { method: "POST", body: JSON.stringify(event({ user_id: "ann-lee" })) }],
    ["/v2/0123456789abcdef/events", { method: "POST", body: "[]" }],
    ["/i?app_key=full&device_id=ann-lee", {}],
    ["/nobody/ann-lee?token=full", {}],
    ["/graphql?query={player(id:%22ann-lee%22){id}}", {}],
  ];
  for (const [path, init] of asks) {
    const headers = {
      authorization: "Bearer full",
      cookie: "id=ann-lee",
      referer: "https://h/ann-lee",
      "user-agent": "analytics-node/3.1.0 (ann-lee's phone)",
      "content-length": String(init.body?.toString().length ?? 0),
    };
    const request = new Request(`http://h${path}`, { ...init, headers });
    const response = await gateway.fetch(request, info);
    await response.body?.cancel();
  }
  const lines = text.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, asks.length);
  for (const secret of ["ann-lee", "full", "0123456789abcdef", "113.77", "phone"]) {
    assert.equal(text.includes(secret), false, `${secret} in ${text}`);
  }
  const { msg, request_id, ms, bytes, ...rest } = lines[0];
  assert.ok(msg === "request" && request_id && ms >= 0 && bytes > 0);
  assert.deepEqual(rest, {
    method: "POST",
    route: "/api/v1/events",
    status: 202,
    network: "203.0.113.0/24",
    agent: "analytics-node/3.1.0",
  });
  const routes = lines.map(({ route }) => route);
  assert.deepEqual(routes.slice(1), ["/v2/:key/events", "/i", "unknown", "/graphql"]);
});
