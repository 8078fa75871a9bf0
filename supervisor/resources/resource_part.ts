/**
 * A server that the node can do without, as a child: opened with the node, closed with it, and told
 * of in its health while it is away.
 *
 * @module
 */
import { Unavailable } from "../../schema/errors.ts";
import type { PartHealth } from "../platform.ts";
import { aborted } from "../shard/clock.ts";
import type { ChildSpec } from "../tree/child.ts";
import { runChild } from "../tree/run_child.ts";

export interface Resource {
  /** Why it is away; `undefined`: it is there. */
  fault(): string | undefined;
  close(): Promise<void>;
}

export interface ResourcePartOptions<R extends Resource> {
  /** The part's name, in the tree and in health. */
  readonly id: string;
  /** Opens it without waiting for its server; it connects by itself, again and again. */
  readonly open: () => R | Promise<R>;
  /** What the node does while it is away. */
  readonly without: string;
}

const shutdownMs = 3_000;

export class ResourcePart<R extends Resource> {
  #resource: R | undefined;

  constructor(readonly options: ResourcePartOptions<R>) {}

  /** @throws {Unavailable} before the first start */
  get resource(): R {
    if (this.#resource !== undefined) return this.#resource;
    throw new Unavailable(this.options.id, `The ${this.options.id} is starting`);
  }

  /** Always ready: what cannot be done without it, others do or say. */
  health(): PartHealth {
    const { id, without } = this.options;
    const fault = this.#resource === undefined ? "starting" : this.#resource.fault();
    const healthy = { part: id, ready: true };
    return fault === undefined ? healthy : { ...healthy, degraded: `${without}: ${fault}` };
  }

  spec(): ChildSpec {
    return {
      id: this.options.id,
      type: "worker",
      restart: "permanent",
      shutdownMs,
      start: async () => {
        const resource = this.#resource = await this.options.open();
        return runChild(async (stop) => {
          await aborted(stop);
          await resource.close();
        });
      },
    };
  }
}
