import assert from "node:assert/strict";
import { helpText, Options, type OptionSpec } from "./options.ts";

const specs = {
  rate: { type: "number", default: 10, help: "events a second" },
  seed: { type: "number", help: "of the run" },
  name: { type: "text", default: "x", help: "of it" },
  json: { type: "flag", help: "as JSON" },
} as const satisfies Record<string, OptionSpec>;

Deno.test("Options reads numbers, text and flags, with their defaults", () => {
  const given = new Options(["--rate", "2.5", "--name=y", "--json", "--seed=-3"], specs);
  assert.deepEqual(
    [given.number("rate"), given.number("seed"), given.text("name"), given.flag("json")],
    [2.5, -3, "y", true],
  );
  const absent = new Options([], specs);
  assert.deepEqual(
    [absent.number("rate"), absent.number("seed"), absent.text("name"), absent.flag("json")],
    [10, undefined, "x", false],
  );
});

Deno.test("Options refuses what is no number and what it does not know", () => {
  for (const text of ["", "x", "1e999", "NaN"]) {
    assert.throws(() => new Options(["--rate", text], specs), /'--rate' must be a number/);
  }
  assert.throws(() => new Options(["--rat", "1"], specs), RangeError);
  assert.throws(() => new Options(["stray"], specs), RangeError);
});

Deno.test("helpText() lists every option with its default", () => {
  const text = helpText("usage", specs);
  assert.match(text, /^usage\n\n {2}--rate N +events a second \(default 10\)\n/);
  assert.match(text, /--json {2,}as JSON$/);
});
