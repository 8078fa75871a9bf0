import assert from "node:assert/strict";
import { standardStages } from "../shard/stages.ts";
import type { ShadowReport } from "../shard/shadow/shadow.ts";
import { mergeReports, Shadows } from "./shadows.ts";

const moduleOf = (text: string) => `data:text/typescript,${encodeURIComponent(text)}`;
const player = new URL("../../actors/player/player.ts", import.meta.url).href;

Deno.test("Shadows.start() loads the export 'behaviour' of a module", async () => {
  const shadows = new Shadows(standardStages());
  const module = moduleOf(
    `import { player } from ${
      JSON.stringify(player)
    }; export const behaviour = { ...player, version: 9 };`,
  );
  const report = await shadows.start({ stage: "player", module, share: 0.25 });
  assert.deepEqual([report.version, report.share, report.messages], [9, 0.25, 0]);
  assert.equal(shadows.report("player")!.version, 9);
  assert.equal(shadows.report("game"), null);
  assert.equal(shadows.stop("player")!.version, 9);
  assert.equal(shadows.stop("player"), null);
});

for (
  const [name, module, message] of [
    ["that is not there", "file:///nowhere/else.ts", /nowhere/],
    ["without a behaviour", moduleOf("export const other = 1;"), /no export 'behaviour'/],
    [
      "of another kind",
      moduleOf(
        "export const behaviour = { kind: 'game', receive() {}, restore() {}, version: 1 };",
      ),
      /kind 'game', expected 'player'/,
    ],
  ] as const
) {
  Deno.test(`Shadows.start() refuses a module ${name}, and the stage goes on as before`, async () => {
    const shadows = new Shadows(standardStages());
    await assert.rejects(shadows.start({ stage: "player", module }), {
      name: "InvalidInput",
      message,
    });
    assert.equal(shadows.report("player"), null);
  });
}

Deno.test("mergeReports() adds up what workers report", () => {
  const difference = {
    actor_id: "s/a",
    position: "0:1",
    what: "state",
    expected: "1",
    got: "2",
  } as const;
  const report: ShadowReport = {
    version: 2,
    share: 0.1,
    actors: 3,
    skipped: 1,
    messages: 10,
    different: 1,
    differences: [difference],
  };
  const merged = mergeReports([null, report, report])!;
  assert.deepEqual([merged.actors, merged.messages, merged.different], [6, 20, 2]);
  assert.equal(merged.differences.length, 2);
  assert.equal(mergeReports([null]), null);
});
