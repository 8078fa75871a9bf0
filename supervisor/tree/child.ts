/**
 * What a supervisor knows of its children: how to start one, how it ends, when to start it again.
 *
 * @module
 */
import type { Logger } from "../observability/logger.ts";
import type { Clock } from "../shard/clock.ts";

/** How a child ended. */
export type ExitReason =
  /** By itself, its work done. */
  | { readonly type: "normal" }
  /** Because it was asked to. */
  | { readonly type: "stopped" }
  | { readonly type: "failed"; readonly error: unknown };

/** A thing with a lifetime. */
export interface Child {
  /** Resolves once, when nothing of the child runs any more. A rejection counts as `failed`. */
  readonly exited: Promise<ExitReason>;
  /** Resolves when the child may be relied on; the next sibling waits for it. @default at once */
  readonly started?: Promise<void>;
  /** Asks the child to end in order; resolves when it has. May be called more than once. */
  stop(): Promise<void>;
  /** Ends the child by force, after `stop` took longer than it may. */
  kill?(): void;
  /** What it supervises itself, for the admin's tree; only `strategy` and `children` are read. */
  tree?(): TreeNode | undefined;
}

/**
 * When a child that ended by itself is started again: `permanent` always, `transient` after a
 * failure only, `temporary` never.
 */
export type Restart = "permanent" | "transient" | "temporary";

/**
 * Who is restarted with a failed child: nobody (`one_for_one`), all its siblings (`one_for_all`),
 * or those started after it (`rest_for_one`). A transient child that had finished is started again
 * with its group; a temporary one never.
 */
export type Strategy = "one_for_one" | "one_for_all" | "rest_for_one";

/** What the tree runs on; inherited by nested supervisors. */
export interface TreeEnv {
  readonly clock: Clock;
  /** 0 to 1, for the jitter of backoffs. */
  readonly random: () => number;
  readonly log: Logger;
  /** Called for each restart, with the child's path. */
  readonly onRestart?: (path: string, error: unknown) => void;
}

export interface StartContext {
  /** Aborts when the child is asked to stop, during its start too. */
  readonly signal: AbortSignal;
  /** The child's place in the tree: `platform/resources/store`. */
  readonly path: string;
  readonly env: TreeEnv;
}

export interface ChildSpec {
  /** Unique among siblings. */
  readonly id: string;
  /** Resolves when the child runs. A throw counts as a failure and is tried again like any other. */
  readonly start: (context: StartContext) => Child | Promise<Child>;
  readonly restart: Restart;
  /** How long `stop` may take before the child is killed and left behind; `Infinity` waits. */
  readonly shutdownMs: number;
  readonly type: "worker" | "supervisor";
}

/**
 * `waiting` for an earlier sibling's first start, `starting` until it is up, `backoff` between a
 * failure and the next start, `done` after a normal end that asks for no restart, `failed` when it
 * stays down.
 */
export type ChildStatus =
  | "waiting"
  | "starting"
  | "running"
  | "backoff"
  | "stopping"
  | "stopped"
  | "done"
  | "failed";

/** A node of the tree as the admin API shows it. */
export interface TreeNode {
  readonly id: string;
  readonly type: "worker" | "supervisor";
  /** `null` for workers. */
  readonly strategy: Strategy | null;
  readonly status: ChildStatus;
  /** When the status began, RFC 3339. */
  readonly since: string;
  readonly restarts: number;
  readonly last_error: string | null;
  readonly children: readonly TreeNode[];
}
