/**
 * How a platform is started: the words of the task `start`, so that demo, drills and operators run
 * the same thing, engine flags included.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

const main = "supervisor/main.ts";

/**
 * The arguments of `deno` that run `program` as the task `start` runs the platform.
 *
 * @param program in place of the platform's own. @default supervisor/main.ts
 */
export function startArguments(program?: URL): string[] {
  const root = new URL("../../", import.meta.url);
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", root))) as {
    tasks: { start: string };
  };
  const [, ...words] = tasks.start.split(" ");
  const path = fileURLToPath(program ?? new URL(main, root));
  return words.map((word) => word === main ? path : word);
}
