/**
 * The guard in a thread of its own, as the thread that serves sees it: what the guard does for a
 * request takes half as long as the request itself, and would take it from the others.
 *
 * @module
 */
import { assertDescriptors } from "./descriptors.ts";
import type { GuardCounts, GuardOptions } from "./guard.ts";
import { type Peer, PeerTable } from "./peer_table.ts";
import { SharedCounts } from "./shared_counts.ts";

/** Those of the guard, but for what threads cannot share. */
export type GuardThreadOptions = Omit<GuardOptions, "now" | "peers">;

export interface GuardSetup {
  readonly options: Omit<GuardThreadOptions, "counts">;
  /** Of a {@link PeerTable}. */
  readonly peers: SharedArrayBuffer;
  /** Of {@link SharedCounts}. */
  readonly counts: SharedArrayBuffer;
}

/** What the thread is told; everything but `open` is answered, under the number it came with. */
export type GuardCommand =
  | { readonly type: "open"; readonly setup: GuardSetup }
  | {
    readonly type: "listen";
    readonly hostname: string;
    readonly port: number;
    readonly backendPort: number;
  }
  | { readonly type: "drain" | "finish" | "close" };

/** The answer. */
export interface GuardReport {
  readonly id: number;
  readonly port?: number | undefined;
  readonly error?: { readonly name: string; readonly message: string };
}

/** A thread takes six, and the runtime panics where it gets none. */
const descriptorsOfThread = 16;
const tellMs = 100;
/**
 * How long the thread may take to answer: one that is busy looks at its messages at every 31st turn
 * of its loop only, and some moments are lost to whoever else the machine runs.
 */
const answerMs = 300;
/** The guard gives last answers half a second. */
const finishMs = 500 + answerMs;

/** An error of the thread, by its class where the runtime knows it. */
function errorOf({ name, message }: { name: string; message: string }): Error {
  const Known = (Deno.errors as Record<string, new (message: string) => Error>)[name];
  return Known === undefined ? new Error(message) : new Known(message);
}

export class GuardThread {
  readonly #peers = new PeerTable();
  readonly #shared = new SharedCounts();
  readonly #counts: GuardCounts | undefined;
  readonly #worker: Worker;
  readonly #failed = Promise.withResolvers<never>();
  readonly #asked = new Map<number, PromiseWithResolvers<number | undefined>>();
  #ids = 0;
  #isOver = false;
  readonly #timer: ReturnType<typeof setInterval>;

  /**
   * Starts the thread; it takes no connections yet.
   *
   * @throws {Error} there are no descriptors for a thread
   */
  constructor({ counts, ...options }: GuardThreadOptions = {}) {
    assertDescriptors(descriptorsOfThread);
    this.#counts = counts;
    this.#worker = new Worker(new URL("./guard_worker.ts", import.meta.url), {
      type: "module",
      name: "guard",
    });
    this.#worker.onmessage = ({ data }: MessageEvent<GuardReport>) => this.#hear(data);
    this.#worker.onerror = (event) => {
      // Else the throw ends the process.
      event.preventDefault();
      this.#fail(event.message);
    };
    // Not everybody waits for it.
    this.#failed.promise.catch(() => {});
    this.#timer = setInterval(() => this.#tell(), tellMs);
    const setup = { options, peers: this.#peers.buffer, counts: this.#shared.buffer };
    this.#post({ type: "open", setup });
  }

  /** Rejects when the thread ends by itself. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Whose connection it is that comes from this port of loopback. */
  peerOf(port: number): Peer | undefined {
    return this.#peers.get(port);
  }

  /**
   * Takes connections and passes them to a port of loopback.
   *
   * @returns the port at which it listens
   * @throws {Error} it cannot, or the thread has ended
   */
  async listen(hostname: string, port: number, backendPort: number): Promise<number> {
    return (await this.#ask({ type: "listen", hostname, port, backendPort }))!;
  }

  /** Takes no more connections. Those that the server knows are its own to end. */
  drain(): Promise<void> {
    return this.#within(answerMs, { type: "drain" });
  }

  /** After the server has ended: lets its last answers through, for a moment, and ends. */
  async finish(): Promise<void> {
    await this.#within(finishMs, { type: "finish" });
    this.#end();
  }

  /** Closes everything; it can {@link listen} again. */
  close(): Promise<void> {
    return this.#within(answerMs, { type: "close" });
  }

  /** Closes everything, and ends. */
  async end(): Promise<void> {
    await this.close();
    this.#end();
  }

  /** Ends the thread where it stands, as a failure; for tests and drills. */
  kill(): void {
    this.#fail("it was killed");
  }

  #post(command: GuardCommand): number {
    const id = this.#ids++;
    this.#worker.postMessage({ id, command });
    return id;
  }

  #ask(command: GuardCommand): Promise<number | undefined> {
    if (this.#isOver) return Promise.reject(new Error("The guard's thread has ended"));
    const asked = Promise.withResolvers<number | undefined>();
    this.#asked.set(this.#post(command), asked);
    return asked.promise;
  }

  /** Waits for an end that a thread which has ended has come to. Never rejects. */
  async #within(ms: number, command: GuardCommand): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    await Promise.race([this.#ask(command).catch(() => {}), late]);
    clearTimeout(timer);
  }

  #hear({ id, port, error }: GuardReport): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error === undefined) asked?.resolve(port);
    else asked?.reject(errorOf(error));
  }

  #tell(): void {
    if (this.#counts !== undefined) this.#shared.tell(this.#counts);
  }

  #fail(message: string): void {
    if (this.#isOver) return;
    this.#failed.reject(new Error(`The guard's thread has ended: ${message}`));
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#worker.terminate();
    clearInterval(this.#timer);
    // Nobody is left to count them down.
    this.#shared.open(0);
    this.#tell();
    for (const asked of this.#asked.values()) {
      asked.reject(new Error("The guard's thread has ended"));
    }
    this.#asked.clear();
  }
}
