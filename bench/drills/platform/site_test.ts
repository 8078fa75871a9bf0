import assert from "node:assert/strict";
import { join } from "node:path";
import { isAlive } from "../../../supervisor/store/embedded/postmaster.ts";
import { Probe } from "./probe.ts";
import { clearAllSites, Site } from "./site.ts";

Deno.test({
  name: "Site starts, kills and restarts a platform, and leaves nothing behind",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const dir = await Deno.makeTempDir({ prefix: "gamemetrics-site-" });
    const site = new Site(join(dir, "site"));
    try {
      const first = site.start();
      await first.ready();
      const postmaster = await site.postmasterPid();
      assert.ok(postmaster !== undefined && await isAlive(postmaster));
      assert.equal(await new Probe(site, "site-test").send(), 202);
      assert.ok(first.rssBytes > 10_000_000);
      assert.ok(await site.killAll() > 2);
      assert.equal((await first.exited).signal, "SIGKILL");
      assert.equal(await isAlive(postmaster), false);
      assert.equal(await new Probe(site, "site-test").send(), 0);

      const second = site.start();
      await second.ready();
      assert.equal(await new Probe(site, "site-test").send(), 202);
      assert.equal((await second.drain()).code, 0);
      site.start();
    } finally {
      await clearAllSites();
    }
    assert.deepEqual(await site.roots(), []);
    await assert.rejects(Deno.stat(site.dataDir), Deno.errors.NotFound);
    await Deno.remove(dir);
  },
});
