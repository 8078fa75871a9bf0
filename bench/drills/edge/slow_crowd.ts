/**
 * Slow clients by the thousand, in a process of their own that makes way for others. A first line of
 * JSON on its input says how many ({@link CrowdOrder}); a second line lets no more come. Once each of
 * those that were there is cut, or has had time enough, it prints {@link CrowdReport}.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { print } from "../../cli/print.ts";
import { kinds, SlowClient, SlowCounts, type SlowKind } from "./slow_client.ts";

export interface CrowdOrder {
  readonly url: string;
  /** PEM; none without TLS. */
  readonly ca?: string | undefined;
  readonly key: string;
  readonly clients: Readonly<Record<SlowKind, number>>;
  /** How long each may stay, milliseconds. */
  readonly cutMsMax: number;
}

export type CrowdReport = Readonly<Record<SlowKind, KindReport>>;

export interface KindReport extends Readonly<SlowCounts> {
  /** Most that were there at one moment. */
  readonly most: number;
  /** Still there when they should have been cut. */
  readonly left: number;
}

/** They come from so many addresses, as one alone is held to fewer connections. */
const addresses = 8;
/** So many come in a moment, so that it is the slowness that hurts and not the coming. */
const comeAtOnce = 25;
const momentMs = 50;
const lookMs = 100;
/** Longer than they may stay: so much may be this process' own slowness. */
const spareMs = 3_000;

export class SlowCrowd {
  readonly #counts: Record<SlowKind, SlowCounts> = {
    drip: new SlowCounts(),
    body: new SlowCounts(),
    idle: new SlowCounts(),
  };
  readonly #most: Record<SlowKind, number> = { drip: 0, body: 0, idle: 0 };
  readonly #clients: SlowClient[] = [];

  constructor(readonly order: CrowdOrder) {}

  /** Lets all of them come, the kinds mixed. */
  async come(): Promise<void> {
    const { url, ca, key, clients } = this.order;
    const all = kinds.flatMap((kind) =>
      Array.from({ length: clients[kind] }, (_, i) => ({ kind, at: i / clients[kind], i }))
    ).sort((a, b) => a.at - b.at);
    for (const [n, { kind, i }] of all.entries()) {
      const from = `127.0.0.${2 + n % addresses}`;
      const options = { kind, ca, key, from, url: new URL(url), asks: i % 2 === 0 };
      const client = new SlowClient(options, this.#counts[kind]);
      this.#clients.push(client);
      client.start();
      if (n % comeAtOnce === comeAtOnce - 1) await sleep(momentMs);
    }
  }

  /** Notes how many are there. */
  look(): void {
    for (const kind of kinds) {
      const open = this.#clients.filter(({ isOpen, options }) => isOpen && options.kind === kind);
      this.#most[kind] = Math.max(this.#most[kind], open.length);
    }
  }

  /** Lets no more come, and waits until each is gone or has overstayed. */
  async end(): Promise<CrowdReport> {
    const { cutMsMax } = this.order;
    for (const client of this.#clients) client.retire();
    while (this.#clients.some(({ isThere, slowMs }) => isThere && slowMs < cutMsMax + spareMs)) {
      await sleep(lookMs);
    }
    const left = this.#clients.filter(({ isOpen }) => isOpen).map(({ options }) => options.kind);
    for (const client of this.#clients) client.kill();
    const report = (kind: SlowKind) => ({
      ...this.#counts[kind],
      most: this.#most[kind],
      left: left.filter((found) => found === kind).length,
    });
    return { drip: report("drip"), body: report("body"), idle: report("idle") };
  }
}

if (import.meta.main) {
  let crowd: SlowCrowd | undefined;
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of Deno.stdin.readable) {
    text += decoder.decode(bytes, { stream: true });
    if (crowd === undefined && text.includes("\n")) {
      crowd = new SlowCrowd(JSON.parse(text.slice(0, text.indexOf("\n"))) as CrowdOrder);
      setInterval(() => crowd!.look(), lookMs);
      void crowd.come().then(() => print("all have come"));
    }
    if (crowd !== undefined && text.split("\n").length > 2) {
      print(JSON.stringify(await crowd.end()));
      break;
    }
  }
  // Also when whoever started it has gone.
  Deno.exit(0);
}
