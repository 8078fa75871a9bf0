/**
 * Drill 23: malformed HTTP, at the guard and at haproxy. Each is answered with 4xx or closed, never
 * with 5xx or as if it were two requests, and honest clients go on.
 *
 * @module
 */
import { Random } from "../../load/generator/random.ts";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { type Malformed, malformedRequests, mutant } from "./malformed_requests.ts";
import { canShape, connect, post, type Shape, startShape } from "./shapes.ts";

/** How long what is malformed may stay without an answer: what might become whole has its time. */
const closeMsMax = 15_000;
/** Whether there comes a second answer, to what was smuggled in, shows soon after the first. */
const secondMs = 150;
/** How long a mutant is waited for. */
const mutantMs = 150;
const mutantsAtOnce = 16;

interface Reply {
  /** Of all answers, in their order. */
  readonly statuses: readonly number[];
  /** Without any answer. */
  readonly isClosed: boolean;
  /** Bytes of the request that went out. */
  readonly written: number;
}

/** Writes text as bytes, and reads what comes back until the other end closes or time is up. */
async function exchange(shape: Shape, text: string, ms: number): Promise<Reply> {
  const conn = await connect(shape);
  const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
  let written = 0;
  const writing = (async () => {
    while (written < bytes.length) written += await conn.write(bytes.subarray(written));
  })().catch(() => {});
  let isLate = false;
  const close = () => {
    try {
      conn.close();
    } catch {
      // Closed already.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    close();
  }, ms);
  let answer = "";
  const buffer = new Uint8Array(16_384);
  const decoder = new TextDecoder("latin1");
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      if (answer === "") setTimeout(close, secondMs);
      answer += decoder.decode(buffer.subarray(0, n));
    }
  } catch {
    // Reset, or closed by us.
  }
  clearTimeout(timer);
  close();
  await writing;
  const statuses = [...answer.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, status]) =>
    Number(status)
  );
  return { statuses, isClosed: !isLate && answer === "", written };
}

class MalformedHttp {
  readonly found = new Findings();
  #attacks = 0;
  #refused = 0;
  #mutants = 0;
  #mutantsRefused = 0;

  constructor(readonly ctx: OwnContext) {}

  async attack(shape: Shape, { name, text, mendable = false }: Malformed): Promise<void> {
    const { statuses, isClosed, written } = await exchange(shape, text, closeMsMax);
    const seen = `${shape.name}: ${name}: ${statuses.join(", ") || "no answer"}${
      isClosed ? ", closed" : ""
    }`;
    this.#attacks++;
    this.found.require(written > 0, `${seen}: nothing of it was sent`);
    this.found.require(statuses.every((status) => status < 500), `${seen}: never 5xx`);
    const isMended = mendable && shape.name === "haproxy";
    if (!isMended) {
      const isRefused = isClosed ||
        statuses.length > 0 && statuses.every((status) => status >= 400);
      this.found.require(isRefused, `${seen}: 4xx or closed, within ${closeMsMax} ms`);
      if (isRefused) this.#refused++;
    }
    // One request may have one answer: another would be to what was smuggled in.
    this.found.require(statuses.length <= 1, `${seen}: one answer at most`);
    const isAlive = await post(shape, `after-${this.#attacks}`);
    this.found.require(isAlive, `${seen}: an honest client was refused afterwards`);
  }

  /** Damaged requests, many at once. */
  async mutants(shape: Shape, count: number): Promise<void> {
    const random = new Random(this.ctx.seed, shape.name === "guard" ? 1 : 2);
    let left = count;
    const one = async () => {
      while (left-- > 0) {
        const text = mutant(random, shape.site.key);
        const { statuses, isClosed } = await exchange(shape, text, mutantMs);
        this.#mutants++;
        if (isClosed || statuses.some((status) => status >= 400)) this.#mutantsRefused++;
        const bad = statuses.find((status) => status >= 500);
        this.found.require(bad === undefined, `${shape.name}: ${bad} to ${JSON.stringify(text)}`);
      }
    };
    await Promise.all(Array.from({ length: mutantsAtOnce }, one));
    this.found.require(await post(shape, "last"), `${shape.name}: alive after the mutants`);
  }

  async run(): Promise<DrillResult> {
    const { ctx, found } = this;
    for (const name of ["guard", "haproxy"] as const) {
      if (!await canShape(name)) {
        found.remark(`not tried: ${name} is not on this machine`);
        continue;
      }
      ctx.print(name);
      const isOpen = ctx.mutation === "no-guard" && name === "guard";
      const shape = await startShape(ctx, name, isOpen ? { env: { GUARD: "off" } } : {});
      try {
        for (const request of malformedRequests(shape.site.key)) await this.attack(shape, request);
        await this.mutants(shape, ctx.quick ? 400 : 10_000);
        found.require(shape.platform.isRunning, `${name}: the platform runs on`);
      } finally {
        await shape.end();
      }
      // The mutation has shown what it had to.
      if (ctx.mutation !== undefined) break;
    }
    found.count("attacks", this.#attacks);
    found.count("refused", this.#refused);
    found.count("mutants", this.#mutants);
    found.count("mutants_refused", this.#mutantsRefused);
    found.require(this.#attacks >= 40, `at least 40 attacks: ${this.#attacks}`);
    found.require(this.#mutantsRefused * 5 > this.#mutants, "a fifth of the mutants is refused");
    return found.result();
  }
}

export const malformedHttp: OwnDrill = {
  id: "23",
  name: "malformed-http",
  mutations: { "no-guard": /Host is missing: 200/ },
  run: (ctx) => new MalformedHttp(ctx).run(),
};
