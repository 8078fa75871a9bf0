/**
 * The guard's thread. What throws here and is no answer to a command ends it, and with it all of its
 * connections; the side that started it sees that.
 *
 * @module
 */
import { Guard } from "./guard.ts";
import type { GuardCommand, GuardReport, GuardSetup } from "./guard_thread.ts";
import { PeerTable } from "./peer_table.ts";
import { SharedCounts } from "./shared_counts.ts";

/** What this file needs of a worker's global scope. */
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<{ id: number; command: GuardCommand }>) => void;
  postMessage(report: GuardReport): void;
};

let guard: Guard | undefined;

function open({ options, peers, counts }: GuardSetup): void {
  guard = new Guard({
    ...options,
    peers: new PeerTable(peers),
    counts: new SharedCounts(counts),
  });
}

/** @returns where it listens, if it was told to */
async function obey(guard: Guard, command: GuardCommand): Promise<number | undefined> {
  switch (command.type) {
    case "listen":
      return guard.listen(command.hostname, command.port, command.backendPort).port;
    case "drain":
      guard.drain();
      break;
    case "finish":
      await guard.finish();
      break;
    case "close":
      guard.close();
      break;
  }
  // A read or accept under way lets go of its descriptor in the next turn of the loop.
  await new Promise((resolve) => setTimeout(resolve));
  return undefined;
}

scope.onmessage = ({ data: { id, command } }) => {
  if (command.type === "open") return open(command.setup);
  if (guard === undefined) throw new Error(`Cannot ${command.type}: the guard is not open`);
  obey(guard, command).then(
    (port) => scope.postMessage({ id, port }),
    ({ name, message }: Error) => scope.postMessage({ id, error: { name, message } }),
  );
};
