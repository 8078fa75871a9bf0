/**
 * What accepting an event costs between gateway and log: one iteration is one event. Run it with
 * `OTEL_DENO=true OTEL_TRACES_SAMPLER=parentbased_always_off` as well: what nobody traces must cost
 * the same.
 *
 * @module
 */
import { topicTable } from "../../schema/topics.ts";
import { LocalPlatform, type LocalPlatformOptions } from "../../supervisor/local_platform.ts";

const unused = () => {
  throw new Error("accepting an event needs the log alone");
};
const log = { append: () => Promise.resolve() } as unknown as ReturnType<
  LocalPlatformOptions["log"]
>;
const platform = new LocalPlatform({
  log: () => log,
  topics: topicTable(),
  events: unused,
  health: unused,
} as unknown as LocalPlatformOptions);
const events = [{
  studio: "demo",
  user_id: "u-17",
  game_id: "g",
  event_id: "0190a3c2-7c1e-7000-8000-000000000000",
  event_type: "level.complete",
  timestamp: 1,
  properties: { level: 3, score: 1200 },
  context: { platform: "ios" },
}];

Deno.bench("LocalPlatform.accept(): one event that nobody traces", async () => {
  await platform.accept(events);
});
