import assert from "node:assert/strict";
import process from "node:process";
import { serviceUrl, type ServiceVariable } from "./services.ts";

const variable: ServiceVariable = "VECTORS_URL";

/** Runs `body` with a site whose Qdrant has this pid, and with the environment variable set or not. */
async function withSite(pid: number, named: string | undefined, body: (folder: string) => void) {
  const folder = await Deno.makeTempDir();
  const before = process.env[variable];
  try {
    await Deno.mkdir(`${folder}/qdrant`);
    const run = { processes: [{ pid }], variables: { [variable]: "http://127.0.0.1:1" } };
    await Deno.writeTextFile(`${folder}/qdrant/run.json`, JSON.stringify(run));
    if (named === undefined) delete process.env[variable];
    else process.env[variable] = named;
    body(folder);
  } finally {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
    await Deno.remove(folder, { recursive: true });
  }
}

/** The pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await child.status;
  return child.pid;
}

Deno.test("serviceUrl() gives what services up wrote, while its process lives", () =>
  withSite(Deno.pid, undefined, (folder) => {
    assert.equal(serviceUrl(variable, folder), "http://127.0.0.1:1");
    assert.equal(serviceUrl("OBJECTS_URL", folder), undefined);
  }));

Deno.test("serviceUrl() gives nothing when the process has ended", async () => {
  const pid = await deadPid();
  await withSite(pid, undefined, (folder) => {
    assert.equal(serviceUrl(variable, folder), undefined);
  });
});

Deno.test("serviceUrl() prefers the environment variable", async () => {
  const pid = await deadPid();
  await withSite(pid, "http://elsewhere:6333", (folder) => {
    assert.equal(serviceUrl(variable, folder), "http://elsewhere:6333");
  });
});
