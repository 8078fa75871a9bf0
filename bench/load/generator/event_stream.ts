/**
 * The events of one connection, batch by batch: a pure function of the options, so that what was
 * sent need not be remembered. Whoever wants to know it runs the stream again.
 *
 * @module
 */
import { malformedEvent, type RejectionCode, rejectionCodes } from "./malformed.ts";
import { Population, seedText } from "./population.ts";
import { Random } from "./random.ts";
import { inSession, type Line, type Scene, sessionEnd, sessionStart } from "./session_script.ts";
import { sessionsPerPlayerMax, type Shape, shapeOf, type StreamOptions } from "./stream_options.ts";
import { timestampText } from "./timestamp_text.ts";

const HOUR_MS = 3_600_000;
const TWO_32 = 4294967296;

/** An event that must be refused: its index in the batch and the code. */
export interface Rejection {
  readonly index: number;
  readonly code: string;
}

export interface Batch {
  /** JSON text: an object when single, else an array; lines when `ndjson`. ASCII only. */
  readonly body: string;
  readonly ndjson: boolean;
  /** Event id by index; `""` where the event is malformed. */
  readonly ids: readonly string[];
  /** What the platform must refuse, by rising index. */
  readonly rejected: readonly Rejection[];
  /** How many events repeat an id that was sent before. */
  readonly duplicates: number;
}

/** A sent event that will be sent again. */
interface Repeat {
  readonly text: string;
  readonly id: string;
  /** Local number of the player. */
  readonly player: number;
  /** Send when the player has had this many events. */
  readonly due: number;
}

/** A session under way. */
interface Slot extends Scene {
  /** Local number of the player; −1 when the slot is free. */
  player: number;
  started: boolean;
  /** Events still to come between start and end. */
  remaining: number;
  /** 2: ends, then one more event comes late; 1: ends; 0: falls silent. */
  ending: number;
  /** JSON text between type and timestamp, and after the properties. */
  before: string;
  after: string;
}

const hex3: readonly string[] = Array.from(
  { length: 4096 },
  (_, i) => i.toString(16).padStart(3, "0"),
);

/** The stream of one connection. */
export class EventStream {
  /** How this connection's part of the run is laid out. */
  readonly shape: Shape;
  readonly #options: StreamOptions;
  readonly #connection: number;
  readonly #random: Random;
  readonly #population: Population;
  readonly #slots: Slot[];
  readonly #codes: readonly RejectionCode[];
  readonly #idPrefix: string;
  /** Thresholds on 32 random bits. */
  readonly #malformedBelow: number;
  readonly #duplicateBelow: number;
  readonly #lateBelow: number;
  readonly #unorderedBelow: number;
  readonly #lateMsMax: number;
  /** Event times strictly between these would have an uncertain verdict; they are moved up. */
  readonly #uncertainFromMs: number;
  readonly #uncertainToMs: number;
  /** Per local player: events sent, sessions begun, level reached. */
  readonly #eventsOf: Uint32Array;
  readonly #sessionsOf: Uint8Array;
  readonly #levelOf: Uint16Array;
  #introduced = 0;
  #sessions = 0;
  #ids = 0;
  #idsHigh = -1;
  #idsHighText = "";
  #sent = 0;
  readonly #later = new Map<number, Repeat>();
  #nextBatch: Repeat[] = [];
  // The batch being made.
  #parts: string[] = [];
  #partIds: string[] = [];
  #rejected: Rejection[] = [];
  #thisBatch: Repeat[] = [];
  #duplicates = 0;
  #ndjson = false;
  #hasLarge = false;

