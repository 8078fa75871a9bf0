/**
 * What a hostile client does on a WebSocket, on a bare connection, and how it ended.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { RawClient, textFrame } from "../../../gateway/socket/testing/raw_client.ts";
import { limits } from "../../../schema/limits.ts";
import type { Site } from "../platform/site.ts";

/** How an attack went. */
export interface Ended {
  /** The close code; `undefined`: none came in time. */
  readonly code: number | undefined;
  /** From the offence to the close. */
  readonly ms: number;
  /** What was done until then: messages, or bytes of a frame. */
  readonly done: number;
  readonly donePerSecond: number;
}

export interface Attack {
  readonly name: string;
  readonly codes: readonly number[];
  /** The least of {@link Ended.done} or {@link Ended.donePerSecond}, so that it was an attack. */
  readonly doneMin: number;
  readonly doneIs: "done" | "donePerSecond";
  readonly run: (site: Site) => Promise<Ended>;
}

/** So long an attacker waits for what must come in one second. */
const waitMsMax = 4_000;
const floodPerSecond = 10_000;
const paceMs = 5;
/** A flood that nobody stops ends by itself. */
const floodMessagesMax = 4 * floodPerSecond;

/** The close code, or `undefined` after `ms`. The connection is closed either way. */
async function closeWithin(client: RawClient, ms: number): Promise<number | undefined> {
  const timer = setTimeout(() => client.close(), ms);
  const code = await client.closeCode();
  clearTimeout(timer);
  return code;
}

/** Messages at a rate that no honest client has, until the connection is closed. */
function flood(key: (site: Site) => string | undefined) {
  return async (site: Site): Promise<Ended> => {
    const client = await RawClient.open(site.url, "/ws", key(site));
    const frame = textFrame(`{"type":"unsubscribe","user_id":"nobody"}`);
    const frames = new Uint8Array(frame.length * 500);
    for (let at = 0; at < frames.length; at += frame.length) frames.set(frame, at);
    const startedAt = performance.now();
    let endedAt = Infinity;
    const closed = closeWithin(client, waitMsMax).finally(() => endedAt = performance.now());
    let sent = 0;
    try {
      while (endedAt === Infinity && sent < floodMessagesMax) {
        const due = Math.ceil((performance.now() - startedAt + paceMs) / 1000 * floodPerSecond);
        while (sent < due) {
          const count = Math.min(500, due - sent);
          await client.write(frames.subarray(0, count * frame.length));
          sent += count;
        }
        await sleep(paceMs);
      }
    } catch {
      // The platform has dropped the connection.
    }
    const sentMs = performance.now() - startedAt;
    const code = await closed;
    client.close();
    const donePerSecond = sent / sentMs * 1000;
    return { code, ms: Math.max(0, endedAt - startedAt), done: sent, donePerSecond };
  };
}

/** One frame of a mebibyte. */
function largeFrame(key: (site: Site) => string | undefined) {
  return async (site: Site): Promise<Ended> => {
    const client = await RawClient.open(site.url, "/ws", key(site));
    const filler = "x".repeat(limits.requestBytesMax);
    const frame = textFrame(`{"type":"events","id":1,"events":["${filler}"]}`);
    const startedAt = performance.now();
    let done = 0;
    const closed = closeWithin(client, waitMsMax);
    try {
      await client.write(frame);
      done = frame.length;
    } catch {
      // Cut before it was all sent: so much the better.
    }
    const sentAt = performance.now();
    const code = await closed;
    client.close();
    const ms = performance.now() - sentAt;
    return { code, ms, done, donePerSecond: done / (sentAt - startedAt) * 1000 };
  };
}

/** Nothing at all; the offence begins when the deadline for auth has passed. */
async function silence(site: Site): Promise<Ended> {
  const client = await RawClient.open(site.url, "/ws");
  const startedAt = performance.now();
  const code = await closeWithin(client, limits.webSocketAuthMs + waitMsMax);
  client.close();
  const heldMs = performance.now() - startedAt;
  return { code, ms: heldMs - limits.webSocketAuthMs, done: heldMs, donePerSecond: 0 };
}

/** Events before auth. */
async function eventsBeforeAuth(site: Site): Promise<Ended> {
  const client = await RawClient.open(site.url, "/ws");
  const startedAt = performance.now();
  await client.send({ type: "events", id: 1, events: [{ event_type: "x", user_id: "u" }] });
  const code = await closeWithin(client, waitMsMax);
  client.close();
  return { code, ms: performance.now() - startedAt, done: 1, donePerSecond: 0 };
}

const known = (site: Site) => site.key;
const nobody = () => undefined;
/** Pacing begins with a burst and ends in the middle of one. */
const floodRateMin = 0.8 * floodPerSecond;

export const attacks: readonly Attack[] = [
  {
    name: "10,000 messages/s",
    codes: [4429],
    doneMin: floodRateMin,
    doneIs: "donePerSecond",
    run: flood(known),
  },
  {
    name: "10,000 messages/s without auth",
    codes: [1008],
    doneMin: 1,
    doneIs: "done",
    run: flood(nobody),
  },
  {
    name: "a frame of 1 MiB",
    codes: [1009],
    doneMin: limits.requestBytesMax,
    doneIs: "done",
    run: largeFrame(known),
  },
  {
    name: "a frame of 1 MiB without auth",
    codes: [1009],
    doneMin: limits.requestBytesMax,
    doneIs: "done",
    run: largeFrame(nobody),
  },
  {
    name: "no auth",
    codes: [4408],
    doneMin: limits.webSocketAuthMs * 0.9,
    doneIs: "done",
    run: silence,
  },
  {
    name: "events before auth",
    codes: [1008],
    doneMin: 1,
    doneIs: "done",
    run: eventsBeforeAuth,
  },
];
