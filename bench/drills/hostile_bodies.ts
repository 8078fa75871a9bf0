/**
 * Drill 22: bodies that lie about their size, never end, expand a thousandfold, hold too many events
 * or nest too deep. Each is refused within a second, costs no memory, and honest clients go on.
 *
 * @module
 */
import type { Drill, DrillContext, DrillResult } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { growthText, growthUnder, MemoryWatch } from "./hostile/memory_watch.ts";
import { gzip, honestEvent, warmUp } from "./hostile/warm_up.ts";
import { bytesOf, NoAnswer, postHead, type RawAnswer, RawConnection } from "./hostile/raw_http.ts";

const answerMsMax = 1_000;
const rssGrowthMax = 16 * 1024 * 1024;
const mebibyte = 1024 * 1024;
/** How often each attack is made. */
const rounds = 3;

interface Attack {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parts of the body, sent until an answer comes. */
  readonly body: () => Iterable<Uint8Array>;
  readonly expected: readonly number[];
}

function whole(
  name: string,
  body: Uint8Array,
  expected: readonly number[],
  headers: Readonly<Record<string, string>> = {},
): Attack {
  const length = { "Content-Length": String(body.length) };
  return { name, headers: { ...length, ...headers }, body: () => [body], expected };
}

function* forever(part: Uint8Array): Generator<Uint8Array> {
  for (;;) yield part;
}

/** `bytes` zeros, gzipped, without ever holding them. */
async function gzipOfZeros(bytes: number): Promise<Uint8Array> {
  let left = bytes;
  const zeros = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(new Uint8Array(Math.min(left, mebibyte)));
      left -= mebibyte;
    },
  });
  return await new Response(zeros.pipeThrough(new CompressionStream("gzip"))).bytes();
}

async function attacks(bombBytes: number): Promise<Attack[]> {
  const chunk = bytesOf("4000\r\n", new Uint8Array(0x4000).fill(0x20), "\r\n");
  const tinyChunk = bytesOf("1\r\n[\r\n");
  const events = Array.from(
    { length: 10_000 },
    (_, i) => ({ ...honestEvent(`b${i}`), game_id: "g" }),
  );
  const tooMany = bytesOf(JSON.stringify(events));
  const tooManyGzipped = await gzip(tooMany);
  const deepEvent = JSON.stringify({ ...honestEvent("deep"), properties: { v: 0 } })
    .replace(":0}", `:${"[".repeat(100_000)}${"]".repeat(100_000)}}`);
  const gzipped = { "Content-Encoding": "gzip" };
  return [
    {
      name: "Content-Length 1 GiB",
      headers: { "Content-Length": String(1024 * mebibyte) },
      body: () => forever(new Uint8Array(0x4000).fill(0x20)),
      expected: [413],
    },
    {
      name: "endless chunks",
      headers: { "Transfer-Encoding": "chunked" },
      body: () => forever(chunk),
      expected: [413],
    },
    {
      name: "endless chunks of one byte",
      headers: { "Transfer-Encoding": "chunked" },
      body: () => forever(bytesOf(...Array(4096).fill(tinyChunk))),
      expected: [413],
    },
    whole("gzip bomb", await gzipOfZeros(bombBytes), [413], gzipped),
    whole("small gzip bomb", await gzipOfZeros(48 * mebibyte), [413], gzipped),
    whole("batch of 10,000 events", tooMany, [413]),
    whole("batch of 10,000 events, gzipped", tooManyGzipped, [413], gzipped),
    whole("100,000 open brackets", bytesOf("[".repeat(100_000)), [400]),
    whole("event nested 100,000 deep", bytesOf(deepEvent), [400, 413]),
    whole("a megabyte of brackets", bytesOf("[".repeat(mebibyte / 2), "]".repeat(mebibyte / 2)), [
      400,
    ]),
  ];
}

class HostileBodies {
  readonly found = new Findings();
  readonly url: URL;
  #made = 0;

  constructor(readonly ctx: DrillContext) {
    this.url = new URL(ctx.url);
  }

  /** Sends parts until the platform has answered or closed. */
  async attack({ name, headers, body, expected }: Attack): Promise<void> {
    const connection = await RawConnection.connect(this.url);
    const startedAt = performance.now();
    let isAnswered = false;
    const writing = (async () => {
      await connection.write(bytesOf(postHead(this.url, this.ctx.key, headers)));
      for (const part of body()) {
        if (isAnswered || !await connection.write(part)) return;
      }
    })();
    let answer: RawAnswer | undefined;
    let fault = "the connection was closed without an answer";
    try {
      answer = await connection.answer(answerMsMax * 2);
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      fault = error.message;
    }
    const ms = performance.now() - startedAt;
    isAnswered = true;
    connection.close();
    await writing;
    this.found.atLeast("slowest_ms", ms);
    const status = answer?.status ?? 0;
    const seen = answer === undefined ? fault : `${status} ${answer.body.slice(0, 120)}`;
    this.found.require(
      expected.includes(status),
      `${name} must be ${expected.join(" or ")}: ${seen}`,
    );
    this.found.require(ms <= answerMsMax, `${name} was answered after ${ms.toFixed(0)} ms`);
  }

  /** An honest client on a connection of its own. */
  async honest(after: string, body: Uint8Array): Promise<void> {
    const headers = { "Content-Length": String(body.length) };
    const connection = await RawConnection.connect(this.url);
    await connection.write(bytesOf(postHead(this.url, this.ctx.key, headers), body));
    const answer = await connection.answer(5_000).catch(() => undefined);
    connection.close();
    this.found.require(answer?.status === 202, `an honest client was refused after ${after}`);
  }

  /** Each attack a few times, an honest client after each. */
  async round(attacks: readonly Attack[]): Promise<void> {
    for (const attack of attacks) {
      this.ctx.print(attack.name);
      for (let i = 0; i < rounds; i++) {
        await this.attack(attack);
        this.#made++;
        await this.honest(attack.name, bytesOf(JSON.stringify(honestEvent(`h${this.#made}`))));
      }
    }
  }

  async run(): Promise<DrillResult> {
    const all = await attacks((this.ctx.quick ? 256 : 900) * mebibyte);
    const memory = new MemoryWatch(this.ctx.pid);
    try {
      await warmUp(this.url, this.ctx.key);
      const growth = await growthUnder(memory, rssGrowthMax, () => this.round(all));
      this.found.count("attacks", this.#made);
      this.found.count("rss_growth_bytes", growth.bytes);
      this.found.count("rss_growth_total_bytes", growth.totalBytes);
      this.found.require(growth.isWithin, growthText(growth, rssGrowthMax));
    } finally {
      memory.stop();
    }
    return this.found.result();
  }
}

export const drill: Drill = {
  id: "22",
  name: "hostile-bodies",
  run: (ctx) => new HostileBodies(ctx).run(),
};
