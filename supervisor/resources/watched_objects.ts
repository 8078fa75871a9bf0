/**
 * Objects on a server, looked at now and then, so that health can tell whether they are there.
 *
 * @module
 */
import type { Objects } from "../objects/objects.ts";
import type { Clock } from "../shard/clock.ts";
import type { Resource } from "./resource_part.ts";

export interface WatchedObjects extends Resource {
  readonly objects: Objects;
}

const lookMs = 15_000;

/**
 * @param end lets go of the server
 * @param everyMs how often to look, milliseconds. @default 15,000
 */
export function watchedObjects(
  objects: Objects,
  clock: Clock,
  end: () => void,
  everyMs = lookMs,
): WatchedObjects {
  const stop = new AbortController();
  let fault: string | undefined = "not looked at yet";
  const watching = (async () => {
    while (!stop.signal.aborted) {
      fault = await objects.list("", 1)
        .then(() => undefined, (error) => error instanceof Error ? error.message : String(error));
      await clock.sleep(everyMs, stop.signal);
    }
  })();
  return {
    objects,
    fault: () => fault,
    close: async () => {
      stop.abort();
      // A look under way ends by its own deadline; nobody needs its answer.
      await Promise.race([watching, clock.sleep(1_000)]);
      end();
    },
  };
}
