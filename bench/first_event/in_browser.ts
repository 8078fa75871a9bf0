/**
 * Runs code that is made for browsers: `in_browser.ts FILE`, a module, or a page that has one beside a
 * button and an element to write to. The button is pressed as soon as it can be, and what the page
 * writes is printed.
 *
 * @module
 */
import { pathToFileURL } from "node:url";
import { print } from "../cli/print.ts";
import { giveBrowser } from "../sdks/game_analytics_client.ts";

/** A page's elements that are not its script. */
function elementsOf(html: string): unknown[] {
  const button = {
    onclick: () => {},
    set disabled(isDisabled: boolean) {
      if (!isDisabled) queueMicrotask(() => button.onclick());
    },
  };
  const log = { append: (...texts: string[]) => print(texts.join("").trimEnd()) };
  const tags = [...html.matchAll(/<(button|pre)\b/g)].map(([, tag]) => tag);
  return tags.map((tag) => tag === "button" ? button : log);
}

if (import.meta.main) {
  const [path = ""] = Deno.args;
  giveBrowser();
  if (path.endsWith(".html")) {
    const html = await Deno.readTextFile(path);
    const script = html.match(/<script type="module">([\s\S]*)<\/script>/)?.[1];
    if (script === undefined) throw new RangeError("Cannot run the page: it has no module");
    Object.assign(document, { querySelectorAll: () => elementsOf(html) });
    await import(`data:text/javascript,${encodeURIComponent(script)}`);
  } else {
    await import(pathToFileURL(path).href);
  }
}
