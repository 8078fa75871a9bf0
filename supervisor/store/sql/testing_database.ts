/**
 * Databases for a test file, on the embedded PostgreSQL or on the server that `STORE_URL` names. A
 * file of tests runs on the second when it is imported as `./x_test.ts?service`: to Deno that is
 * another module, with tests of its own.
 *
 * @module
 */
import postgres from "postgres";
import { topicTable } from "../../../schema/topics.ts";
import { serviceUrl } from "../../testing/services.ts";
import { startTestingServer, stopTestingServer } from "../embedded/testing_server.ts";
import { prepareDatabase } from "../migrate.ts";

export interface TestingDatabase {
  /** Of a database of its own, prepared. */
  readonly url: string;
  /** Another one, empty. */
  readonly newDatabase: () => Promise<string>;
  /** Drops every database that was made, and stops the server if it was started for this. */
  readonly close: () => Promise<void>;
}

/** Where tests may make databases; `undefined` when no server can be had. */
export function testingServiceUrl(): string | undefined {
  return serviceUrl("STORE_ADMIN_URL") ?? serviceUrl("STORE_URL");
}

/** @param module `import.meta.url` of the test file */
export async function startTestingDatabase(module: string): Promise<TestingDatabase> {
  const isService = new URL(module).search === "?service";
  const embedded = isService ? undefined : await startTestingServer();
  const rootUrl = embedded?.url ?? testingServiceUrl()!;
  const made: string[] = [];
  const asRoot = async (statement: string) => {
    const root = postgres(rootUrl, { max: 1, onnotice() {} });
    await root.unsafe(statement).finally(() => root.end());
  };
  const newDatabase = async () => {
    const name = `gm_test_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
    await asRoot(`create database ${name}`);
    made.push(name);
    const url = new URL(rootUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  const url = await newDatabase();
  await prepareDatabase(url, topicTable());
  return {
    url,
    newDatabase,
    async close() {
      if (embedded !== undefined) return await stopTestingServer(embedded);
      for (const name of made) await asRoot(`drop database if exists ${name} with (force)`);
    },
  };
}
