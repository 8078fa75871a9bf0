/**
 * The code that the README's page on the first event shows, to be run as it stands there.
 *
 * @module
 */
import { join } from "node:path";

/** A block of the page: ```` ```js ignore segment ```` is JavaScript, no doc test, and named `segment`. */
export interface Snippet {
  readonly language: string;
  readonly code: string;
}

const root = join(import.meta.dirname!, "../..");
/** Where the page has the platform. */
const hostOnPage = "127.0.0.1:8080";

/** The page's blocks by name, in their order; those without a name by their place. */
export function readSnippets(): ReadonlyMap<string, Snippet> {
  const readme = Deno.readTextFileSync(join(root, "README.md"));
  const from = readme.indexOf("\n## Send your first event\n");
  const page = readme.slice(from, readme.indexOf("\n## ", from + 1));
  const blocks = page.matchAll(/^```(\w+)(?: ignore)? ?(\w*)\n([\s\S]*?)^```$/gm);
  return new Map(Array.from(blocks, ([, language, name, code], n) => [
    name || `block ${n + 1}`,
    { language: language!, code: code! },
  ]));
}

/**
 * A snippet as a reader has it once he has put his own values in.
 *
 * @param host of the platform
 * @param values what stands for what, `…` among them
 */
export function filledIn(
  { code }: Snippet,
  host: string,
  values: Readonly<Record<string, string>>,
): string {
  let text = code.replaceAll(hostOnPage, host);
  for (const [name, value] of Object.entries(values)) text = text.replaceAll(name, value);
  return text;
}
