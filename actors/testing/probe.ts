/**
 * An actor under test, with time of its own: messages are sent to it by hand, its durable timers come
 * due as time passes, and its effects are kept.
 *
 * @module
 */
import { internalType } from "../../schema/event.ts";
import { fingerprintHex } from "../../schema/hash.ts";
import type { Behaviour, DeltaEffect, Effect, Part } from "../kernel/behaviour.ts";

export interface ProbeOptions<Message> {
  /** `studio/name`. @default "demo/ann" */
  readonly actorId?: string;
  /** When the first message arrives, milliseconds since the Unix epoch. @default 2026-01-10T12:00Z */
  readonly now?: number;
  /** @default 3 */
  readonly partition?: number;
  /** The message that a timer becomes. @default the `$timer` event that the shard makes of it */
  readonly timer?: (name: string, dueAt: number) => Message;
}

/** What is compared and hashed of a state: every part by name, so that their order says nothing. */
export function textOf(parts: readonly Part[]): string {
  return parts.map(({ part, body }) => `${part}=${body}`).sort().join("\n");
}

export class Probe<State, Message, Query, Answer> {
  readonly actorId: string;
  readonly partition: number;
  /** The arrival time of the next message, milliseconds since the Unix epoch. */
  now: number;
  /** Of the last message; −1 before the first. */
  offset = -1;
  state: State;
  /** All effects so far. */
  readonly effects: Effect[] = [];
  /** Armed timers: name → due time, milliseconds. */
  readonly timers = new Map<string, number>();
  /** Whom it watches: `kind/id` → offset of the message at which it began. */
  readonly watches = new Map<string, number>();
  /** The newest of every part written by {@link snapshot}: what the store would hold. */
  readonly #stored = new Map<string, Part>();
  readonly #timer: (name: string, dueAt: number) => Message;

  constructor(
    readonly behaviour: Behaviour<State, Message, Query, Answer>,
    options: ProbeOptions<Message> = {},
  ) {
    this.actorId = options.actorId ?? "demo/ann";
    this.partition = options.partition ?? 3;
    this.now = options.now ?? Date.UTC(2026, 0, 10, 12);
    this.#timer = options.timer ?? ((name, dueAt) => this.#timerEvent(name, dueAt) as Message);
    this.state = behaviour.create(this.actorId);
  }

  #timerEvent(name: string, dueAt: number): unknown {
    const properties = { name, due_at: dueAt };
    return this.#internal(internalType.timer, `${name}@${dueAt}`, dueAt, properties);
  }

  #internal(event_type: string, event_id: string, timestamp: number, properties: object): unknown {
    const [studio, user_id] = this.actorId.split("/");
    return {
      studio,
      user_id,
      game_id: "",
      event_id,
      event_type,
      timestamp,
      properties,
      context: {},
    };
  }

  /** Sends a message that arrives now; its effects, `undefined` when it changed nothing. */
  send(message: Message): Effect[] | undefined {
    const ctx = {
      actorId: this.actorId,
      now: this.now,
      partition: this.partition,
      offset: ++this.offset,
    };
    const effects = this.behaviour.receive(this.state, message, ctx);
    for (const effect of effects ?? []) {
      this.effects.push(effect);
      if (effect.type === "timer") {
        if (effect.dueAt === null) this.timers.delete(effect.name);
        else this.timers.set(effect.name, effect.dueAt);
      } else if (effect.type === "watch" || effect.type === "unwatch") {
        const name = `${effect.kind}/${effect.actorId}`;
        if (effect.type === "unwatch") this.watches.delete(name);
        else if (!this.watches.has(name)) this.watches.set(name, this.offset);
      }
    }
    return effects;
  }

  /** Tells it that an actor stands still, if it watches that one; its effects. */
  down(kind: string, actorId: string, reason = "it throws"): Effect[] | undefined {
    const name = `${kind}/${actorId}`;
    const offset = this.watches.get(name);
    if (offset === undefined) return undefined;
    this.watches.delete(name);
    const since = this.now;
    const properties = { kind, actor_id: actorId, reason, since };
    return this.send(
      this.#internal(internalType.down, `${name}@${offset}`, since, properties) as Message,
    );
  }

  /**
   * Lets time pass. Timers fire when they come due, the earliest first; as in the shard one stays
   * armed until the actor cancels it or arms it anew.
   *
   * @returns the effects of the timers
   */
  advance(ms: number): Effect[] {
    const end = this.now + ms;
    const before = this.effects.length;
    const fired = new Set<string>();
    for (;;) {
      const due = [...this.timers].filter(([name, dueAt]) =>
        dueAt <= end && !fired.has(`${name}\n${dueAt}`)
      ).sort((a, b) => a[1] - b[1])[0];
      if (due === undefined) break;
      const [name, dueAt] = due;
      fired.add(`${name}\n${dueAt}`);
      this.now = Math.max(this.now, dueAt);
      this.send(this.#timer(name, dueAt));
    }
    this.now = end;
    return this.effects.slice(before);
  }

  /** Asks the actor, at `now` unless told otherwise. */
  ask(query: Query, now: number = this.now): Answer {
    const version = `${this.partition}:${this.offset}`;
    return this.behaviour.ask(this.state, query, { actorId: this.actorId, now, version });
  }

  /** Writes the parts that a commit would, and keeps them as the store would. */
  snapshot(): Part[] {
    const parts = this.behaviour.snapshot(this.state);
    for (const part of parts) this.#stored.set(part.part, part);
    return parts;
  }

  /** Passivates the actor and goes on with what is restored from its snapshots. */
  restore(): void {
    this.snapshot();
    this.state = this.#stored.size === 0
      ? this.behaviour.create(this.actorId)
      : this.behaviour.restore(this.actorId, [...this.#stored.values()]);
  }

  /** The whole state as text; equal states of a good behaviour give equal text. */
  get text(): string {
    return textOf(this.behaviour.describe(this.state));
  }

  get hash(): string {
    return fingerprintHex(this.text);
  }

  /** What a metric of a game adds up to so far: its total, or what counts on `day`. */
  sum(metric: string, day?: number, game = "demo/g"): number {
    return this.effects.filter((effect): effect is DeltaEffect => effect.type === "delta")
      .filter((delta) => delta.game === game && delta.metric === metric && isOn(delta, day))
      .reduce((sum, { by }) => sum + by, 0);
  }
}

function isOn({ day: first, through }: DeltaEffect, day: number | undefined): boolean {
  if (first === undefined || day === undefined) return first === day;
  return day >= first && day <= (through ?? first);
}
