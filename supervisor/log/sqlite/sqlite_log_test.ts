import { topicTable } from "../../../schema/topics.ts";
import { testLogContract } from "../log_contract.ts";
import { openSqliteLog } from "./sqlite_log.ts";
import { startSqliteLogWriter } from "./writer.ts";

const topics = topicTable();
const DAY_MS = 86_400_000;

testLogContract("SqliteLog", async () => {
  const dir = await Deno.makeTempDir();
  let writer = await startSqliteLogWriter(dir, topics);
  let log = openSqliteLog(writer.connect());
  return {
    log,
    reopen: async () => {
      await log.close();
      await writer.close();
      writer = await startSqliteLogWriter(dir, topics);
      log = openSqliteLog(writer.connect());
      return log;
    },
    expire: async () => {
      writer.setClockOffsetMs(8 * DAY_MS);
      // A mark at 0 moves nothing; answering it looks for segments to drop.
      await log.trim("player.events.raw", 0, 0);
    },
    dispose: async () => {
      await log.close();
      await writer.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
});
