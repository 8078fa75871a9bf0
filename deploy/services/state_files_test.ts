import assert from "node:assert/strict";
import { identityOf } from "./machine/daemon.ts";
import type { RunFile, Site } from "./service.ts";
import {
  exportLines,
  isWhole,
  readRun,
  readVariables,
  removeRun,
  writeRun,
} from "./state_files.ts";

async function withSite(body: (site: Site) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "gamemetrics-services-" });
  try {
    await body({ folder, portOffset: 0, brokers: 1, secure: false, progress() {} });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runOf(variables: Record<string, string>): Promise<RunFile> {
  const since = "2026-01-01T00:00:00.000Z";
  const entry = { pid: Deno.pid, identity: await identityOf(Deno.pid), port: 1, since };
  return {
    engine: "native",
    secure: false,
    since,
    portOffset: 0,
    processes: [{ ...entry, logFile: "/dev/null" }],
    variables,
  };
}

Deno.test("writeRun() and removeRun() keep env.json the sum of what runs", () =>
  withSite(async (site) => {
    const environment = async () => JSON.parse(await Deno.readTextFile(`${site.folder}/env.json`));
    await writeRun(site, "redis", await runOf({ CACHE_URL: "redis://a" }));
    await writeRun(site, "kafka", await runOf({ LOG_URL: "kafka://a:1" }));
    assert.deepEqual(await environment(), { LOG_URL: "kafka://a:1", CACHE_URL: "redis://a" });
    assert.deepEqual(await readVariables(site), await environment());
    await removeRun(site, "kafka");
    assert.deepEqual(await environment(), { CACHE_URL: "redis://a" });
    assert.equal(await readRun(site, "kafka"), undefined);
  }));

Deno.test("writeRun() writes for nobody else to read: there are passwords in it", () =>
  withSite(async (site) => {
    await writeRun(site, "redis", await runOf({ CACHE_URL: "redis://a" }));
    for (const file of ["env.json", "redis/run.json"]) {
      const { mode } = await Deno.stat(`${site.folder}/${file}`);
      assert.equal((mode ?? 0) & 0o777, 0o600, file);
    }
  }));

Deno.test("readRun() takes a torn file for none", () =>
  withSite(async (site) => {
    await Deno.mkdir(`${site.folder}/redis`);
    await Deno.writeTextFile(`${site.folder}/redis/run.json`, `{"engine":"nat`);
    assert.equal(await readRun(site, "redis"), undefined);
  }));

Deno.test("isWhole() is not taken in by another process with the same pid", async () => {
  const run = await runOf({});
  assert.equal(await isWhole(run), true);
  const stale = { ...run, processes: [{ ...run.processes[0]!, identity: "another boot/1" }] };
  assert.equal(await isWhole(stale), false);
});

Deno.test("exportLines() quotes what a shell would read otherwise", async () => {
  const variables = { A: "redis://127.0.0.1:1", B: "kafka://u:p@h:1?tls=1&ca=/a b", C: "it's $5" };
  const script = [...exportLines(variables), `printf '%s\\n' "$A" "$B" "$C"`].join("\n");
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  assert.deepEqual(
    new TextDecoder().decode(stdout).trimEnd().split("\n"),
    Object.values(variables),
  );
  assert.equal(exportLines(variables)[0], "export A=redis://127.0.0.1:1");
});
