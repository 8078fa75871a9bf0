import { MemoryStore } from "../../store/memory_store.ts";
import { membershipContract } from "./membership_contract.ts";
import { MemoryMembership } from "./memory_membership.ts";

membershipContract("MemoryMembership", 0, () => {
  let now = 1000;
  const store = new MemoryStore(() => now);
  const pass = (ms: number) => Promise.resolve(void (now += ms));
  return { store, membership: new MemoryMembership(store), pass };
});
