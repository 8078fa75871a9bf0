import assert from "node:assert/strict";
import { createLogger, logger, type LogLevel, logLevel, setLogLevel } from "./logger.ts";

function collect(level: LogLevel = "info", pretty = false) {
  const lines: string[] = [];
  const state = { level };
  const log = createLogger({
    write: (line) => lines.push(line),
    level: () => state.level,
    now: () => 0,
    pretty,
  }, { part: "test" });
  return { lines, log, state };
}

Deno.test("createLogger() writes one JSON object a line", () => {
  const { lines, log } = collect();
  log.info("Took the shard\nagain", { partition: 3 });
  assert.deepEqual(lines, [
    '{"ts":"1970-01-01T00:00:00.000Z","level":"info","msg":"Took the shard\\nagain","part":"test","partition":3}\n',
  ]);
});

Deno.test("createLogger() drops lines below the level, which may change between lines", () => {
  const { lines, log, state } = collect("warn");
  log.info("no");
  log.warn("yes");
  state.level = "silent";
  log.error("no");
  state.level = "debug";
  log.debug("yes");
  assert.deepEqual(lines.map((line) => JSON.parse(line).level), ["warn", "debug"]);
});

Deno.test("createLogger() masks secrets in fields and in the message", () => {
  const { lines, log } = collect();
  log.error("Cannot reach redis://u:hunter2@h", {
    admin_token: "hunter2",
    nested: { apiKey: "h" },
  });
  assert.doesNotMatch(lines[0]!, /hunter2|"h"/);
});

Deno.test("createLogger() keeps ts, level and msg when fields have these names", () => {
  const { lines, log } = collect();
  log.info("real", { msg: "fake", level: "fake", ts: 1 });
  assert.deepEqual(JSON.parse(lines[0]!), {
    ts: "1970-01-01T00:00:00.000Z",
    level: "info",
    msg: "real",
    part: "test",
    msg_: "fake",
    level_: "fake",
    ts_: 1,
  });
});

Deno.test("Logger.with() adds fields to every line", () => {
  const { lines, log } = collect();
  log.with({ stage: "player" }).with({ partition: 1 }).info("x", { partition: 2 });
  const line = JSON.parse(lines[0]!);
  assert.equal(line.stage, "player");
  assert.equal(line.partition, 2);
});

Deno.test("createLogger() is readable on a terminal, still one line", () => {
  const { lines, log } = collect("info", true);
  log.warn("two\nlines", { ms: 3, id: "a/b" });
  // deno-lint-ignore no-control-regex
  const plain = lines[0]!.replaceAll(/\x1b\[\d+m/g, "");
  assert.equal(plain, "00:00:00.000 warn  two\\nlines part=test ms=3 id=a/b\n");
});

Deno.test("setLogLevel() changes the level in force", () => {
  const before = logLevel();
  try {
    setLogLevel("silent");
    assert.equal(logLevel(), "silent");
    logger("test").error("must not be seen");
  } finally {
    setLogLevel(before);
  }
});

Deno.test("logger() writes to stderr from within a worker, at the level of LOG_LEVEL", async () => {
  const code = `import { logger } from ${JSON.stringify(new URL("./logger.ts", import.meta.url))};
    logger("w").debug("from the worker", { password: "p" }); self.close();`;
  const main = `new Worker("data:application/typescript," + encodeURIComponent(${
    JSON.stringify(code)
  }), { type: "module" });`;
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", main],
    env: { LOG_LEVEL: "DEBUG", NO_COLOR: "1" },
    stderr: "piped",
  }).output();
  const line = JSON.parse(new TextDecoder().decode(output.stderr));
  assert.equal(line.msg, "from the worker");
  assert.equal(line.password, "[redacted]");
});
