import assert from "node:assert/strict";
import { topicNames } from "../../../schema/topics.ts";
import { accessRules, type KafkaUser, type Operation } from "./access.ts";

function topicsOf(user: KafkaUser, operation: Operation): string[] {
  return accessRules()
    .filter((rule) => rule.user === user && rule.type === "TOPIC" && rule.operation === operation)
    .map(({ name }) => name);
}

Deno.test("accessRules() lets the gateway read nothing, and append raw events and rejections only", () => {
  assert.deepEqual(topicsOf("gateway", "READ"), []);
  assert.deepEqual(topicsOf("gateway", "WRITE"), ["player.events.raw", "dlq.events"]);
  assert.deepEqual(
    accessRules().filter(({ user, type }) => user === "gateway" && type === "GROUP"),
    [],
  );
});

Deno.test("accessRules() lets workers read and write every topic", () => {
  for (const user of ["worker", "platform"] as const) {
    for (const operation of ["READ", "WRITE"] as const) {
      assert.deepEqual(topicsOf(user, operation), [...topicNames]);
    }
  }
});

Deno.test("accessRules() names each topic whole: a prefix would open topics of others", () => {
  for (const { type, pattern } of accessRules()) {
    if (type === "TOPIC") assert.equal(pattern, "LITERAL");
  }
});
