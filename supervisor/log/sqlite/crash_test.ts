import assert from "node:assert/strict";
import { topicTable } from "../../../schema/topics.ts";
import type { LogRecord } from "../log.ts";
import { openSqliteLog } from "./sqlite_log.ts";
import { startSqliteLogWriter } from "./writer.ts";

const topics = topicTable();
const raw = "player.events.raw";
const never = new AbortController().signal;
const ackedMin = 400;
const processMsMax = 30_000;

function script(name: string): string {
  return new URL(`./testdata/${name}`, import.meta.url).pathname;
}

/** Appends in another process, kills it without warning, returns what it had acknowledged. */
async function appendAndKill(dir: string, run: string): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", script("appending_process.ts"), dir, run, `${128 * 1024}`],
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(processMsMax),
  }).spawn();
  let text = "";
  let isKilled = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (isKilled || text.split("\n").length < ackedMin) continue;
    isKilled = true;
    child.kill("SIGKILL");
  }
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL", "the process ended by itself");
  return text.split("\n").slice(0, -1);
}

async function readAll(dir: string): Promise<LogRecord[][]> {
  const writer = await startSqliteLogWriter(dir, topics);
  const log = openSqliteLog(writer.connect());
  const partitions = await Promise.all(
    (await log.ends(raw)).map(async ({ start, end }, partition) => {
      const found: LogRecord[] = [];
      for (let next = start; next < end; next = found.at(-1)!.offset + 1) {
        found.push(...await log.fetch(raw, partition, next, 1 << 20, never));
      }
      return found;
    }),
  );
  await log.close();
  await writer.close();
  return partitions;
}

Deno.test("kill -9 loses no acknowledged append, tears none, and frees the lock", async () => {
  const dir = await Deno.makeTempDir();
  const acked: string[] = [];
  for (const run of ["a", "b", "c"]) acked.push(...await appendAndKill(dir, run));
  assert.ok(acked.length >= 3 * (ackedMin - 1));

  const partsOf = new Map<string, number>();
  for (const records of await readAll(dir)) {
    records.forEach(({ offset, timestamp }, i) => {
      assert.equal(offset, i);
      assert.ok(timestamp >= (records[i - 1]?.timestamp ?? 0));
    });
    for (const { value } of records) {
      const { id } = JSON.parse(value) as { id: string };
      partsOf.set(id, (partsOf.get(id) ?? 0) + 1);
    }
  }
  for (const id of acked) assert.equal(partsOf.get(id), 3, `${id} was acknowledged`);
  for (const [id, parts] of partsOf) assert.equal(parts, 3, `${id} was written in part`);
  await Deno.remove(dir, { recursive: true });
});

interface FillReport {
  readonly durable: number;
  readonly outcome: string;
  readonly exit: string;
  readonly after: string;
  readonly end: number;
}

/** Runs the filling process under a shell line that limits what it can write. */
async function fill(shell: string[], dir: string, ballast: string): Promise<FillReport> {
  const { code, stdout, stderr } = await new Deno.Command(shell[0]!, {
    args: [
      ...shell.slice(1),
      Deno.execPath(),
      "run",
      "-A",
      script("filling_process.ts"),
      dir,
      ballast,
    ],
    signal: AbortSignal.timeout(processMsMax),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout)) as FillReport;
}

/** True where a plain user may mount a small disk of his own. */
function canMount(): boolean {
  try {
    const args = ["-rm", "sh", "-c", "mount -t tmpfs none /tmp"];
    return new Deno.Command("unshare", { args, stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "a full disk makes appends Unavailable, and they go on when it has room again",
  ignore: !canMount(),
  fn: async () => {
    const dir = await Deno.makeTempDir();
    const mount = `mount -t tmpfs -o size=6m none ${dir} && ` +
      `head -c 2000000 /dev/zero > ${dir}/ballast && exec "$@"`;
    const shell = ["unshare", "-rm", "sh", "-c", mount, "sh"];
    const report = await fill(shell, `${dir}/log`, `${dir}/ballast`);
    assert.equal(report.outcome, "unavailable");
    assert.equal(report.exit, "running");
    assert.equal(report.after, "durable");
    assert.ok(report.durable > 10);
    assert.equal(report.end, report.durable + 1, "what was refused took no offset");
    await Deno.remove(dir, { recursive: true });
  },
});

Deno.test("a write error in a commit ends the writer with the outcome unknown", async () => {
  const dir = await Deno.makeTempDir();
  const ballast = `${dir}/ballast`;
  await Deno.writeTextFile(ballast, "");
  // Files may not pass 1 or 2 MiB, as the shell counts; ignoring the signal makes write() fail.
  const shell = ["sh", "-c", `trap "" XFSZ; ulimit -f 2048; exec "$@"`, "sh"];
  const report = await fill(shell, `${dir}/log`, ballast);
  assert.deepEqual([report.outcome, report.exit, report.after], [
    "unknown",
    "crashed",
    "unavailable",
  ]);
  const [found] = await readAll(`${dir}/log`);
  assert.ok(report.durable > 10);
  assert.ok(found!.length === report.durable || found!.length === report.durable + 1);
  await Deno.remove(dir, { recursive: true });
});
