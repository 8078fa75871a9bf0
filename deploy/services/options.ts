/**
 * What `deno task services` was told.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { defaultServices, type ServiceName, serviceNames } from "./service.ts";

export const usage = `deno task services up|down|status [${serviceNames.join(" ")}]

Real servers on loopback; without names ${defaultServices.join(", ")}, with down and status all.
  up      starts what does not run and prints the variables to export
  status  asks each one; exit 1 if one does not answer
  down    stops them

  --brokers 3        Kafka on three nodes instead of one
  --secure           passwords, access lists and TLS
  --native           without Docker, even where an engine answers
  --wipe             with down: removes what they stored, too
  --json             prints JSON
  --folder PATH      where they live [.services]
  --port-offset N    added to each port; 'auto' takes the first with all ports free [0]
`;

export interface ServicesOptions {
  readonly action: "up" | "down" | "status";
  readonly names: readonly ServiceName[];
  readonly brokers: number;
  readonly secure: boolean;
  readonly native: boolean;
  readonly wipe: boolean;
  readonly json: boolean;
  /** Absolute. */
  readonly folder: string;
  readonly portOffset: number | "auto";
}

const actions = ["up", "down", "status"] as const;

/**
 * Reads the command line.
 *
 * @throws {RangeError} something in it is wrong; the message says what
 */
export function servicesOptions(args: readonly string[]): ServicesOptions {
  const { values, positionals } = parse(args);
  const [action, ...wanted] = positionals;
  if (!actions.includes(action as never)) {
    throw new RangeError(
      `Cannot start as the action must be up, down or status: current value is ${action ?? "none"}`,
    );
  }
  for (const name of wanted) {
    if (serviceNames.includes(name as never)) continue;
    throw new RangeError(
      `Cannot start as a service must be one of ${
        serviceNames.join(", ")
      }: current value is ${name}`,
    );
  }
  const all = action === "up" ? defaultServices : serviceNames;
  // In their own order, each once.
  const names = serviceNames.filter((name) =>
    wanted.length === 0 ? all.includes(name) : wanted.includes(name)
  );
  const brokers = Number(values.brokers);
  if (brokers !== 1 && brokers !== 3) {
    throw new RangeError(
      `Cannot start as '--brokers' must be 1 or 3: current value is ${values.brokers}`,
    );
  }
  const { secure, native, wipe, json } = values;
  return {
    action: action as ServicesOptions["action"],
    names,
    brokers,
    secure,
    native,
    wipe,
    json,
    folder: resolve(values.folder),
    portOffset: portOffset(values["port-offset"]),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        brokers: { type: "string", default: "1" },
        secure: { type: "boolean", default: false },
        native: { type: "boolean", default: false },
        wipe: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        folder: { type: "string", default: join(import.meta.dirname!, "..", "..", ".services") },
        "port-offset": { type: "string", default: "0" },
      },
    });
  } catch (cause) {
    throw new RangeError((cause as Error).message, { cause });
  }
}

function portOffset(text: string): number | "auto" {
  if (text === "auto") return text;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new RangeError(
    `Cannot start as '--port-offset' must be 0 to 9999 or auto: current value is ${text}`,
  );
}
