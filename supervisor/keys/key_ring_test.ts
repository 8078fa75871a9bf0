import assert from "node:assert/strict";
import { Unavailable } from "../../schema/errors.ts";
import { limits } from "../../schema/limits.ts";
import { type KeptKeys, KeyRing, type KeyRingOptions } from "./key_ring.ts";
import type { HeldKey, HeldKeys } from "./key_store.ts";
import { hashOfKey, newKeyId, newSecret, Sealer } from "./secrets_of_keys.ts";

const sealer = new Sealer("of this installation");

function key(over: Partial<HeldKey>): HeldKey {
  return {
    id: newKeyId(),
    studio: "s",
    games: ["g"],
    kind: "write",
    createGames: false,
    origins: null,
    hash: null,
    sealed: null,
    previousHash: null,
    previousSealed: null,
    previousUntil: null,
    ...over,
  };
}

const at = (version: number, ...keys: HeldKey[]): HeldKeys => ({ version, keys });
const of = (held: HeldKeys | undefined) => ({ since: () => Promise.resolve(held) });
const away = { since: () => Promise.reject(new Unavailable("store", "away")) };

function open(over: Partial<KeyRingOptions> = {}) {
  const clock = { ms: 1_000_000 };
  const ring = new KeyRing({ sealer, now: () => clock.ms, ...over });
  return { ring, clock };
}

Deno.test("KeyRing takes the keys of a refresh, and none that is gone", async () => {
  const { ring } = open();
  const [writes, reads] = [newSecret("write"), newSecret("read")];
  const writer = key({ hash: hashOfKey(writes) });
  const reader = key({ hash: hashOfKey(reads), kind: "read", games: null });
  await ring.refresh(of(at(2, writer, reader)));
  const found = ring.resolve(writes)!;
  assert.deepEqual([found.id, found.role, found.read, found.write], [
    writer.id,
    "writer",
    false,
    true,
  ]);
  assert.deepEqual([...found.games], ["g"]);
  const other = ring.resolve(reads)!;
  assert.deepEqual([other.role, other.read, other.write, other.games], [
    "reader",
    true,
    false,
    "*",
  ]);
  assert.equal(ring.resolve(newSecret("write")), undefined);
  await ring.refresh(of(undefined));
  assert.equal(ring.size, 2);
  await ring.refresh(of(at(3, reader)));
  assert.equal(ring.resolve(writes), undefined);
});

Deno.test("KeyRing takes both secrets while a key is being rotated", async () => {
  const { ring, clock } = open();
  const [before, after] = [newSecret("write"), newSecret("write")];
  const id = newKeyId();
  const signed = key({
    id,
    kind: "hmac",
    sealed: sealer.seal("new", id),
    previousSealed: sealer.seal("old", id),
    previousUntil: clock.ms + 10,
  });
  const rotated = key({
    hash: hashOfKey(after),
    previousHash: hashOfKey(before),
    previousUntil: clock.ms + 10,
  });
  await ring.refresh(of(at(2, rotated, signed)));
  assert.equal(ring.resolve(before), ring.resolve(before));
  assert.notEqual(ring.resolve(before), undefined);
  assert.deepEqual(ring.hmac(id)?.secrets, ["new", "old"]);
  clock.ms += 10;
  assert.equal(ring.resolve(before), undefined);
  assert.notEqual(ring.resolve(after), undefined);
  assert.deepEqual(ring.hmac(id)?.secrets, ["new"]);
});

Deno.test("KeyRing keeps what it knows while the store is away, for a day", async () => {
  const { ring, clock } = open();
  const secret = newSecret("write");
  assert.throws(() => ring.resolve(secret), Unavailable);
  assert.equal(ring.resolve("not one of ours"), undefined);
  await ring.refresh(of(at(2, key({ hash: hashOfKey(secret) }))));
  await assert.rejects(ring.refresh(away), Unavailable);
  clock.ms += limits.keysStaleMsMax;
  assert.notEqual(ring.resolve(secret), undefined);
  clock.ms += 1;
  assert.throws(() => ring.resolve(secret), Unavailable);
  await ring.refresh(of(undefined));
  assert.notEqual(ring.resolve(secret), undefined);
});

