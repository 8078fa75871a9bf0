import assert from "node:assert/strict";
import { constants, getPriority } from "node:os";
import postgres from "postgres";
import { startTestingServer, stopTestingServer } from "./testing_server.ts";

async function sessionPriority(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/autogroup`);
  return Number(/nice (-?\d+)/.exec(text)![1]);
}

const hasAutogroups = (() => {
  try {
    return Deno.readTextFileSync("/proc/self/autogroup").startsWith("/autogroup");
  } catch {
    return false;
  }
})();
const name = "a server's processes yield the processor to ours, those that come later, too" +
  (hasAutogroups ? "" : ": Linux with autogroups only");

Deno.test({
  name,
  ignore: !hasAutogroups,
  async fn() {
    const server = await startTestingServer();
    const sql = postgres(server.url, { max: 1 });
    try {
      const lower = constants.priority.PRIORITY_BELOW_NORMAL;
      const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
      const { pid } = row!;
      assert.equal(getPriority(server.postgres.pid), lower);
      const until = performance.now() + 10_000;
      while (await sessionPriority(pid) !== lower && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.equal(await sessionPriority(pid), lower);
    } finally {
      await sql.end();
      await stopTestingServer(server);
    }
  },
});
