/**
 * Appends until it is killed, and prints each append once it is durable. Arguments: the folder, a
 * name for this run, bytes of a segment.
 *
 * @module
 */
import { topicTable } from "../../../../schema/topics.ts";
import { openSqliteLog } from "../sqlite_log.ts";
import { startSqliteLogWriter } from "../writer.ts";

const [dir, run, segmentBytesMax] = Deno.args as [string, string, string];
const writer = await startSqliteLogWriter(dir, topicTable(), {
  segmentBytesMax: Number(segmentBytesMax),
});
const log = openSqliteLog(writer.connect());
const encoder = new TextEncoder();
const padding = "x".repeat(200);

async function appendOn(caller: number): Promise<void> {
  for (let n = 0;; n++) {
    const id = `${run}-${caller}-${n}`;
    const records = [0, 1, 2].map((part) => ({
      partition: (caller + part) % 12,
      key: `s/u-${caller}`,
      value: JSON.stringify({ id, part, padding }),
    }));
    await log.append("player.events.raw", records);
    Deno.stdout.writeSync(encoder.encode(`${id}\n`));
  }
}

await Promise.all(Array.from({ length: 8 }, (_, caller) => appendOn(caller)));
