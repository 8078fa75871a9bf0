/**
 * The exact totals a run must have caused: its streams are generated once more, up to the batch
 * each connection came to, and fed to the reference model.
 *
 * @module
 */
import type { GameFigures, PlayerFigures } from "../verify/figures.ts";
import { type ModelEvent, ReferenceModel } from "../verify/reference_model.ts";
import { type Batch, EventStream } from "./generator/event_stream.ts";
import type { StreamOptions } from "./generator/stream_options.ts";
import type { SenderResult } from "./sender.ts";

/** What `--expect` writes. */
export interface Expectation {
  readonly stream: StreamOptions;
  /** Answered batches by connection. */
  readonly batches: readonly number[];
  /** Events whose outcome is unknown; the totals are exact only when there is none. */
  readonly unknown: number;
  /** Distinct accepted events. */
  readonly events: number;
  /** Answers that refused something else than they should; then the totals do not hold. */
  readonly mismatches: number;
  readonly games: Readonly<Record<string, GameFigures>>;
  readonly players: Readonly<Record<string, PlayerFigures>>;
}

/** The reference model after the first `batches[c]` batches of each connection c. */
export function modelOf(stream: StreamOptions, batches: readonly number[]): ReferenceModel {
  const model = new ReferenceModel();
  for (let connection = 0; connection < stream.connections; connection++) {
    const events = new EventStream(stream, connection);
    const total = Math.ceil(events.shape.events / stream.batch);
    for (let number = 0; number < batches[connection]!; number++) {
      const batch = events.next();
      if (batch === null) break;
      // As planned; the real arrival differs by less than matters to half an hour of silence.
      const received_at = stream.originMs + (stream.seconds * 1000 * number) / total;
      for (const event of acceptedEvents(batch)) model.apply({ ...event, received_at });
    }
  }
  return model;
}

/** The events of a batch that the platform must accept, duplicates among them, in their order. */
export function acceptedEvents(batch: Batch): Omit<ModelEvent, "received_at">[] {
  const refused = new Set(batch.rejected.map((rejection) => rejection.index));
  const texts: (string | undefined)[] = batch.ndjson ? batch.body.split("\n") : [];
  const parsed = batch.ndjson ? [] : JSON.parse(batch.body);
  const events = Array.isArray(parsed) ? parsed : [parsed];
  const accepted = [];
  for (let index = 0; index < batch.ids.length; index++) {
    if (refused.has(index)) continue;
    const event = batch.ndjson ? JSON.parse(texts[index]!) : events[index];
    accepted.push({ ...event, timestamp: Date.parse(event.timestamp) });
  }
  return accepted;
}

/** The expectation of a finished run. */
export function expectationOf(
  stream: StreamOptions,
  senders: readonly SenderResult[],
  mismatches: number,
): Expectation {
  const batches = senders.map((sender) => sender.answered);
  const model = modelOf(stream, batches);
  return {
    stream,
    batches,
    unknown: senders.reduce((sum, sender) => sum + sender.unknownIds.length, 0),
    events: model.eventsTotal(),
    mismatches,
    games: Object.fromEntries(model.gameIds().map((id) => [id, model.game(id)!])),
    players: Object.fromEntries(model.playerIds().map((id) => [id, model.player(id)!])),
  };
}
