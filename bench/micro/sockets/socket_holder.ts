/**
 * A process that holds WebSockets open and answers their pings, and nothing else: so little that a
 * machine can hold twenty thousand beside the platform. Arguments: URL, key, how many.
 *
 * Writes a line with the milliseconds it took once all are open, and how many answered pings and how
 * many ended, as JSON, when its input ends.
 *
 * @module
 */
import { RawClient } from "../../../gateway/socket/testing/raw_client.ts";

const openedAtOnce = 64;
const ping = 0x89;
/** A client's pong without a payload, its mask zero. */
const pong = new Uint8Array([0x8a, 0x80, 0, 0, 0, 0]);

class Holder {
  readonly #clients: RawClient[] = [];
  pongs = 0;
  ended = 0;

  /** Opens that many; so many at once that it is not the round trips that are measured. */
  async open(url: string, key: string, count: number): Promise<void> {
    let left = count;
    const opener = async () => {
      while (left-- > 0) {
        const client = await RawClient.open(url, "/ws", key);
        this.#clients.push(client);
        void this.#hold(client);
      }
    };
    await Promise.all(Array.from({ length: openedAtOnce }, opener));
  }

  /** Answers pings. Nothing else comes to somebody who asked for nothing. */
  async #hold({ conn }: RawClient): Promise<void> {
    const frame = new Uint8Array(64);
    for (;;) {
      const read = await conn.read(frame).catch(() => null);
      if (read === null) break;
      if (frame[0] !== ping) continue;
      this.pongs++;
      await conn.write(pong).catch(() => {});
    }
    this.ended++;
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

if (import.meta.main) {
  const [url, key, count] = Deno.args;
  const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const holder = new Holder();
  const startedAt = performance.now();
  await holder.open(url!, key!, Number(count));
  say(String(performance.now() - startedAt));
  for await (const _ of Deno.stdin.readable) { /* until it ends */ }
  const { pongs, ended } = holder;
  say(JSON.stringify({ pongs, ended }));
  holder.close();
}
