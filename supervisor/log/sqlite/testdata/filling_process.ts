/**
 * Appends to a folder whose disk will not take it all, until the log says so; then makes room and
 * tries again. Prints a JSON report. Arguments: the folder, a file to remove to make room.
 *
 * @module
 */
import { OutcomeUnknown, Unavailable } from "../../../../schema/errors.ts";
import { topicTable } from "../../../../schema/topics.ts";
import { openSqliteLog } from "../sqlite_log.ts";
import { startSqliteLogWriter } from "../writer.ts";

const [dir, ballast] = Deno.args as [string, string];
const writer = await startSqliteLogWriter(dir, topicTable());
const log = openSqliteLog(writer.connect());
const value = JSON.stringify("x".repeat(20_000));

async function append(): Promise<string> {
  try {
    await log.append("player.events.raw", [{ partition: 0, key: "s/u", value }]);
    return "durable";
  } catch (error) {
    if (error instanceof Unavailable) return "unavailable";
    if (error instanceof OutcomeUnknown) return "unknown";
    throw error;
  }
}

let durable = 0;
let outcome = await append();
for (; outcome === "durable" && durable < 10_000; durable++) outcome = await append();
const exit = outcome === "unknown" ? (await writer.exited).type : "running";
Deno.removeSync(ballast);
const after = await append();
const { end } = (await log.ends("player.events.raw"))[0]!;
await log.close();
await writer.close();
const report = JSON.stringify({ durable, outcome, exit, after, end });
Deno.stdout.writeSync(new TextEncoder().encode(`${report}\n`));
