/**
 * One connection's loop: send the next batch when it is due, wait for its answer, go on. A batch is
 * sent again, with the same ids, until it is answered: so each player's events arrive in order.
 *
 * @module
 */
import type { AckFile } from "./client/ack_file.ts";
import type { Answer, Transport } from "./client/transport.ts";
import type { Batch, EventStream, Rejection } from "./generator/event_stream.ts";
import type { Tally } from "./tally.ts";

const backoffMsMin = 25;
const backoffMsMax = 500;
/** A platform that asks for a longer pause than this is asked again anyway. */
const retryAfterMsMax = 5_000;

/** What a sender needs. */
export interface SenderParts {
  readonly stream: EventStream;
  readonly transport: Transport;
  readonly tally: Tally;
  /** Where acknowledged ids are kept, if anywhere. */
  readonly acks?: AckFile | undefined;
  /** Number of the connection. */
  readonly connection: number;
  /** When batch n is due, milliseconds on `performance.now()`; `undefined`: at once. */
  readonly dueAt: (batch: number) => number | undefined;
  /** No new batch once it aborts. */
  readonly stop: AbortSignal;
  /** No further attempt once it aborts; what is unanswered then is unknown. */
  readonly giveUp: AbortSignal;
}

/** How far a sender came. */
export interface SenderResult {
  /** Batches answered: the stream's first ones. */
  readonly answered: number;
  /** Ids of the batch after them, when its outcome stayed unknown. */
  readonly unknownIds: readonly string[];
}

/** The platform refuses to be talked to: going on is pointless. */
export class LoadRefused extends Error {
  override readonly name = "LoadRefused";
}

/**
 * Sends the stream to its end or until `stop`.
 *
 * @throws {LoadRefused} the answer was 401, 403, 404 or the like
 */
export async function runSender(parts: SenderParts): Promise<SenderResult> {
  const { stream, tally, stop } = parts;
  for (let number = 0;; number++) {
    if (stop.aborted) return { answered: number, unknownIds: [] };
    // Made before it is due, so that making it costs no latency.
    const batch = stream.next();
    if (batch === null) return { answered: number, unknownIds: [] };
    const due = parts.dueAt(number);
    if (due !== undefined) await sleep(due - performance.now(), stop);
    if (stop.aborted) return { answered: number, unknownIds: [] };
    const sentAt = performance.now();
    tally.sent += batch.ids.length;
    const answer = await sendUntilAnswered(parts, batch);
    if (answer === undefined) {
      const unknownIds = batch.ids.filter((id) => id !== "");
      tally.unknown += unknownIds.length;
      await parts.acks?.append({ c: parts.connection, b: number, unknown: unknownIds });
      return { answered: number, unknownIds };
    }
    const answeredAt = performance.now();
    tally.fromIntended.record(answeredAt - Math.min(sentAt, due ?? sentAt));
    tally.fromSend.record(answeredAt - sentAt);
    await count(parts, batch, answer, number);
  }
}

/** `undefined`: given up. */
async function sendUntilAnswered(parts: SenderParts, batch: Batch): Promise<Answer | undefined> {
  const { transport, tally, giveUp } = parts;
  for (let attempt = 0; !giveUp.aborted; attempt++) {
    if (attempt > 0) tally.retries++;
    let pauseMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(attempt, 10));
    try {
      const answer = await transport.send(batch.body, batch.ndjson);
      if (answer.status === 202 || answer.status === 400 || answer.status === 413) return answer;
      if (answer.status < 500 && answer.status !== 429) {
        throw new LoadRefused(`The platform answered ${answer.status}: ${answer.body}`);
      }
      tally.error(`status ${answer.status}`);
      pauseMs = Math.min(retryAfterMsMax, answer.retryAfterMs ?? pauseMs);
    } catch (cause) {
      if (cause instanceof LoadRefused || cause instanceof RangeError) throw cause;
      tally.error(cause instanceof Error ? cause.name : "unknown");
    }
    await sleep(pauseMs, giveUp);
  }
  return undefined;
}

async function count(
  parts: SenderParts,
  batch: Batch,
  answer: Answer,
  number: number,
): Promise<void> {
  const { tally } = parts;
  const rejected = rejectionsOf(answer, batch);
  if (!sameRejections(batch.rejected, rejected)) {
    tally.mismatch(
      `batch ${number} of connection ${parts.connection}: expected ${
        JSON.stringify(batch.rejected)
      }, got ${answer.status} ${answer.body}`,
    );
  }
  for (const { code } of rejected) tally.reject(code);
  tally.batches++;
  tally.accepted += batch.ids.length - rejected.length;
  tally.duplicates += batch.duplicates;
  if (parts.acks === undefined) return;
  const refused = new Set(rejected.map((rejection) => rejection.index));
  const ids = batch.ids.filter((_, index) => !refused.has(index));
  await parts.acks.append({ c: parts.connection, b: number, ids });
}

/** The events an answer refuses. One that refuses the whole request without a list refuses them all. */
function rejectionsOf(answer: Answer, batch: Batch): readonly Rejection[] {
  let body: { code?: string; rejected?: Rejection[] } = {};
  try {
    body = JSON.parse(answer.body);
  } catch {
    // Left empty: the comparison with what was expected tells.
  }
  if (body.rejected !== undefined) return body.rejected.toSorted((a, b) => a.index - b.index);
  if (answer.status === 202) return [];
  return batch.ids.map((_, index) => ({ index, code: body.code ?? `status ${answer.status}` }));
}

function sameRejections(expected: readonly Rejection[], actual: readonly Rejection[]): boolean {
  return expected.length === actual.length &&
    expected.every((e, i) => e.index === actual[i]!.index && e.code === actual[i]!.code);
}

/** Waits `ms`, or until the signal aborts. Less than half a millisecond is not worth a timer. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (!(ms > 0.5) || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
