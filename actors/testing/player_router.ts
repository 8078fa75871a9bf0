/**
 * Players and the log between them, in memory: what they write to each other waits in a queue for each
 * pair, as records of a shard do, and is delivered when the test says so. What they tell their games is
 * added up.
 *
 * @module
 */
import { internalType, isInternal, type PlayerEvent } from "../../schema/event.ts";
import type { PlayerProfile } from "../../schema/queries/player_queries.ts";
import type { Effect, SendEffect } from "../kernel/behaviour.ts";
import { DeltaFold } from "../game/game_deltas.ts";
import { game as gameBehaviour } from "../game/game.ts";
import { type GameState, newGame } from "../game/game_state.ts";
import { player } from "../player/player.ts";
import { orderTimer } from "../player/merge/line.ts";
import { giveBack } from "../player/merge/give_back.ts";
import { decodePlayer, encodePlayer, type PlayerState } from "../player/player_state.ts";
import { sessionTimer } from "../player/sessions.ts";
import { noon, timerEvent } from "./player_harness.ts";

/** An event that changed a player, as his journal has it. */
export interface Applied {
  readonly event: PlayerEvent;
  readonly at: number;
}

export class PlayerRouter {
  now: number = noon;
  readonly players = new Map<string, PlayerState>();
  readonly games = new Map<string, GameState>();
  /** `from\nto` → what waits there, in order. */
  readonly queues = new Map<string, PlayerEvent[]>();
  /** Events of clients that counted, in the order of their arrival. */
  readonly applied: Applied[] = [];
  /** Who is who, as the store has it. */
  readonly aliases = new Map<string, string>();
  readonly refused: string[] = [];
  readonly halted = new Set<string>();
  /** What came for those who stood still and was not given back. */
  readonly parked: PlayerEvent[] = [];
  /** Messages delivered between players. */
  delivered = 0;
  #ids = 0;

  state(id: string): PlayerState {
    let state = this.players.get(id);
    if (state === undefined) this.players.set(id, state = player.create(`demo/${id}`));
    return state;
  }

  profile(id: string): PlayerProfile {
    const ctx = { actorId: `demo/${id}`, now: this.now, version: "0:0" };
    return player.ask(this.state(id), { type: "profile" }, ctx);
  }

  /** A client's event arrives now. @returns whether it counted */
  event(fields: Partial<PlayerEvent> & Pick<PlayerEvent, "user_id">): boolean {
    const event: PlayerEvent = {
      studio: "demo",
      event_id: `e${++this.#ids}`,
      event_type: "level.start",
      game_id: "g",
      session_id: "s",
      timestamp: this.now,
      properties: {},
      context: {},
      ...fields,
    };
    const counted = this.receive(event);
    if (counted) this.applied.push({ event, at: this.now });
    return counted;
  }

  /** `user` says that he was `alias`. */
  link(user_id: string, alias: string): void {
    this.event({ user_id, event_type: "alias", properties: { previous_id: alias } });
  }

  unlink(user_id: string, alias: string): void {
    this.receive({
      studio: "demo",
      user_id,
      game_id: "",
      event_id: `undo-${++this.#ids}`,
      event_type: internalType.unmerge,
      timestamp: this.now,
      properties: { alias },
      context: {},
    });
  }

