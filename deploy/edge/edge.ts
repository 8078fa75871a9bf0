/**
 * `deno task edge`: haproxy as in production, on loopback before a gateway that runs, with a
 * certificate made for it. `--check` only looks at the configuration.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { print } from "../services/output.ts";
import { checkEdge, type EdgeOptions, startEdge } from "./start_edge.ts";

const usage = `deno task edge [options]

haproxy before a gateway on this machine; Ctrl-C ends it.

  --gateway HOST:PORT  of a gateway started with TRUSTED_PROXIES=127.0.0.1 GUARD=off [127.0.0.1:8080]
  --port N             where clients connect [8443]
  --stats N            where Prometheus does [8404]
  --folder PATH        of the certificate [.services/edge]
  --check              looks at the configuration, and installs haproxy where it may; exit 1 if it is wrong
`;

function optionsOf(args: readonly string[]): EdgeOptions & { readonly check: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: {
      gateway: { type: "string", default: "127.0.0.1:8080" },
      port: { type: "string", default: "8443" },
      stats: { type: "string", default: "8404" },
      folder: { type: "string", default: join(import.meta.dirname!, "../../.services/edge") },
      check: { type: "boolean", default: false },
    },
  });
  const port = (name: "port" | "stats") => {
    const number = Number(values[name]);
    if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
    throw new TypeError(
      `Cannot start as '--${name}' must be a port: current value is ${values[name]}`,
    );
  };
  const { gateway, folder, check } = values;
  return { gateway, folder, check, port: port("port"), statsPort: port("stats") };
}

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof optionsOf>;
  try {
    options = optionsOf(args);
  } catch (error) {
    print(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  await Deno.mkdir(options.folder, { recursive: true });
  const faults = await checkEdge(options);
  if (faults !== "") print(faults);
  if (options.check || faults !== "") return faults === "" ? 0 : 1;
  const edge = await startEdge(options);
  print(
    `${edge.url} before http://${options.gateway}: curl --cacert ${edge.ca} ${edge.url}/health/ready`,
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => void edge.stop());
  }
  const { success } = await edge.exited;
  if (!success) print(edge.output());
  return success ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
