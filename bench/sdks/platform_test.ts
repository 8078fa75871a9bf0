import assert from "node:assert/strict";
import { join } from "node:path";
import { demoSigningPair } from "../../gateway/auth.ts";
import { PlatformProcess } from "../demo/platform_process.ts";
import { expected, type Figures, mergedFigures, playerOf } from "./expected.ts";
import { faultyPath, forwardTo, runClient } from "./faulty_path.ts";

/** The game that each SDK sends to, by its key; the signing pair is that of the game `demo`. */
const gameOf = (name: string) => name === "gameanalytics" ? "demo" : `game-${name}`;

async function graphql(url: string, key: string, query: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "authorization": `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

interface PlayerAnswer {
  readonly player: {
    readonly eventCounts: readonly { type: string; count: number }[];
    readonly USD: number;
    readonly EUR: number;
    readonly JPY: number;
  } | null;
}

/** What a player's actor holds of one game. */
async function figuresOf(url: string, key: string, user: string, game: string): Promise<Figures> {
  const money = ["USD", "EUR", "JPY"].map((c) => `${c}: revenueMinor(currency: "${c}")`).join(" ");
  const query =
    `{ player(id: "${user}", gameId: "${game}") { eventCounts { type count } ${money} } }`;
  const { player } = await graphql(url, key, query) as PlayerAnswer;
  if (player === null) return { counts: {}, revenue: {} };
  const { eventCounts, ...revenue } = player;
  return {
    counts: Object.fromEntries(eventCounts.map(({ type, count }) => [type, count])),
    revenue: Object.fromEntries(Object.entries(revenue).filter(([, amount]) => amount > 0)),
  };
}

/** Asks until the figures are as expected, at most 30 s; the assertion then tells how they differ. */
async function assertFigures(figures: () => Promise<Figures>, wanted: Figures, who: string) {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const seen = await figures();
    try {
      return assert.deepEqual(seen, wanted, who);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

Deno.test("the platform's actors hold what the official SDKs sent, each event once", async (t) => {
  const folder = await Deno.makeTempDir();
  const platform = await PlatformProcess.start({
    dataDir: join(folder, "data"),
    env: { PORT: "0", ADMIN_PORT: "0", WORKERS: "1", LOG_LEVEL: "warn" },
  });
  const { url, demo_key: key } = platform.info;
  try {
    const pair = demoSigningPair(key);
    for (const [name, players] of Object.entries(expected)) {
      await t.step(name, async () => {
        const game = gameOf(name);
        const token = name === "gameanalytics" ? `${pair.id}:${pair.secret}` : `${key}@${game}`;
        const path = faultyPath(name, forwardTo(url));
        await runClient([name, path.url, token, `${name}-ann`]).finally(path.stop);
        assert.ok(path.turnedAway() > 0 && path.lost() > 0, "no fault was met");
        for (const player of Object.keys(players)) {
          const wanted = mergedFigures(players, player);
          const user = playerOf(`${name}-ann`, player);
          await assertFigures(() => figuresOf(url, key, user, game), wanted, user);
        }
      });
    }
  } finally {
    await platform.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