  /** Runs an event through its player. @returns false when it changed nothing */
  receive(event: PlayerEvent): boolean {
    const id = event.user_id;
    if (this.halted.has(id)) {
      const back = giveBack(event, "halted");
      if (back === undefined) this.parked.push(event);
      this.#take(id, back ?? []);
      return false;
    }
    const ctx = { actorId: `demo/${id}`, now: this.now, partition: 0, offset: ++this.#ids };
    const text = JSON.stringify(event);
    const effects = player.receive(this.state(id), JSON.parse(text), ctx);
    if (effects !== undefined) this.#take(id, effects);
    return effects !== undefined;
  }

  #take(from: string, effects: readonly Effect[]): void {
    const fold = new DeltaFold();
    for (const effect of effects) {
      if (effect.type === "delta") fold.addDelta(effect);
      else if (effect.type === "score") fold.addScore(effect);
      else if (effect.type === "unscore") fold.addUnscore(effect);
      else if (effect.type === "send") this.#send(from, effect);
      else if (effect.type === "refusal") this.refused.push(effect.code);
      else if (effect.type === "alias") {
        if (effect.userId === null) this.aliases.delete(effect.aliasId);
        else this.aliases.set(effect.aliasId, effect.userId);
      }
    }
    for (const [id, delta] of Object.entries(fold.byPartition(() => 0).get(0) ?? {})) {
      let state = this.games.get(id);
      if (state === undefined) this.games.set(id, state = newGame());
      const ctx = { actorId: id, now: this.now, partition: 0, offset: 0 };
      gameBehaviour.receive(state, JSON.parse(JSON.stringify({ at: this.now, delta })), ctx);
    }
  }

  #send(from: string, { to, eventType, properties }: SendEffect): void {
    const user_id = to.slice(to.indexOf("/") + 1);
    const key = `${from}\n${user_id}`;
    const queue = this.queues.get(key) ?? [];
    this.queues.set(key, queue);
    queue.push({
      studio: "demo",
      user_id,
      game_id: "",
      event_id: `internal-${++this.#ids}`,
      event_type: eventType,
      timestamp: this.now,
      properties: JSON.parse(JSON.stringify(properties)),
      context: {},
    });
  }

  /** Pairs with something on its way. */
  waiting(): string[] {
    return [...this.queues].filter(([, queue]) => queue.length > 0).map(([key]) => key);
  }

  /** Delivers the next message of the `choice`th pair. @returns false when there is none at all */
  deliver(choice = 0): boolean {
    const keys = this.waiting();
    if (keys.length === 0) return false;
    const queue = this.queues.get(keys[choice % keys.length]!)!;
    this.delivered++;
    this.receive(queue.shift()!);
    return true;
  }

  /** Delivers all that is on its way, and what comes of it. @param most messages that may take */
  settle(most = 10_000): void {
    for (let i = 0; this.deliver(i * 7); i++) {
      if (i >= most) throw new Error(`There is no end of messages after ${most}`);
    }
  }

  /** Lets time pass; timers fire when they are due, one after the other. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.players].flatMap(([user_id, { timerDueAt, merge }]) => [
        { user_id, name: sessionTimer, dueAt: timerDueAt ?? Infinity },
        { user_id, name: orderTimer, dueAt: merge?.waitsUntil ?? Infinity },
      ]).sort((a, b) => a.dueAt - b.dueAt)[0];
      if (due === undefined || due.dueAt > end) break;
      const { user_id, name, dueAt } = due;
      this.now = Math.max(this.now, dueAt);
      this.receive({ ...timerEvent(dueAt), user_id, properties: { name, due_at: dueAt } });
    }
    this.now = end;
  }

  /** Lets a player go on, and sends him again what was parked: twice, as an operator may. */
  restart(id: string): void {
    if (!this.halted.delete(id)) return;
    const mine = this.parked.filter(({ user_id }) => user_id === id);
    this.parked.splice(0, Infinity, ...this.parked.filter(({ user_id }) => user_id !== id));
    for (const event of [...mine, ...mine]) {
      const isOurs = isInternal(event);
      this.pass(1);
      const counted = this.receive({ ...event, context: isOurs ? { replayed: true } : {} });
      if (counted && !isOurs) this.applied.push({ event, at: this.now });
    }
  }

  /** Passivates a player and goes on with what is restored. */
  passivate(id: string): void {
    this.players.set(id, decodePlayer(encodePlayer(this.state(id))));
  }

  /** The sum of all that was told of a game's day. */
  day(game: string, day: number): Readonly<Record<string, number>> {
    return this.games.get(`demo/${game}`)?.days.get(day) ?? {};
  }

  /** A game's leaderboard, best first. */
  board(game: string, board = "score"): [string, number][] {
    return this.games.get(`demo/${game}`)?.boards.get(board)?.ranked() ?? [];
  }
}