  constructor(options: StreamOptions, connection: number) {
    const shape = shapeOf(options, connection);
    this.shape = shape;
    this.#options = options;
    this.#connection = connection;
    this.#random = new Random(options.seed, connection + 1);
    this.#population = new Population(options.seed, options.games, options.gamePrefix);
    this.#slots = Array.from({ length: shape.slots }, freeSlot);
    this.#codes = rejectionCodes.filter((code) =>
      code === "invalid_json"
        ? options.protocol === "http" && options.batch > 1
        : code !== "game_forbidden" || options.forbiddenGame !== undefined
    );
    this.#idPrefix = `${seedText(options.seed)}-${connection.toString(16).padStart(4, "0")}` +
      "-8000-8000-";
    this.#malformedBelow = options.malformed * TWO_32;
    this.#duplicateBelow = this.#malformedBelow + options.duplicates * TWO_32;
    this.#lateBelow = options.late * TWO_32;
    this.#unorderedBelow = this.#lateBelow + options.unordered * TWO_32;
    this.#lateMsMax = options.spanDays > 0 ? 120 * HOUR_MS : HOUR_MS / 6;
    const oldest = options.originMs - 30 * 24 * HOUR_MS;
    this.#uncertainFromMs = oldest - 3 * HOUR_MS;
    this.#uncertainToMs = oldest + 3 * HOUR_MS + options.seconds * 1000;
    this.#eventsOf = new Uint32Array(shape.players);
    this.#sessionsOf = new Uint8Array(shape.players);
    this.#levelOf = new Uint16Array(shape.players).fill(1);
  }

  /** The next batch, or `null` when all planned events are out. */
  next(): Batch | null {
    const size = Math.min(this.#options.batch, this.shape.events - this.#sent);
    if (size <= 0) return null;
    this.#parts = [];
    this.#partIds = [];
    this.#rejected = [];
    this.#duplicates = 0;
    this.#ndjson = false;
    this.#hasLarge = false;
    const repeats = this.#nextBatch;
    this.#nextBatch = [];
    for (let room = size; room > 0; room--) {
      if (this.#thisBatch.length >= room) this.#repeat(this.#thisBatch.pop()!);
      else if (repeats.length > 0) this.#repeat(repeats.shift()!);
      else this.#produce(room);
    }
    this.#nextBatch.push(...repeats);
    return {
      body: this.#bodyText(),
      ndjson: this.#ndjson,
      ids: this.#partIds,
      rejected: this.#rejected,
      duplicates: this.#duplicates,
    };
  }

  #bodyText(): string {
    if (this.#ndjson) return this.#parts.join("\n");
    if (this.#options.batch === 1 && this.#options.protocol === "http") return this.#parts[0]!;
    return `[${this.#parts.join(",")}]`;
  }

  #push(text: string, id: string): void {
    this.#parts.push(text);
    this.#partIds.push(id);
    this.#sent++;
  }

  #repeat(repeat: Repeat): void {
    this.#eventsOf[repeat.player]!++;
    this.#duplicates++;
    this.#push(repeat.text, repeat.id);
  }

  /** Adds one event of a random session under way; `room` is what the batch still holds. */
  #produce(room: number): void {
    const slots = this.#slots;
    const slot = slots[this.#random.below(slots.length)]!;
    if (slot.player < 0) this.#open(slot);
    const repeat = this.#later.size > 0 ? this.#later.get(slot.player) : undefined;
    if (repeat !== undefined && this.#eventsOf[slot.player]! >= repeat.due) {
      this.#later.delete(slot.player);
      this.#repeat(repeat);
      return;
    }
    const fate = this.#random.u32();
    const timestamp = this.#timestamp();
    if (fate < this.#malformedBelow) {
      this.#malform(slot, timestamp);
      return;
    }
    const id = this.#nextId();
    const line = this.#line(slot);
    const text = `{"event_id":"${id}","event_type":"${line.type}"${slot.before}${
      timestampText(timestamp)
    }","properties":${line.properties}${slot.after}`;
    const player = slot.player;
    this.#eventsOf[player]!++;
    if (timestamp <= this.#uncertainFromMs) {
      this.#rejected.push({ index: this.#parts.length, code: "timestamp_too_old" });
    } else if (fate < this.#duplicateBelow) {
      this.#planRepeat(text, id, player, room - 1);
    }
    this.#push(text, id);
    if (slot.remaining === 0 && slot.ending === 0) slot.player = -1;
  }

  /** The next event of the session, and what is left of it afterwards. */
  #line(slot: Slot): Line {
    if (!slot.started) {
      slot.started = true;
      return sessionStart(slot);
    }
    if (slot.remaining > 0) {
      slot.remaining--;
      const line = inSession(slot, this.#random);
      this.#levelOf[slot.player] = slot.level;
      return line;
    }
    // One more event after `session.end`, as clients that queue send it.
    if (slot.ending === 2) slot.remaining = 1;
    slot.ending = 0;
    return sessionEnd();
  }

  #open(slot: Slot): void {
    const random = this.#random;
    const player = this.#choosePlayer();
    this.#sessionsOf[player] = Math.min(255, this.#sessionsOf[player]! + 1);
    const number = this.#connection + player * this.#options.connections;
    const session = `s-${this.#connection}-${++this.#sessions}`;
    slot.player = player;
    slot.level = this.#levelOf[player]!;
    slot.started = false;
    slot.remaining = random.below(2 * this.shape.sessionEvents - 1) + 1;
    const manner = random.below(100);
    slot.ending = manner < 5 ? 2 : manner < 85 ? 1 : 0;
    // A few clients know no sessions: theirs are implicit.
    const sessionText = random.below(100) < 3 ? "" : `,"session_id":"${session}"`;
    const game = this.#population.game(number, random.unit());
    slot.before = `,"user_id":"${this.#population.userId(number)}","game_id":"${game}"` +
      `${sessionText},"timestamp":"`;
    slot.after = `,"context":${this.#population.contextText(number)}}`;
  }

  /** New players arrive all along the run; of those seen, every second one comes back. */
  #choosePlayer(): number {
    const players = this.shape.players;
    const slots = this.#slots.length;
    const due = slots + (players - slots) * 1.1 * (this.#sent / this.shape.events);
    if (this.#introduced < Math.min(players, due)) return this.#introduced++;
    let player = 0;
    for (let tries = 0; tries < 16; tries++) {
      player = 2 * this.#random.below(Math.ceil(this.#introduced / 2));
      if (this.#sessionsOf[player]! < sessionsPerPlayerMax) return player;
    }
    return this.#introduced < players ? this.#introduced++ : player;
  }

  #timestamp(): number {
    let timestamp = Math.floor(this.shape.startMs + this.#sent * this.shape.stepMs);
    const manner = this.#random.u32();
    if (manner < this.#lateBelow) {
      const unit = this.#random.unit();
      timestamp -= 1000 + Math.floor(unit * unit * unit * this.#lateMsMax);
    } else if (manner < this.#unorderedBelow) {
      timestamp += this.#random.below(22_000) - 20_000;
    }
    if (timestamp > this.#uncertainFromMs && timestamp < this.#uncertainToMs) {
      timestamp += this.#uncertainToMs - this.#uncertainFromMs;
    }
    return timestamp;
  }

  #planRepeat(text: string, id: string, player: number, room: number): void {
    const where = this.#random.below(3);
    if (where === 0 && room > this.#thisBatch.length) {
      this.#thisBatch.push({ text, id, player, due: 0 });
    } else if (where === 1 && !this.#later.has(player)) {
      // Well inside the 1,024 events within which an id is remembered.
      const due = this.#eventsOf[player]! + 5 + this.#random.below(1 + this.#random.below(600));
      this.#later.set(player, { text, id, player, due });
    } else {
      this.#nextBatch.push({ text, id, player, due: 0 });
    }
  }

  #malform(slot: Slot, timestamp: number): void {
    let code = this.#codes[this.#random.below(this.#codes.length)]!;
    // 64 KiB each: one in eight, one a batch, or they would be most of the traffic.
    if (code === "too_large" && (this.#hasLarge || this.#random.below(8) > 0)) {
      code = "missing_field";
    }
    this.#hasLarge ||= code === "too_large";
    this.#ndjson ||= code === "invalid_json";
    const number = this.#connection + slot.player * this.#options.connections;
    const text = malformedEvent(code, {
      eventId: this.#nextId(),
      userId: this.#population.userId(number),
      gameId: this.#population.games[0]!,
      timestamp: Math.max(timestamp, this.#uncertainToMs),
      originMs: this.#options.originMs,
      forbiddenGame: this.#options.forbiddenGame,
    });
    this.#rejected.push({ index: this.#parts.length, code });
    this.#push(text, "");
  }

  /** Ids look like UUIDs (version 8) and rise within a connection, so that order can be checked by them. */
  #nextId(): string {
    const n = this.#ids++;
    const high = Math.floor(n / 4096);
    if (high !== this.#idsHigh) {
      this.#idsHigh = high;
      this.#idsHighText = this.#idPrefix + high.toString(16).padStart(9, "0");
    }
    return this.#idsHighText + hex3[n & 4095]!;
  }
}

function freeSlot(): Slot {
  return {
    player: -1,
    started: false,
    remaining: 0,
    ending: 0,
    before: "",
    after: "",
    level: 1,
    inLevel: false,
    inMatch: false,
  };
}
