import assert from "node:assert/strict";
import { findProgram, lookFor } from "./packages.ts";

const site = { folder: "/", portOffset: 0, brokers: 1, secure: false, progress() {} };

Deno.test("findProgram() looks into the named folders, then into PATH", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/sh`, "", { mode: 0o755 });
    const spec = { name: "sh", packages: [] };
    assert.equal(await findProgram(site, { ...spec, folders: [folder] }), `${folder}/sh`);
    assert.match(await findProgram(site, { ...spec, folders: ["/none"] }), /\/sh$/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("lookFor() passes over what cannot be run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/gamemetrics-none`, "", { mode: 0o644 });
    const spec = { name: "gamemetrics-none", folders: [folder], packages: [] };
    assert.equal(await lookFor(spec), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("findProgram() says how to install what it may not install itself", async () => {
  const spec = { name: "gamemetrics-none", folders: [], packages: ["one", "two"], installs: false };
  await assert.rejects(findProgram(site, spec), {
    message: "Cannot find gamemetrics-none: install it first, on Debian as root by: " +
      "apt-get install -y --no-install-recommends one two",
  });
});
