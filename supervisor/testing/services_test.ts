import assert from "node:assert/strict";
import process from "node:process";
import { serviceUrl, type ServiceVariable, testEnvironment } from "./services.ts";

const variable: ServiceVariable = "VECTORS_URL";

const isLinux = Deno.build.os === "linux";

interface Entry {
  readonly pid: number;
  readonly identity: string;
}

/** This process, as `services up` would write it down. */
function ourselves(): Entry {
  if (!isLinux) return { pid: Deno.pid, identity: "" };
  const stat = Deno.readTextFileSync(`/proc/self/stat`);
  const tick = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return { pid: Deno.pid, identity: `a boot/${tick}` };
}

/** Runs `body` with a site whose Qdrant is this process, and with the environment variable set or not. */
async function withSite(entry: Entry, named: string | undefined, body: (folder: string) => void) {
  const folder = await Deno.makeTempDir();
  const before = process.env[variable];
  const testBefore = process.env[`TEST_${variable}`];
  delete process.env[`TEST_${variable}`];
  try {
    await Deno.mkdir(`${folder}/qdrant`);
    const run = { processes: [entry], variables: { [variable]: "http://127.0.0.1:1" } };
    await Deno.writeTextFile(`${folder}/qdrant/run.json`, JSON.stringify(run));
    if (named === undefined) delete process.env[variable];
    else process.env[variable] = named;
    body(folder);
  } finally {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
    if (testBefore !== undefined) process.env[`TEST_${variable}`] = testBefore;
    await Deno.remove(folder, { recursive: true });
  }
}

/** A process that has ended. */
async function deadEntry(): Promise<Entry> {
  const child = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await child.status;
  return { pid: child.pid, identity: "a boot/1" };
}

Deno.test("serviceUrl() gives what services up wrote, while its process lives", () =>
  withSite(ourselves(), undefined, (folder) => {
    assert.equal(serviceUrl(variable, folder), "http://127.0.0.1:1");
    assert.equal(serviceUrl("OBJECTS_URL", folder), undefined);
  }));

Deno.test("serviceUrl() gives nothing when the process has ended", async () => {
  const entry = await deadEntry();
  await withSite(entry, undefined, (folder) => {
    assert.equal(serviceUrl(variable, folder), undefined);
  });
});

Deno.test("serviceUrl() prefers the environment variable", async () => {
  const entry = await deadEntry();
  await withSite(entry, "http://elsewhere:6333", (folder) => {
    assert.equal(serviceUrl(variable, folder), "http://elsewhere:6333");
  });
});

Deno.test({
  name: "serviceUrl() is not taken in by another process with the same pid",
  ignore: !isLinux,
  fn: () =>
    withSite({ pid: Deno.pid, identity: "a boot/1" }, undefined, (folder) => {
      assert.equal(serviceUrl(variable, folder), undefined);
    }),
});

Deno.test({
  name: "serviceUrl() takes a process that waits to be reaped for dead",
  ignore: !isLinux,
  async fn() {
    // The child ends once the shell has become `sleep`, which never reaps it.
    const shell = new Deno.Command("sh", {
      args: ["-c", "sleep 0.5 & echo $!; exec sleep 60"],
      stdout: "piped",
    }).spawn();
    try {
      const reader = shell.stdout.getReader();
      const { value } = await reader.read();
      await reader.cancel();
      const pid = Number(new TextDecoder().decode(value));
      const statOf = () => Deno.readTextFileSync(`/proc/${pid}/stat`);
      while (!statOf().includes(") Z ")) await new Promise((resolve) => setTimeout(resolve, 5));
      const stat = statOf();
      const identity = `a boot/${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
      await withSite({ pid, identity }, undefined, (folder) => {
        assert.equal(serviceUrl(variable, folder), undefined);
      });
    } finally {
      shell.kill("SIGKILL");
      await shell.status;
    }
  },
});

Deno.test("testEnvironment() keeps the servers' URLs from the platforms that tests start", () => {
  const env = testEnvironment({
    PATH: "/bin",
    LOG_URL: "kafka://a:1",
    STORE_ADMIN_URL: "postgres://b",
  });
  assert.deepEqual(env, {
    PATH: "/bin",
    TEST_LOG_URL: "kafka://a:1",
    TEST_STORE_ADMIN_URL: "postgres://b",
  });
});
