/**
 * How fast the rollups count: `deno run -A bench/micro/rollups.ts [rows]`, on the PostgreSQL of
 * `STORE_URL` or `services up`, in a database of its own.
 *
 * @module
 */
import postgres from "postgres";
import { MetricsAccumulator } from "../../supervisor/observability/metrics_sink.ts";
import { Rollups } from "../../supervisor/store/sql/rollups.ts";
import {
  startTestingDatabase,
  testingServiceUrl,
} from "../../supervisor/store/sql/testing_database.ts";
import { print } from "../cli/print.ts";

const partitions = 12;
const rows = Math.ceil(Number(Deno.args[0] ?? 300_000) / partitions) * partitions;
const query = testingServiceUrl() === undefined ? "" : "?service";
const server = await startTestingDatabase(import.meta.url + query);
const sql = postgres(server.url, { max: 1, onnotice() {} });
const rollups = new Rollups({ url: server.url, sink: new MetricsAccumulator() });
try {
  const [{ version }] = await sql<
    [{ version: string }]
  >`select current_setting('server_version') as version`;
  const each = rows / partitions;
  await sql`
    insert into player_events
    select p, i, now() + (i * 5 + p) * interval '1 ms', i % 1000, 'demo', 'u' || i % 1000,
      'g' || i % 4, 'e' || i, case when i % 20 = 0 then 'purchase' else 'level.start' end, null,
      now(), json_build_object('amount', i % 100, 'currency', 'USD', 'note', repeat('x', 60)),
      '{"platform":"ios"}', false
    from generate_series(0, ${partitions - 1}::int) p, generate_series(0, ${each - 1}::int) i`;
  await sql`
    insert into shard (stage, partition, epoch, next_offset)
    select 'player', p, 1, ${each}::int from generate_series(0, ${partitions - 1}::int) p`;
  for (const what of ["all", "nothing new"]) {
    const begin = performance.now();
    const counted = await rollups.advance(new AbortController().signal);
    const ms = performance.now() - begin;
    print(`PostgreSQL ${version}: ${what}: ${counted} rows in ${ms.toFixed(1)} ms`);
  }
} finally {
  await rollups.close();
  await sql.end();
  await server.close();
}
