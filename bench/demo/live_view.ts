/**
 * What the demo shows while it runs. Pure: text of a moment's figures.
 *
 * @module
 */

/** A game as GraphQL shows it at this moment. */
export interface GameRow {
  readonly id: string;
  readonly ccu: number;
  readonly dau: number;
  readonly eventsTotal: number;
  readonly eventsPerSecond: number;
  /** US cents. */
  readonly revenueMinor: number;
}

/** What the demo knows at this moment. */
export interface Moment {
  readonly seconds: number;
  readonly secondsPlanned: number;
  /** Events acknowledged, duplicates included. */
  readonly accepted: number;
  readonly rejected: number;
  readonly duplicates: number;
  /** p99 of the answers so far, milliseconds. */
  readonly p99Ms: number;
  readonly games: readonly GameRow[];
}

const sparks = "▁▂▃▄▅▆▇█";
const sparkPoints = 24;
const integer = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const dollars = new Intl.NumberFormat("en-US", {
  style: "currency",
  currency: "USD",
  maximumFractionDigits: 0,
});

/** A line of block characters, the highest value at full height. */
export function sparkline(values: readonly number[]): string {
  const top = Math.max(...values, 0);
  return values.map((value) =>
    sparks[top === 0 ? 0 : Math.round((Math.max(0, value) / top) * (sparks.length - 1))]
  ).join("");
}

/** Remembers what each game had counted, to draw how it goes. */
export class LiveView {
  readonly #last = new Map<string, { seconds: number; events: number }>();
  readonly #rates = new Map<string, number[]>();

  /** Takes in a moment; to be called at regular intervals. */
  observe({ seconds, games }: Moment): void {
    for (const { id, eventsTotal } of games) {
      const last = this.#last.get(id);
      this.#last.set(id, { seconds, events: eventsTotal });
      if (last === undefined || seconds <= last.seconds) continue;
      const rates = this.#rates.get(id) ?? [];
      rates.push((eventsTotal - last.events) / (seconds - last.seconds));
      this.#rates.set(id, rates.slice(-sparkPoints));
    }
  }

  /** The whole picture, for a terminal. */
  lines(moment: Moment): string[] {
    const { games } = moment;
    const header = row("game", "ccu", "dau", "events/s", "events", "revenue", "");
    const rows = games.toSorted((a, b) => b.eventsTotal - a.eventsTotal).map((game) =>
      row(
        game.id,
        integer.format(game.ccu),
        integer.format(game.dau),
        integer.format(game.eventsPerSecond),
        integer.format(game.eventsTotal),
        dollars.format(game.revenueMinor / 100),
        sparkline(this.#rates.get(game.id) ?? []),
      )
    );
    const sum = (of: (game: GameRow) => number) => games.reduce((n, game) => n + of(game), 0);
    const total = row(
      "all games",
      integer.format(sum((game) => game.ccu)),
      // Players of several games would count several times.
      "",
      integer.format(sum((game) => game.eventsPerSecond)),
      integer.format(sum((game) => game.eventsTotal)),
      dollars.format(sum((game) => game.revenueMinor) / 100),
      "",
    );
    return [header, ...rows, total, "", summary(moment)];
  }
}

function row(game: string, ...cells: string[]): string {
  const spark = cells.pop()!;
  const widths = [7, 8, 9, 11, 10];
  return `${game.slice(0, 16).padEnd(16)}${
    cells.map((cell, i) => cell.padStart(widths[i]! + 1)).join("")
  }  ${spark}`.trimEnd();
}

/** The moment in one line. */
export function summary(moment: Moment): string {
  const counted = moment.games.reduce((n, game) => n + game.eventsTotal, 0);
  const ccu = moment.games.reduce((n, game) => n + game.ccu, 0);
  return `${moment.seconds.toFixed(0).padStart(3)} of ${moment.secondsPlanned} s   ` +
    `accepted ${integer.format(moment.accepted)} ` +
    `(${integer.format(moment.duplicates)} sent twice)   ` +
    `counted live ${integer.format(counted)}   ccu ${integer.format(ccu)}   ` +
    `refused ${integer.format(moment.rejected)}   p99 ${moment.p99Ms.toFixed(1)} ms`;
}
