/** Where what was downloaded or built is kept for all checkouts of a user. */
import { join } from "node:path";

/** Our part of `$XDG_CACHE_HOME`, `~/.cache` or, for a user without a home, `/var/tmp`. */
export function cacheFolder(): string {
  const home = Deno.env.get("HOME") ?? "";
  const standard = home === "" ? "/var/tmp" : join(home, ".cache");
  return join(Deno.env.get("XDG_CACHE_HOME") || standard, "gamemetrics-services");
}
