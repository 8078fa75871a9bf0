import { PostgresStore } from "../../store/postgres_store.ts";
import {
  startTestingServer,
  stopTestingServer,
  type TestingServer,
} from "../../store/embedded/testing_server.ts";
import { membershipContract } from "./membership_contract.ts";
import { PostgresMembership } from "./postgres_membership.ts";

let server: TestingServer;
let store: PostgresStore;
let membership: PostgresMembership;

Deno.test.beforeAll(async () => {
  server = await startTestingServer();
  store = new PostgresStore({ url: server.url });
  membership = new PostgresMembership(server.url);
});

Deno.test.afterAll(async () => {
  await membership.close();
  await store.close();
  await stopTestingServer(server);
});

const pass = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

membershipContract("PostgresMembership", 700, () => ({ store, membership, pass }));
