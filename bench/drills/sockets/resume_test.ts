import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { HttpConnection } from "../../load/client/http_connection.ts";
import { Site } from "../platform/site.ts";

const users = 40;
const lives = 3;
/** What a life sees for the first time before it ends. */
const newOfLife = 60;
/** What is accepted while nobody listens. */
const missedBetween = 40;
/** An accepted request takes long where the machine is busy. */
const eventsOfRequest = 5;
const pauseMs = 10;
const waitMsMax = 30_000;

interface Seen {
  readonly id: string;
  readonly position: string;
  readonly receivedAt: string;
}

/** Sends events until it is stopped. */
class Sender {
  readonly ids: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(site: Site) {
    this.#done = this.#run(new HttpConnection(site.target));
    this.#done.catch(() => {});
  }

  async #run(connection: HttpConnection): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const events = Array.from({ length: eventsOfRequest }, (_, i) => {
          const nth = this.ids.length + i;
          const user_id = `u-${nth % users}`;
          return { event_id: `e-${nth}`, user_id, event_type: "resumed", game_id: "resuming" };
        });
        const { status } = await connection.send(JSON.stringify(events));
        assert.equal(status, 202);
        this.ids.push(...events.map(({ event_id }) => event_id));
        await sleep(pauseMs);
      }
    } finally {
      connection.close();
    }
  }

  /** Waits until so many more are accepted. */
  async more(count: number): Promise<void> {
    const enough = this.ids.length + count;
    while (this.ids.length < enough) await Promise.race([sleep(pauseMs), this.#done]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

/** What a subscriber knows over all of its lives. */
class Subscriber {
  readonly positions = new Map<string, string>();
  /** Events of a life that a former one had seen. */
  again = 0;
  #since: string;

  constructor(readonly site: Site, since: string) {
    this.#since = since;
  }

  #take({ id, position, receivedAt }: Seen, offsets: Map<string, number>): void {
    const [partition, offset] = position.split(":") as [string, string];
    const last = offsets.get(partition) ?? -1;
    assert.ok(Number(offset) > last, `${id} comes once, in order: ${position} after ${last}`);
    offsets.set(partition, Number(offset));
    assert.equal(this.positions.get(id) ?? position, position, `${id} is at one place`);
    if (this.positions.has(id)) this.again++;
    this.positions.set(id, position);
    if (receivedAt > this.#since) this.#since = receivedAt;
  }

  /** One life: from where the last one ended, until it is enough or nothing more comes in time. */
  async live(isEnough: () => boolean): Promise<void> {
    const query = `subscription { eventStream(since: "${this.#since}") {
      id position receivedAt } }`;
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), waitMsMax);
    const offsets = new Map<string, number>();
    try {
      const response = await fetch(`${this.site.url}/graphql`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${this.site.key}`,
          "content-type": "application/json",
          accept: "text/event-stream",
        },
        body: JSON.stringify({ query }),
        signal: end.signal,
      });
      let text = "";
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
        text += part;
        for (let to = text.indexOf("\n\n"); to >= 0; to = text.indexOf("\n\n")) {
          const data = /^data: ?(.+)$/m.exec(text.slice(0, to))?.[1];
          text = text.slice(to + 2);
          if (data === undefined) continue;
          const { data: told, errors } = JSON.parse(data);
          assert.equal(errors, undefined);
          this.#take(told.eventStream, offsets);
          // In the middle of whatever has come with it.
          if (isEnough()) return;
        }
      }
    } catch (error) {
      if (!end.signal.aborted) throw error;
    } finally {
      clearTimeout(timer);
      end.abort();
    }
  }
}

Deno.test("eventStream(since) misses no event of a platform over reconnects", async () => {
  const dir = await Deno.makeTempDir();
  const site = new Site(`${dir}/site`);
  try {
    await site.start().ready();
    const subscriber = new Subscriber(site, new Date(Date.now() - 1_000).toISOString());
    const { positions } = subscriber;
    const sender = new Sender(site);
    const isMissing = (id: string) => !positions.has(id);
    let missed = 0;
    for (let life = 0; life < lives; life++) {
      const enough = positions.size + newOfLife;
      await subscriber.live(() => positions.size >= enough);
      assert.ok(positions.size >= enough, `${positions.size} of ${enough} events came in time`);
      await sender.more(missedBetween);
      missed += sender.ids.filter(isMissing).length;
    }
    await sender.stop();
    await subscriber.live(() => !sender.ids.some(isMissing));
    assert.deepEqual(sender.ids.filter(isMissing), []);
    assert.equal(positions.size, sender.ids.length, "nothing is told that nobody sent");
    assert.ok(missed >= lives * missedBetween / 2, `${missed} were sent while nobody listened`);
    assert.ok(subscriber.again > 0, "what lies shortly before is told again");
  } finally {
    await site.clear();
    await Deno.remove(dir, { recursive: true });
  }
});
