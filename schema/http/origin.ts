/**
 * Origins as browsers name them, and lists of them that keys are held to.
 *
 * @module
 */

/**
 * `scheme://host[:port]` in small letters, without a path; `https://*.example.com` is every host below
 * that one. Apps in a web view have schemes of their own (`capacitor://localhost`).
 */
const form =
  /^[a-z][a-z0-9+.-]{0,31}:\/\/((\*\.)?([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}|\[[0-9a-f:.]{2,45}\])(:\d{1,5})?$/;

const defaultPort: Readonly<Record<string, string>> = { http: ":80", https: ":443" };

/** An origin as it is kept, or `undefined` for what is none. */
export function originOf(text: string): string | undefined {
  const origin = text.toLowerCase();
  // What a file, or a page in a sandbox, names.
  if (origin === "null") return origin;
  if (origin.length > 255 || !form.test(origin)) return undefined;
  const port = defaultPort[origin.slice(0, origin.indexOf(":"))];
  return port !== undefined && origin.endsWith(port) ? origin.slice(0, -port.length) : origin;
}

/** Whether `origin`, a header of a browser's, is in the list. */
export function isOriginOf(list: readonly string[], origin: string): boolean {
  if (list.includes(origin)) return true;
  return list.some((one) => {
    const [scheme, host] = one.split("://*.");
    return host !== undefined && origin.startsWith(`${scheme}://`) && origin.endsWith(`.${host}`) &&
      originOf(origin) === origin;
  });
}
