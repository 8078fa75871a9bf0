import assert from "node:assert/strict";
import { holdToLog } from "./log_identity.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "./embedded/testing_server.ts";

let server: TestingServer;
Deno.test.beforeAll(async () => {
  server = await startTestingServer();
});
Deno.test.afterAll(() => stopTestingServer(server));

Deno.test("holdToLog() holds the store to the first log, and says what to do about another", async () => {
  await Promise.all([1, 2].map(() => holdToLog(server.url, "sqlite one")));
  await holdToLog(server.url, "sqlite one");
  await assert.rejects(holdToLog(server.url, "sqlite two"), {
    code: "other_log",
    message:
      /another log \(sqlite one\) than this node's \(sqlite two\): several nodes on one store/,
  });
  await assert.rejects(holdToLog(server.url, "kafka abc"), /set LOG_URL back/);
});
