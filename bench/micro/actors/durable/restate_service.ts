/**
 * The counter as a virtual object of Restate, a process of its own:
 * `deno run -A restate_service.ts PORT`.
 *
 * @module
 */
import * as restate from "@restatedev/restate-sdk";

const counter = restate.object({
  name: "counter",
  handlers: {
    async add(ctx: restate.ObjectContext): Promise<number> {
      const n = (await ctx.get<number>("n") ?? 0) + 1;
      ctx.set("n", n);
      return n;
    },
    read: restate.handlers.object.shared(
      async (ctx: restate.ObjectSharedContext) => await ctx.get<number>("n") ?? 0,
    ),
  },
});

await restate.serve({ services: [counter], port: Number(Deno.args[0]) });
