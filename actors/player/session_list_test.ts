import assert from "node:assert/strict";
import fc from "fast-check";
import { noon } from "../testing/player_harness.ts";
import { type Session, SessionList, sessionState } from "./session_list.ts";

/** An open session of game `g` that began at {@link noon}. */
function session(fields: Partial<Session> = {}): Session {
  return {
    id: "s",
    gameId: "g",
    open: true,
    startedAtPosition: "",
    firstAt: noon,
    lastAt: noon,
    lastArrival: noon,
    events: 1,
    ...fields,
  };
}

function listOf(...sessions: readonly Partial<Session>[]): SessionList {
  return SessionList.decode(sessions.map(session));
}

Deno.test("SessionList keeps sessions in the order in which they began", () => {
  const list = new SessionList();
  assert.deepEqual(["a", "b", "c"].map((id) => list.add(session({ id }))), [0, 1, 2]);
  assert.deepEqual(list.encode().map(({ id }) => id), ["a", "b", "c"]);
  assert.equal(list.remove(1).id, "b");
  assert.deepEqual([list.length, list.at(1).id], [2, "c"]);
});

Deno.test("SessionList.find() tells ids, games, and sessions without a name apart", () => {
  const list = listOf({ id: "a" }, { id: "a", gameId: "h" }, { id: "" }, { id: "g", gameId: "a" });
  const ids = [["g", "a"], ["h", "a"], ["g", ""], ["a", "g"]] as const;
  assert.deepEqual(ids.map(([gameId, id]) => list.find(gameId, id)), [0, 1, 2, 3]);
  assert.deepEqual([list.find("g", "b"), list.find("h", ""), list.find("", "g")], [-1, -1, -1]);
});

Deno.test("SessionList tells texts apart that read the same in a row", () => {
  const texts = [["ab", "c"], ["a", "bc"], ["abc", ""], ["", "abc"], ["\ud83d", "\ude00"]] as const;
  const list = listOf(...texts.map(([id, gameId]) => ({ id, gameId })));
  assert.deepEqual(texts.map(([id, gameId]) => list.find(gameId, id)), [0, 1, 2, 3, 4]);
  assert.deepEqual([list.find("b", "ac"), list.find("", "\ud83d\ude00")], [-1, -1]);
  assert.deepEqual(list.encode().map(({ id, gameId }) => [id, gameId]), texts);
  assert.deepEqual([list.remove(1).id, list.gameId(0), list.gameId(3)], ["a", "c", "\ude00"]);
});

Deno.test("SessionList.at() has the fields in the order that snapshots have", () => {
  const text = `{"id":"","gameId":"g","open":false,"startedAtPosition":"3:7","firstAt":1,` +
    `"lastAt":2.5,"lastArrival":3,"events":4,"silent":true}`;
  const list = SessionList.decode([JSON.parse(text)]);
  assert.equal(JSON.stringify(list.at(0)), text);
  list.setState(0, sessionState.open);
  const woken = text.replace("false", "true").replace(`,"silent":true`, "");
  assert.equal(JSON.stringify(list.encode()), `[${woken}]`);
});

Deno.test("SessionList.count() widens the span and says by how much, and never moves an arrival back", () => {
  const list = listOf({ events: 0 });
  const grown = [0, 10, 5, -20, 3].map((by) => list.count(0, noon + by, noon - by));
  assert.deepEqual(grown, [0, 10, 0, 20, 0]);
  const { firstAt, lastAt, lastArrival, events } = list.at(0);
  assert.deepEqual([firstAt, lastAt, lastArrival, events], [noon - 20, noon + 10, noon + 20, 5]);
});

Deno.test("SessionList.removeSilent() finds a session that is older than all before it", () => {
  const list = listOf({ id: "a", lastArrival: noon });
  assert.deepEqual(list.removeSilent(noon - 1), []);
  list.add(session({ id: "b", lastArrival: noon - 10 }));
  assert.deepEqual(list.removeSilent(noon - 10).map(({ id }) => id), ["b"]);
  assert.deepEqual(list.removeSilent(noon).map(({ id }) => id), ["a"]);
  assert.equal(list.length, 0);
});

Deno.test("SessionList.removeSilent() spares what was heard of since it was looked at", () => {
  const list = listOf({ id: "a" }, { id: "b", lastArrival: noon + 5 });
  list.count(0, noon, noon + 10);
  assert.deepEqual(list.removeSilent(noon), []);
  assert.deepEqual(list.removeSilent(noon + 9).map(({ id }) => id), ["b"]);
  assert.deepEqual(list.removeSilent(noon + 10).map(({ id }) => id), ["a"]);
});

Deno.test("empty SessionLists have nothing in common but being empty", () => {
  const [one, other] = [new SessionList(), new SessionList()];
  one.add(session());
  one.setState(0, sessionState.ended);
  one.remove(0);
  one.add(session({ id: "t" }));
  assert.deepEqual([one.length, other.length, new SessionList().length], [1, 0, 0]);
  assert.deepEqual(other.encode(), []);
});

