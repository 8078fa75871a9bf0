/**
 * Drill 14: every event sent three times, half of the batches at once on three connections. Each
 * copy is answered 202, and each event counts once.
 *
 * @module
 */
import { join } from "node:path";
import { AckFile } from "../load/client/ack_file.ts";
import { HttpConnection } from "../load/client/http_connection.ts";
import { expectationOf } from "../load/expectation.ts";
import { type Batch, EventStream } from "../load/generator/event_stream.ts";
import { seedText } from "../load/generator/population.ts";
import type { StreamOptions } from "../load/generator/stream_options.ts";
import type { OwnContext, OwnDrill } from "./drill_types.ts";
import { Findings } from "./findings.ts";
import { drillStream, verify } from "./platform/load.ts";
import { Site } from "./platform/site.ts";

const copies = 3;
const forgetfulPlayer = new URL("./fixtures/forgetful_player.ts", import.meta.url);

/** What the answers were, over all connections. */
interface Answers {
  accepted: number;
  other: number;
  atOnce: number;
}

/** One sender: the batches of one stream, each three times. @returns how many batches */
async function sendThrice(
  site: Site,
  stream: StreamOptions,
  number: number,
  acks: AckFile,
  answers: Answers,
): Promise<number> {
  const events = new EventStream(stream, number);
  const connections = Array.from({ length: copies }, () => new HttpConnection(site.target));
  const send = async (connection: HttpConnection, { body, ids }: Batch) => {
    const { status, body: answer } = await connection.send(body);
    const isWhole = status === 202 && JSON.parse(answer).accepted === ids.length;
    answers[isWhole ? "accepted" : "other"] += ids.length;
  };
  let batches = 0;
  for (let batch = events.next(); batch !== null; batch = events.next()) {
    const sent = batch;
    if (batches % 2 === 0) {
      answers.atOnce += sent.ids.length;
      await Promise.all(connections.map((connection) => send(connection, sent)));
    } else {
      for (const connection of connections) await send(connection, sent);
    }
    await acks.append({ c: number, b: batches++, ids: sent.ids });
  }
  for (const connection of connections) connection.close();
  return batches;
}

async function run(ctx: OwnContext) {
  const findings = new Findings();
  const events = ctx.quick ? 10_000 : 50_000;
  const stream: StreamOptions = {
    ...drillStream({ seed: ctx.seed, events, seconds: 0, dir: ctx.dir }),
    duplicates: 0,
    malformed: 0,
  };
  const site = new Site(`${ctx.dir}/site`);
  const files = { acks: join(ctx.dir, "acks.jsonl"), expect: join(ctx.dir, "expect.json") };
  const answers: Answers = { accepted: 0, other: 0, atOnce: 0 };
  try {
    const platform = site.start(
      ctx.mutation === "no-dedupe" ? { playerStage: forgetfulPlayer } : {},
    );
    const info = await platform.ready();
    const acks = new AckFile(files.acks, { seed: ctx.seed, id_prefix: seedText(ctx.seed) });
    const startedAt = performance.now();
    const batches = await Promise.all(
      Array.from(
        { length: stream.connections },
        (_, number) => sendThrice(site, stream, number, acks, answers),
      ),
    );
    findings.count("sending_ms", performance.now() - startedAt);
    await acks.close();
    const senders = batches.map((answered) => ({ answered, unknownIds: [] }));
    await Deno.writeTextFile(files.expect, JSON.stringify(expectationOf(stream, senders, 0)));
    findings.count("events", events);
    findings.count("sent_at_once", answers.atOnce);
    findings.count("answered_202", answers.accepted);
    findings.require(answers.other === 0, `each copy answered 202: ${answers.other} are not`);
    const sent = events * copies;
    findings.require(answers.accepted === sent, `${sent} copies accepted: ${answers.accepted}`);
    const half = Math.abs(answers.atOnce / events - 0.5) < 0.05;
    findings.require(half, `half of them at once: ${answers.atOnce} of ${events}`);
    await verify(ctx, site, findings, { storeUrl: info.store_url, ...files });
    const counted = findings.result().counts["events_in_sql"];
    findings.require(counted === events, `${events} events counted: ${counted}`);
    return findings.result();
  } finally {
    await site.clear();
  }
}

export const tripleSend: OwnDrill = {
  id: "14",
  name: "triple-send",
  mutations: { "no-dedupe": /in SQL twice: \d+ of/ },
  run,
};
