import assert from "node:assert/strict";
import { dirname } from "node:path";
import { redisProgram } from "../servers/redis.ts";
import { runTask } from "../testing/run_task.ts";
import { lookFor } from "./packages.ts";

const redis = await lookFor(redisProgram);

/**
 * A stand-in for Docker, where no engine can be had: it writes down how it is called and, for `up`
 * and `rm` of Redis, runs a real one on the port it was given.
 */
const standIn = `#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
case " $* " in
  *" up "*) redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --save "" --dir "$here" \\
    --daemonize yes --pidfile "$here/pid" > "$here/log" ;;
  *" rm --stop "*) kill "$(cat "$here/pid")" ;;
esac
`;

Deno.test({
  name:
    "services up, status and down have a container started, asked and removed where an engine " +
    "answers (a stand-in for it)",
  ignore: redis === undefined,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "gamemetrics-services-" });
    const bin = `${folder}/bin`;
    await Deno.mkdir(bin);
    await Deno.writeTextFile(`${bin}/docker`, standIn, { mode: 0o755 });
    const env = { PATH: `${bin}:${dirname(redis!)}:${Deno.env.get("PATH")}` };
    try {
      const first = await runTask(folder, ["up", "redis"], env);
      assert.equal(first.code, 0, first.progress);
      const { CACHE_URL } = JSON.parse(first.output);
      const port = Number(new URL(CACHE_URL).port);

      const second = await runTask(folder, ["up", "redis"], env);
      assert.match(second.progress, /redis runs/);

      const status = await runTask(folder, ["status"], env);
      assert.equal(status.code, 0, status.output);
      const [{ since: _since, ...row }] = JSON.parse(status.output);
      const fixed = { service: "redis", engine: "docker", secure: false, pid: null };
      assert.deepEqual(row, { ...fixed, port, health: "answers" });
    } finally {
      const last = await runTask(folder, ["down", "redis", "--wipe"], env);
      assert.equal(last.code, 0, last.progress);
    }
    const calls = (await Deno.readTextFile(`${bin}/calls`)).trimEnd().split("\n")
      .map((call) => call.replace(/--file \S+\/deploy\/compose\.yaml/, "--file F"))
      .map((call) => call.replaceAll(/gamemetrics-services-\d+/g, "P"));
    assert.deepEqual(calls, [
      "info",
      "compose version",
      "compose --file F --project-name P up --detach --wait redis",
      "compose --file F --project-name P rm --stop --force redis",
      "volume rm --force P_redis",
    ]);
    await Deno.remove(folder, { recursive: true });
  },
});