Deno.test("KeyRing starts from its file, whose time counts, and sees what changed since", async () => {
  let kept: KeptKeys | undefined;
  const file = {
    read: () => Promise.resolve(kept),
    write: (keys: KeptKeys) => Promise.resolve(void (kept = structuredClone(keys))),
  };
  const secret = newSecret("read");
  await open({ file }).ring.refresh(of(at(7, key({ hash: hashOfKey(secret), kind: "read" }))));
  assert.equal(JSON.stringify(kept).includes(secret), false);
  const { ring, clock } = open({ file });
  await ring.restore();
  assert.notEqual(ring.resolve(secret), undefined);
  const asked: number[] = [];
  await ring.refresh({
    since: (known) => {
      asked.push(known);
      return Promise.resolve(at(8));
    },
  });
  // A file of another database says nothing about this one's versions.
  assert.deepEqual(asked, [0]);
  assert.equal(ring.resolve(secret), undefined);
  const late = open({ file: { ...file, read: () => Promise.resolve({ ...kept!, at: 0 }) } });
  late.clock.ms = clock.ms + limits.keysStaleMsMax;
  await late.ring.restore();
  assert.throws(() => late.ring.resolve(secret), Unavailable);
});

Deno.test("Sealer opens what it sealed, for the same key only", () => {
  const sealed = sealer.seal("secret", "id");
  assert.equal(sealer.open(sealed, "id"), "secret");
  assert.equal(sealed.includes("secret"), false);
  assert.notEqual(sealer.seal("secret", "id"), sealed);
  assert.equal(sealer.open(sealed, "other"), undefined);
  assert.equal(new Sealer("of another").open(sealed, "id"), undefined);
  assert.equal(sealer.open(sealed.slice(0, -2), "id"), undefined);
  assert.equal(sealer.open("v1.AAAA", "id"), undefined);
  assert.equal(sealer.open("", "id"), undefined);
});

Deno.test("KeyRing tells of keys that were sealed under another secret", async () => {
  const unopened: string[] = [];
  const { ring } = open({ onUnopened: (id) => unopened.push(id) });
  const id = newKeyId();
  const sealed = new Sealer("of another").seal("secret", id);
  await ring.refresh(of(at(2, key({ id, kind: "hmac", sealed }))));
  assert.deepEqual([unopened, ring.hmac(id)], [[id], undefined]);
});

Deno.test("KeyRing.refresh() waits for the one before: what was asked first is not taken last", async () => {
  const written: number[] = [];
  const write = (kept: KeptKeys) => Promise.resolve(void written.push(kept.version));
  const { ring } = open({ file: { read: () => Promise.resolve(undefined), write } });
  const secret = newSecret("write");
  const writer = key({ hash: hashOfKey(secret) });
  await ring.refresh(of(at(1, writer)));
  const slow = Promise.withResolvers<HeldKeys>();
  const first = ring.refresh({ since: () => slow.promise });
  // Another node's change, and then the key is revoked here.
  const second = ring.refresh(of(at(3)));
  slow.resolve(at(2, writer));
  await Promise.all([first, second]);
  assert.equal(ring.resolve(secret), undefined);
  assert.deepEqual(written, [1, 2, 3]);
});

Deno.test("KeyRing.refresh() goes on after one that failed", async () => {
  const { ring } = open();
  const failed = assert.rejects(ring.refresh(away), Unavailable);
  const secret = newSecret("write");
  await Promise.all([failed, ring.refresh(of(at(1, key({ hash: hashOfKey(secret) }))))]);
  assert.equal(ring.resolve(secret)?.role, "writer");
});
