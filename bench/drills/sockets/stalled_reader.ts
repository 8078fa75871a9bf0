/**
 * WebSocket clients that subscribe to players: one reads nothing from then on, one reads it all.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { RawClient } from "../../../gateway/socket/testing/raw_client.ts";
import type { Site } from "../platform/site.ts";
import { fatUsers } from "./fat_players.ts";

const sendEveryMs = 500;

async function subscribed(site: Site): Promise<RawClient> {
  const client = await RawClient.open(site.url, "/ws", site.key);
  for (const user_id of fatUsers) await client.send({ type: "subscribe", user_id });
  return client;
}

/** So many clients that read for a while, as honest ones do: not for so long that they owe a pong. */
export async function readFor(site: Site, clients: number, ms: number): Promise<void> {
  const all = await Promise.all(Array.from({ length: clients }, () => subscribed(site)));
  const reading = all.map((client) => client.drain());
  await sleep(ms);
  for (const client of all) client.close();
  await Promise.all(reading);
}

export class StalledReader {
  /** Of its own end. */
  readonly port: number;
  /** Since when it does not read, `performance.now()`. */
  readonly stalledAt: number;
  /** The kernel was seen to hold bytes for it. */
  wasHeld = false;
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(readonly client: RawClient, isSender: boolean) {
    this.port = client.conn.localAddr.port;
    this.stalledAt = performance.now();
    if (!isSender) return;
    // Its answers are small, and are not read either.
    const message = { type: "unsubscribe", user_id: "nobody" };
    this.#timer = setInterval(() => this.client.send(message).catch(() => {}), sendEveryMs);
  }

  /** @param isSender goes on sending */
  static async open(site: Site, isSender: boolean): Promise<StalledReader> {
    return new StalledReader(await subscribed(site), isSender);
  }

  close(): void {
    clearInterval(this.#timer);
    this.client.close();
  }
}
