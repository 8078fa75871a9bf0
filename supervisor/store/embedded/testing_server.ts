/**
 * A prepared database for a test file: one embedded server, started when first asked for and
 * stopped after the file's last test.
 *
 * @module
 */
import { topicTable } from "../../../schema/topics.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../embedded_postgres.ts";
import { prepareDatabase } from "../migrate.ts";

export interface TestingServer {
  readonly dataDir: string;
  readonly postgres: EmbeddedPostgres;
  readonly url: string;
}

/** Starts an embedded server in a temporary folder and prepares its database. */
export async function startTestingServer(): Promise<TestingServer> {
  const dataDir = await Deno.makeTempDir({ prefix: "gamemetrics-store-" });
  const postgres = await startEmbeddedPostgres({ dataDir });
  await prepareDatabase(postgres.url, topicTable());
  return { dataDir, postgres, url: postgres.url };
}

/** Stops the server and removes its folder. */
export async function stopTestingServer({ postgres, dataDir }: TestingServer): Promise<void> {
  await postgres.stop();
  await Deno.remove(dataDir, { recursive: true });
}