Deno.test("SessionList.decode() shares nothing with what it is made of", () => {
  const sessions = [session()];
  const list = SessionList.decode(sessions);
  list.count(0, noon + 1, noon + 1);
  list.at(0).events = 9;
  assert.deepEqual([sessions, list.at(0).events], [[session()], 2]);
});

Deno.test("SessionList.decode() throws at each field that is missing or of another kind", () => {
  for (const key of Object.keys(session())) {
    for (const value of [undefined, null, {}]) {
      const sessions = [session({ id: "whole" }), { ...session(), [key]: value }];
      assert.throws(() => SessionList.decode(sessions), TypeError, `${key}: ${value}`);
    }
  }
});

/** What a list is, said with plain objects: slow and evident. */
class Model {
  sessions: Session[] = [];

  find(gameId: string, id: string): number {
    return this.sessions.findIndex((s) => s.gameId === gameId && s.id === id);
  }

  count(session: Session, at: number, arrival: number): number {
    const span = session.lastAt - session.firstAt;
    session.firstAt = Math.min(session.firstAt, at);
    session.lastAt = Math.max(session.lastAt, at);
    session.lastArrival = Math.max(session.lastArrival, arrival);
    session.events++;
    return session.lastAt - session.firstAt - span;
  }

  setState(session: Session, state: "ended" | "open" | "silent"): void {
    session.open = state === "open";
    if (state === "silent") session.silent = true;
    else delete session.silent;
  }

  removeSilent(since: number): Session[] {
    const silent = this.sessions.filter(({ lastArrival }) => lastArrival <= since);
    this.sessions = this.sessions.filter(({ lastArrival }) => lastArrival > since);
    return silent;
  }

  newestOpen(gameId?: string): number {
    const open = this.sessions.filter((s) => s.open && (gameId ?? s.gameId) === s.gameId);
    const newest = Math.max(...open.map(({ lastArrival }) => lastArrival));
    return this.sessions.indexOf(open.findLast((s) => s.lastArrival === newest)!);
  }

  earliestOpen(): number {
    return Math.min(...this.sessions.filter((s) => s.open).map((s) => s.lastArrival));
  }

  longestSilent(): number {
    const ended = this.sessions.filter(({ open }) => !open);
    const candidates = ended.length > 0 ? ended : this.sessions;
    const [longest] = candidates.toSorted((a, b) => a.lastArrival - b.lastArrival);
    return this.sessions.indexOf(longest!);
  }
}

const step = fc.record({
  kind: fc.constantFrom("event", "event", "event", "state", "expire", "remove", "evict"),
  restores: fc.boolean(),
  gameId: fc.constantFrom("g", "h"),
  id: fc.constantFrom("", "a", "b", "__proto__", "d", "e"),
  state: fc.constantFrom("ended", "open", "silent"),
  // Few, so that there are ties.
  at: fc.integer({ min: 0, max: 12 }).map((n) => noon + n / 2),
  arrival: fc.integer({ min: 0, max: 12 }).map((n) => noon + n),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Does the same to both. @returns what each of them answers */
function take(list: SessionList, model: Model, { kind, gameId, id, ...how }: Step): unknown[] {
  const { state, at, arrival } = how;
  if (kind === "expire") return [list.removeSilent(arrival), model.removeSilent(arrival)];
  const index = kind === "evict" ? model.longestSilent() : model.find(gameId, id);
  if (kind === "event" && index === -1) {
    const begun = session({ id, gameId, firstAt: at, lastAt: at, lastArrival: arrival });
    return [list.add(begun), model.sessions.push({ ...begun }) - 1];
  }
  if (index === -1) return [];
  const found = model.sessions[index]!;
  if (kind === "event") return [list.count(index, at, arrival), model.count(found, at, arrival)];
  if (kind !== "state") return [list.remove(index), model.sessions.splice(index, 1)[0]];
  return [list.setState(index, sessionState[state]), model.setState(found, state)];
}

Deno.test("SessionList is a list of objects to whoever looks at it", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      let list = new SessionList();
      const model = new Model();
      for (const step of steps) {
        const { gameId, id } = step;
        if (step.restores) list = SessionList.decode(JSON.parse(JSON.stringify(list.encode())));
        const [one, other] = take(list, model, step);
        assert.deepEqual(one, other);
        assert.deepEqual(list.encode(), model.sessions);
        assert.equal(list.length, model.sessions.length);
        assert.equal(list.find(gameId, id), model.find(gameId, id));
        assert.equal(list.newestOpen(), model.newestOpen());
        assert.equal(list.newestOpen(gameId), model.newestOpen(gameId));
        assert.equal(list.earliestOpen(), model.earliestOpen());
        assert.equal(list.longestSilent(), model.longestSilent());
      }
    }),
    { numRuns: 300 },
  );
});
