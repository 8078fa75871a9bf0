/**
 * The demo key, the admin token and the secret that keys are sealed under: from the environment, or made
 * once and kept in the data folder, readable by its owner only.
 *
 * @module
 */
import { join } from "node:path";

export interface Secrets {
  readonly demoKey: string;
  readonly adminToken: string;
  /** What HMAC secrets are sealed under; never shown. */
  readonly keysSecret: string;
  /** Demo key or admin token were made just now, to be shown once. */
  readonly isNew: boolean;
}

function randomToken(prefix: string): string {
  return prefix + crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" });
}

async function readKept(path: string): Promise<Partial<Secrets>> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

/** Writes a file that only its owner may read, whole or not at all. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${Deno.pid}.tmp`;
  await Deno.writeTextFile(temporary, text, { mode: 0o600 });
  await Deno.rename(temporary, path);
}

/** @param given from the environment; what is absent is read from `dataDir`, or made and kept there */
export async function loadSecrets(
  dataDir: string,
  given: Readonly<Record<"demoKey" | "adminToken" | "keysSecret", string | undefined>>,
): Promise<Secrets> {
  const path = join(dataDir, "secrets.json");
  const kept = await readKept(path);
  const demoKey = given.demoKey ?? kept.demoKey ?? randomToken("gm_demo_");
  const adminToken = given.adminToken ?? kept.adminToken ?? randomToken("gm_admin_");
  const keysSecret = given.keysSecret ?? kept.keysSecret ?? randomToken("");
  const made = {
    demoKey: given.demoKey === undefined ? demoKey : kept.demoKey,
    adminToken: given.adminToken === undefined ? adminToken : kept.adminToken,
    keysSecret: given.keysSecret === undefined ? keysSecret : kept.keysSecret,
  };
  const isNew = made.demoKey !== kept.demoKey || made.adminToken !== kept.adminToken;
  const isChanged = isNew || made.keysSecret !== kept.keysSecret;
  if (isChanged) await writePrivateFile(path, JSON.stringify(made));
  return { demoKey, adminToken, keysSecret, isNew };
}
