/** The store's tests once more, on the PostgreSQL of `STORE_URL` or `services up`. */
import { testingServiceUrl } from "./sql/testing_database.ts";

const files = ["postgres_store", "event_reader", "migrate", "sql_pool", "sql/rollups"];

for (const file of files) {
  if (testingServiceUrl() !== undefined) await import(`./${file}_test.ts?service`);
  else Deno.test.ignore(`${file} on the PostgreSQL of STORE_URL: none can be had`, () => {});
}
