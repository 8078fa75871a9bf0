/**
 * What every {@link Store} must do. Each adapter runs it in its own test file.
 *
 * @module
 */
import { commitTests } from "./contract/commit_tests.ts";
import { freshPartition } from "./contract/fixtures.ts";
import { loadTests } from "./contract/load_tests.ts";
import { markTests } from "./contract/mark_tests.ts";
import type { Store } from "./store.ts";

/** Runs the contract on the store that `open` gives; one store may serve all tests. */
export function storeContract(name: string, open: () => Store | Promise<Store>): void {
  for (const [title, test] of Object.entries({ ...commitTests, ...loadTests, ...markTests })) {
    Deno.test(`${name} ${title}`, async () => await test(await open(), freshPartition()));
  }
}
