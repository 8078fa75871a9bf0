/**
 * Cells over a store that the test fills.
 *
 * @module
 */
import { fingerprintHex } from "../../../schema/hash.ts";
import { MemoryStore } from "../../store/memory_store.ts";
import type { CommitBatch, SnapshotPart } from "../../store/store.ts";
import type { Cell } from "../cell.ts";
import { Cells } from "../cells.ts";
import { Troubles } from "../restore/troubles.ts";
import type { Stage } from "../stage.ts";
import { Faults } from "./faults.ts";
import { addEvent, type Tally, tallyStage } from "./tally.ts";

/** Cells over a store in memory that the test fills. */
export class Bench {
  readonly store = new MemoryStore();
  readonly faults = new Faults();
  readonly cells: Cells;
  /** What the cells have told of trouble. */
  readonly told: string[] = [];
  #offset = 0;
  #epoch = 0;

  constructor(readonly stage: Stage = tallyStage) {
    this.cells = new Cells(stage, 0, this.faults.store(this.store), {
      troubles: new Troubles(),
      now: () => 5,
      rebuilt: (id, reason) => this.told.push(`rebuilt ${id}: ${reason}`),
      halted: (id, reason) => this.told.push(`halted ${id}: ${reason}`),
    });
  }

  get offset(): number {
    return this.#offset;
  }

  /** Commits rows of the users, one each, and the snapshots. */
  async commit(users: readonly string[], fields: Partial<CommitBatch> = {}): Promise<void> {
    if (this.#epoch === 0) this.#epoch = (await this.store.takeShard("player", 0, "me")).epoch;
    const oldOffset = this.#offset;
    const rows = users.map((user, i) => ({
      offset: oldOffset + i,
      receivedAt: 1000 + oldOffset + i,
      actorId: `t/${user}`,
      actorKey: "0",
      value: JSON.stringify(addEvent(user, 1)),
    }));
    this.#offset += users.length;
    await this.store.commit({
      stage: "player",
      partition: 0,
      epoch: this.#epoch,
      oldOffset,
      newOffset: this.#offset,
      rows,
      snapshots: [],
      outbox: [],
      timers: [],
      sources: {},
      emittedOffset: 0,
      hashChange: "0",
      ...fields,
    });
  }

  sum(user: string): number | undefined {
    return (this.cells.peek(`t/${user}`)?.state as Tally | undefined)?.sum;
  }

  users(): string[] {
    return [...this.cells.values()].map((cell) => cell.id.slice(2)).sort();
  }

  /** A live cell that nothing keeps from being passivated, used a while ago. */
  idle(user: string, fields: Partial<Cell> = {}): Cell {
    const cell = this.cells.create(`t/${user}`);
    return Object.assign(cell, { referenced: false, ...fields });
  }
}

/** A snapshot of the state `sum`, as the store keeps it. */
export const part = (user: string, offset: number, sum: number): SnapshotPart => {
  const body = JSON.stringify({ sum, offsets: [] });
  const checksum = fingerprintHex(body);
  return { actorId: `t/${user}`, part: "", offset, version: 5, body, checksum, hash: "9" };
};
