import assert from "node:assert/strict";
import { fingerprintHex } from "../../schema/hash.ts";
import { stateHash } from "./state_hash.ts";

Deno.test("stateHash() of one part without a name is its checksum", () => {
  assert.equal(stateHash([{ part: "", body: "{}" }]), fingerprintHex("{}"));
});

Deno.test("stateHash() tells apart what is in which part, and how many there are", () => {
  const states = [
    [],
    [{ part: "", body: "1" }],
    [{ part: "a", body: "1" }],
    [{ part: "b", body: "1" }],
    [{ part: "", body: "1" }, { part: "a", body: "1" }],
    [{ part: "a", body: "1" }, { part: "b", body: "2" }],
    [{ part: "a", body: "2" }, { part: "b", body: "1" }],
  ];
  assert.equal(new Set(states.map(stateHash)).size, states.length);
});
