import assert from "node:assert/strict";
import postgres from "postgres";
import {
  Fenced,
  InvariantBroken,
  OutcomeUnknown,
  Terminal,
  Unavailable,
} from "../../schema/errors.ts";
import { connectFault, isConnectionLoss, serverFault, silenceFault } from "./faults.ts";

/** An error as the client makes it of the server's answer, with the statement's parameters. */
function refused(code: string): postgres.PostgresError {
  const error = Object.assign(Object.create(postgres.PostgresError.prototype), {
    message: `refused with ${code}`,
    code,
  });
  return Object.defineProperty(error, "parameters", { value: ["x".repeat(1000)] });
}

const classes: readonly [string, new (...args: never[]) => Error][] = [
  ["ZF001", Fenced],
  ["57014", Unavailable], // statement timeout
  ["55P03", Unavailable], // lock timeout
  ["40P01", Unavailable], // deadlock
  ["53100", Unavailable], // disk full
  ["53300", Unavailable], // too many connections
  ["57P03", Unavailable], // starting up
  ["25006", Unavailable], // a standby
  ["XX000", Unavailable],
  ["22P02", InvariantBroken], // bad JSON
  ["23505", InvariantBroken], // duplicate key
  ["21000", InvariantBroken],
  ["28P01", Terminal], // wrong password
  ["3D000", Terminal], // no such database
  ["42883", Terminal], // no such function
  ["42501", Terminal], // not permitted
];

Deno.test("serverFault() chooses the class by SQLSTATE", () => {
  for (const [code, expected] of classes) {
    const fault = serverFault(refused(code));
    assert.ok(fault instanceof expected, `${code} became ${fault.name}`);
    assert.ok(!isConnectionLoss(refused(code)), code);
  }
});

Deno.test("serverFault() keeps a cause without the statement's parameters", () => {
  const { cause } = serverFault(refused("57014"));
  assert.equal((cause as { code: string }).code, "57014");
  assert.equal((cause as Error).message, "refused with 57014");
  assert.ok(!("parameters" in (cause as Error)));
});

Deno.test("isConnectionLoss() is true for whatever leaves the outcome open", () => {
  for (const code of ["57P01", "57P02", "57P05", "08006", "08P01", "25P03", "25P04"]) {
    assert.ok(isConnectionLoss(refused(code)), code);
  }
  for (const code of ["ECONNRESET", "EPIPE", "CONNECTION_CLOSED", "CONNECTION_DESTROYED"]) {
    assert.ok(isConnectionLoss(Object.assign(new Error(code), { code })), code);
  }
  assert.ok(isConnectionLoss(new Error("no answer within 5000 ms")));
});

Deno.test("isConnectionLoss() is false for mistakes in a call", () => {
  assert.ok(!isConnectionLoss(new TypeError("x is not a function")));
  assert.ok(!isConnectionLoss(Object.assign(new Error(), { code: "UNDEFINED_VALUE" })));
});

Deno.test("connectFault() and silenceFault() say what was known of the statement", () => {
  const gone = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  assert.ok(connectFault(gone) instanceof Unavailable);
  assert.ok(connectFault(refused("28P01")) instanceof Terminal);
  assert.ok(silenceFault(gone) instanceof OutcomeUnknown);
});
