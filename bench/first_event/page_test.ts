/** What the README tells a newcomer to run is run, and its events are in the player's actor. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { demoSigningPair } from "../../gateway/auth.ts";
import { PlatformProcess } from "../demo/platform_process.ts";
import { filledIn, readSnippets, type Snippet } from "./snippets.ts";

const root = join(import.meta.dirname!, "../..");
const limitMs = 60_000;
const snippets = readSnippets();

const shells = ["curl", "see", "watch", "pair"];
const sdks = ["segment", "rudderstack", "posthog", "snowplow", "cloudevents", "countly"];
const inBrowser = ["page", "gameanalytics"];
/** What else some send of their own accord. */
const also: Readonly<Record<string, readonly string[]>> = { gameanalytics: ["session.start"] };

Deno.test("the README's page on the first event shows nothing that is not run here", () => {
  const run = [...shells, "websocket", ...sdks, ...inBrowser];
  assert.deepEqual([...snippets.keys()].sort(), run.sort());
});

type Counts = Readonly<Record<string, number>>;

const sum = (counts: Counts) => Object.values(counts).reduce((all, n) => all + n, 0);

/** The version of the Node.js that is there; 0: none. */
async function nodeVersion(): Promise<number> {
  try {
    const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
    return parseInt(new TextDecoder().decode(stdout).slice(1));
  } catch {
    return 0;
  }
}

/** A program with what it has written until now; ended with the block that began it. */
class Running {
  readonly ended: Promise<Deno.CommandStatus>;
  text = "";
  readonly #child: Deno.ChildProcess;

  constructor([program, ...args]: readonly string[], options: Deno.CommandOptions) {
    // A group of its own, as a shell's children are to end with it.
    const piped = { stdin: "null", stdout: "piped", stderr: "piped", detached: true } as const;
    this.#child = new Deno.Command(program!, { ...options, args, ...piped }).spawn();
    const read = [this.#read(this.#child.stdout), this.#read(this.#child.stderr)];
    this.ended = Promise.all([this.#child.status, ...read]).then(([status]) => status);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.text += decoder.decode(bytes, { stream: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      Deno.kill(-this.#child.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.ended;
  }
}

/** Waits until `look` tells something. @throws {Error} after a minute, with what `why` says */
async function until<T>(look: () => Promise<T | undefined> | T | undefined, why: () => string) {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(why());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A newcomer's machine: a platform, and a folder to save snippets in. */
class Machine {
  constructor(readonly platform: PlatformProcess, readonly folder: string) {}

  get key(): string {
    return this.platform.info.demo_key;
  }

  filledIn(snippet: Snippet): string {
    const pair = demoSigningPair(this.key);
    const values = { "…": this.key, "GAME KEY": pair.id, "SECRET": pair.secret };
    return filledIn(snippet, new URL(this.platform.info.url).host, values);
  }

  shell(name: string): Running {
    const script = this.filledIn(snippets.get(name)!);
    return new Running(["bash", "-c", script], { env: { KEY: this.key } });
  }

  /** Saves a snippet and runs it. */
  async program(command: readonly string[], name: string): Promise<Running> {
    const snippet = snippets.get(name)!;
    const path = join(this.folder, `${name}.${snippet.language === "html" ? "html" : "mjs"}`);
    await Deno.writeTextFile(path, this.filledIn(snippet));
    return new Running([...command, path], { cwd: this.folder });
  }

  /** The events of the page's player, by type. */
  async counts(): Promise<Counts> {
    const response = await fetch(`${this.platform.info.url}/graphql`, {
      method: "POST",
      headers: { "authorization": `Bearer ${this.key}`, "content-type": "application/json" },
      body: JSON.stringify({ query: `{ player(id: "u-17") { eventCounts { type count } } }` }),
    });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    const rows: { type: string; count: number }[] = data.player?.eventCounts ?? [];
    return Object.fromEntries(rows.map(({ type, count }) => [type, count]));
  }

  /** Waits until what is run has counted as a completed level, and what it sends besides, once. */
  async counted(before: Counts, name: string, running: Running): Promise<Counts> {
    const wanted = { ...before };
    for (const type of ["level.complete", ...also[name] ?? []]) {
      wanted[type] = (wanted[type] ?? 0) + 1;
    }
    const enough = async () => {
      const seen = await this.counts();
      return sum(seen) >= sum(wanted) ? seen : undefined;
    };
    const seen = await until(enough, () => `${name} did not count. It wrote:\n${running.text}`);
    assert.deepEqual(seen, wanted, name);
    return seen;
  }
}

Deno.test("each way to send a first event leads to the player's state", async (t) => {
  const folder = await Deno.makeTempDir();
  await Deno.symlink(join(root, "node_modules"), join(folder, "node_modules"));
  const platform = await PlatformProcess.start({
    dataDir: join(folder, "data"),
    env: { PORT: "0", ADMIN_PORT: "0", WORKERS: "1", LOG_LEVEL: "warn" },
  });
  const machine = new Machine(platform, folder);
  const node = await nodeVersion();
  const deno = ["deno", "run", "-A", "--no-check", "--config", join(root, "deno.json")]
    .with(0, Deno.execPath());
  let counts: Counts = {};
  const counted = async (name: string, running: Running) =>
    counts = await machine.counted(counts, name, running);

  try {
    await t.step("curl", async () => {
      await using running = machine.shell("curl");
      await counted("curl", running);
      assert.equal((await running.ended).success, true);
      assert.match(running.text, /\{"accepted":1,"rejected":\[\]\}/);
    });

    await t.step("see", async () => {
      await using running = machine.shell("see");
      assert.equal((await running.ended).success, true);
      const types = '"eventCounts":[{"type":"level.complete","count":1}]';
      assert.ok(running.text.includes(`{"level":3,"eventsTotal":1,${types}}`), running.text);
    });

    await t.step("watch", async () => {
      await using watching = machine.shell("watch");
      const saw = (n: number) => () => watching.text.includes(`"eventsTotal":${n}`) || undefined;
      await until(saw(1), () => `The first state did not come:\n${watching.text}`);
      await using running = machine.shell("curl");
      await counted("curl", running);
      await until(saw(2), () => `The change did not come:\n${watching.text}`);
    });

    await t.step("pair", async () => {
      await using running = machine.shell("pair");
      assert.equal((await running.ended).success, true);
      const { id, secret } = demoSigningPair(machine.key);
      assert.match(running.text, new RegExp(`^${id}\\b.*\n${secret}\\b`));
    });

    for (const name of ["websocket", ...sdks]) {
      await t.step(`${name} on Deno`, async () => {
        await using running = await machine.program(deno, name);
        await counted(name, running);
        // Countly's looks for more to send until it is ended.
        if (name !== "countly") assert.equal((await running.ended).success, true, running.text);
      });
      // What it needs of Node.js came with 22.
      const ignore = node < (name === "websocket" ? 22 : 20);
      await t.step({
        name: `${name} on Node.js`,
        ignore,
        fn: async () => {
          await using running = await machine.program(["node"], name);
          await counted(name, running);
        },
      });
    }

    for (const name of inBrowser) {
      await t.step(`${name}, as in a browser`, async () => {
        const program = [...deno, join(import.meta.dirname!, "in_browser.ts")];
        await using running = await machine.program(program, name);
        await counted(name, running);
        if (name !== "page") return;
        const told = () => /"type":"player".*"events_total":\d+/.test(running.text) || undefined;
        await until(told, () => `The page was not told:\n${running.text}`);
      });
    }

    assert.deepEqual(await machine.counts(), counts, "something counted again");
  } finally {
    await platform.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
