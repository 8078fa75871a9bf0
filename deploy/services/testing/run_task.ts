/** Runs the task `services` as its users do, on a site of its own and on free ports. */

export interface TaskResult {
  readonly code: number;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly progress: string;
}

/**
 * @param folder of the site
 * @param env in place of our own, where it is named
 */
export async function runTask(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<TaskResult> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL("../services.ts", import.meta.url).pathname, ...args]
      .concat("--folder", folder, "--port-offset", "auto", "--json"),
    env,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout), progress: decoder.decode(stderr) };
}
