/** Passwords of the services' users, made once per site. */
import { join } from "node:path";
import type { Site } from "./service.ts";

/** The password of `user`: letters and digits only, so that it fits into URLs and statements as it is. */
export async function passwordOf(site: Site, user: string): Promise<string> {
  const folder = join(site.folder, "passwords");
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, user);
  const known = await Deno.readTextFile(path).catch(() => "");
  if (known !== "") return known.trim();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const password = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  await Deno.writeTextFile(path, `${password}\n`, { mode: 0o600 });
  return password;
}
