/**
 * Calls over a message port, and notices that want no answer. Errors keep their class, since the
 * class is the retry policy.
 *
 * @module
 */
import {
  ActorHalted,
  Fenced,
  InvalidInput,
  InvariantBroken,
  Misdirected,
  OutcomeUnknown,
  Terminal,
  Unavailable,
} from "../../schema/errors.ts";

/** What `Worker`, `MessagePort` and a worker's own `self` have in common. */
export interface Endpoint {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

interface WireError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly detail: string;
  readonly stack: string | undefined;
}

type Envelope =
  | { readonly t: "call"; readonly id: number; readonly name: string; readonly input: unknown }
  | { readonly t: "ok"; readonly id: number; readonly value: unknown }
  | { readonly t: "error"; readonly id: number; readonly error: WireError }
  | { readonly t: "notice"; readonly name: string; readonly input: unknown };

/** Functions that the other side may call, by name. */
export type Handlers = Readonly<Record<string, (input: never) => unknown>>;

function toWire(thrown: unknown): WireError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const { code = "", resource = "", path = "", actorId = "" } = error as {
    code?: string;
    resource?: string;
    path?: string;
    actorId?: string;
  };
  const { name, stack } = error;
  const message = error instanceof ActorHalted ? error.reason : error.message;
  return { name, code, message, detail: resource || path || actorId, stack };
}

function fromWire({ name, code, message, detail, stack }: WireError): Error {
  const error = name === "InvalidInput"
    ? new InvalidInput(code, message, detail)
    : name === "Unavailable"
    ? new Unavailable(detail, message)
    : name === "OutcomeUnknown"
    ? new OutcomeUnknown(detail, message)
    : name === "ActorHalted"
    ? new ActorHalted(detail, message)
    : name === "Fenced"
    ? new Fenced(message)
    : name === "Misdirected"
    ? new Misdirected(message)
    : name === "Terminal"
    ? new Terminal(code, message)
    : new InvariantBroken(`${name}: ${message}`);
  if (stack !== undefined) error.stack = stack;
  return error;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** One side of a connection: calls the other's handlers and serves its own. */
export class Rpc {
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closed: Error | undefined;

  constructor(readonly endpoint: Endpoint, readonly handlers: Handlers) {
    endpoint.addEventListener("message", (event) => this.#receive(event.data as Envelope));
  }

  /** Calls `name` on the other side. @throws what the handler throws, class kept */
  call<T>(name: string, input: unknown, transfer: Transferable[] = []): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.endpoint.postMessage({ t: "call", id, name, input } satisfies Envelope, transfer);
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** Tells the other side; nobody answers. */
  notify(name: string, input: unknown): void {
    if (this.#closed !== undefined) return;
    this.endpoint.postMessage({ t: "notice", name, input } satisfies Envelope, []);
  }

  /** Fails every call that waits, and all later ones: the other side is gone. */
  close(reason: Error): void {
    this.#closed = reason;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #receive(message: Envelope): void {
    if (message.t === "call") return void this.#serve(message.id, message.name, message.input);
    if (message.t === "notice") return void this.handlers[message.name]?.(message.input as never);
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.t === "ok") waiting?.resolve(message.value);
    else waiting?.reject(fromWire(message.error));
  }

  async #serve(id: number, name: string, input: unknown): Promise<void> {
    try {
      const handler = Object.hasOwn(this.handlers, name) ? this.handlers[name] : undefined;
      if (handler === undefined) throw new InvariantBroken(`Nobody serves '${name}' here`);
      const value = await handler(input as never);
      // Inside, as what cannot be cloned throws here.
      this.endpoint.postMessage({ t: "ok", id, value } satisfies Envelope, []);
    } catch (thrown) {
      const error = toWire(thrown);
      this.endpoint.postMessage({ t: "error", id, error } satisfies Envelope, []);
    }
  }
}
