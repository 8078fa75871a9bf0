import assert from "node:assert/strict";
import { limits } from "../../../schema/limits.ts";
import { deadlines } from "./deadlines.ts";

Deno.test("deadlines() are in order: lock, statement, ours", () => {
  for (const timeoutMs of [limits.commitTimeoutMs, 1200, 200, 600_000]) {
    const settings = deadlines(timeoutMs);
    const lock = Number(settings.lock_timeout), statement = Number(settings.statement_timeout);
    assert.ok(0 < lock && lock < statement && statement < timeoutMs, JSON.stringify(settings));
    assert.ok(Number(settings.client_connection_check_interval) <= timeoutMs);
    assert.equal(settings.idle_in_transaction_session_timeout, String(timeoutMs));
  }
});
