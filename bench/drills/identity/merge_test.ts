import assert from "node:assert/strict";
import { join } from "node:path";
import postgres from "postgres";
import { PlatformProcess } from "../../demo/platform_process.ts";
import { Random } from "../../load/generator/random.ts";
import { runVerify } from "../../verify/run_verify.ts";
import { Findings } from "../findings.ts";
import { Admin } from "../platform/admin.ts";
import {
  readAliases,
  requireAnswered,
  requireSound,
  requireTold,
  requireUndone,
} from "./identity_checks.ts";
import { planLinks, shuffled } from "./link_plan.ts";
import { PlayerTraffic } from "./player_traffic.ts";
import { quiet } from "./quiet.ts";
import { undo } from "./undo.ts";

const seed = 36;
const quietMsMax = 60_000;

Deno.test("a platform's figures are those of its players, whichever ids they used", async () => {
  const folder = await Deno.makeTempDir();
  const platform = await PlatformProcess.start({
    dataDir: join(folder, "data"),
    env: { PORT: "0", ADMIN_PORT: "0", WORKERS: "2", LOG_LEVEL: "warn" },
  });
  const { url, demo_key: key, store_url, admin_url, admin_token } = platform.info;
  const target = { url: new URL(url), key };
  const admin = new Admin({ adminUrl: admin_url, adminToken: admin_token });
  const sql = postgres(store_url, { max: 1 });
  const acks = join(folder, "acks.jsonl");
  const random = new Random(seed);
  const found = new Findings();
  const traffic = new PlayerTraffic(target, seed, random, acks);
  try {
    const { ids, links } = planLinks(random, "linked", 60);
    await traffic.play(ids, 3);
    await traffic.say(links);
    await traffic.play(ids, 2);
    assert.ok(await quiet(admin, quietMsMax), "merges are under way without end");
    const linked = await readAliases(sql);
    assert.ok(linked.size >= 30, `${linked.size} merges`);
    requireSound(found, linked, links);
    await requireAnswered(found, admin, linked, links);

    const undone = shuffled(random, [...linked.keys()]).slice(0, 15);
    assert.ok(await undo(admin, undone) >= 12);
    await traffic.play(ids, 2);
    assert.ok(await quiet(admin, quietMsMax), "undos are under way without end");
    const after = await readAliases(sql);
    requireSound(found, after, links);
    requireUndone(found, linked, new Set(undone), after);
    await requireTold(found, target, after, ids);
    assert.deepEqual(found.result().notes, []);
    assert.ok(traffic.repeats > 20);

    const plan = { target, storeUrl: store_url, studio: "demo", acks, players: undefined };
    const report = await runVerify({ ...plan, timeoutMs: 20_000, pollMs: 100 });
    assert.deepEqual(report.checks.filter(({ ok }) => ok === false), []);
    assert.equal(report.events, traffic.events);
  } finally {
    await traffic.close();
    await sql.end();
    await platform.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
