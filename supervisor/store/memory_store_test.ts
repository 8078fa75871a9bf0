import { aliasContract } from "./contract/alias_contract.ts";
import { MemoryStore } from "./memory_store.ts";
import { storeContract } from "./store_contract.ts";

storeContract("MemoryStore", () => new MemoryStore());

aliasContract("MemoryStore", () => new MemoryStore(), (store, studio) => {
  const rows = (store as MemoryStore).aliases().filter((row) => row.studio === studio);
  return Promise.resolve(rows.sort((a, b) => a.aliasId < b.aliasId ? -1 : 1));
});
