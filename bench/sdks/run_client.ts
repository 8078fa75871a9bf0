/**
 * Runs one SDK as a process of its own: `run_client.ts NAME URL KEY USER`. SDKs keep timers, sockets
 * and globals, which end with the process.
 *
 * @module
 */
import { clients } from "./clients.ts";
import { gameAnalytics } from "./game_analytics_client.ts";

if (import.meta.main) {
  const [name = "", url = "", key = "", user = ""] = Deno.args;
  const client = name === "gameanalytics" ? gameAnalytics : clients[name];
  if (client === undefined) throw new RangeError(`Cannot run the SDK '${name}': there is none`);
  await client(url, key, user);
  Deno.exit(0);
}
