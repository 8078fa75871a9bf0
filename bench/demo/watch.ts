/**
 * Looks at the platform while the demo's load runs, and shows it.
 *
 * @module
 */
import { print } from "../cli/print.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";
import { Population } from "../load/generator/population.ts";
import type { Target } from "../load/client/transport.ts";
import { sleep } from "../load/sender.ts";
import type { Tally } from "../load/tally.ts";
import { GraphqlReader } from "../verify/graphql_figures.ts";
import { type GameRow, LiveView, type Moment, summary } from "./live_view.ts";
import { Screen } from "./screen.ts";

/** Aliases in one document are bounded; these are the games most played. */
const gamesShown = 12;
const drawMs = 500;
const lineMs = 2_000;

export interface WatchOptions {
  readonly target: Target;
  readonly stream: StreamOptions;
  readonly tally: Tally;
  /** Time the demo was asked for, `performance.now()`. */
  readonly demoStartMs: number;
  readonly isTerminal: boolean;
}

/** Shows the live figures until `stop` aborts; says when the first count was seen. */
export async function watchPlatform(options: WatchOptions, stop: AbortSignal): Promise<void> {
  const { target, stream, tally, isTerminal } = options;
  const graphql = new GraphqlReader(target, 1);
  const ids = new Population(stream.seed, stream.games, stream.gamePrefix).games
    .slice(0, gamesShown);
  const view = new LiveView();
  const screen = new Screen();
  const start = performance.now();
  let shownAt = -Infinity;
  let note = "waiting for the first counts …";
  let isLive = false;
  try {
    for (let look = 1;; look++) {
      const games = await readGames(graphql, ids).catch(() => []);
      const now = performance.now();
      if (!isLive && games.some((game) => game.eventsTotal > 0)) {
        isLive = true;
        note = `first live counts ${((now - options.demoStartMs) / 1000).toFixed(1)} s after start`;
        if (!isTerminal) print(note);
      }
      const moment = momentOf(stream, tally, games, (now - start) / 1000);
      view.observe(moment);
      if (isTerminal) {
        screen.draw([note, "", ...view.lines(moment)]);
      } else if (now - shownAt >= lineMs || stop.aborted) {
        shownAt = now;
        print(summary(moment));
      }
      if (stop.aborted) return;
      await sleep(start + look * drawMs - performance.now(), stop);
    }
  } finally {
    graphql.close();
  }
}

function momentOf(
  stream: StreamOptions,
  tally: Tally,
  games: readonly GameRow[],
  seconds: number,
): Moment {
  return {
    seconds,
    secondsPlanned: stream.seconds,
    accepted: tally.accepted,
    rejected: Object.values(tally.rejected).reduce((a, b) => a + b, 0),
    duplicates: tally.duplicates,
    p99Ms: tally.fromIntended.quantile(0.99),
    games,
  };
}

/** All games in one query; those the platform has not seen yet are left out. */
async function readGames(graphql: GraphqlReader, ids: readonly string[]): Promise<GameRow[]> {
  const fields = ids.map((_, i) =>
    `g${i}:game(id:$g${i}){id ccu dau eventsTotal eventsPerSecond revenueMinor}`
  );
  const data = await graphql.query<Record<string, GameRow | null>>(
    `query(${ids.map((_, i) => `$g${i}:ID!`).join(",")}){${fields.join(" ")}}`,
    Object.fromEntries(ids.map((id, i) => [`g${i}`, id])),
  );
  return Object.values(data).filter((game) => game !== null);
}
