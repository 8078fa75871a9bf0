/**
 * Which coding a client would take (RFC 9110, section 12.5.3).
 *
 * @module
 */

/** The codings that are made here; of two that a client likes equally, the one that packs better. */
export const codings = ["br", "gzip"] as const;
export type Coding = typeof codings[number];

/** `x-gzip` is another name of `gzip`. */
const nameOf = (name: string) => name === "x-gzip" ? "gzip" : name;

const weightForm = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/;

/** The weights that a header names, by coding; one that cannot be read counts as 0. */
function weightsOf(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
    if (name === "") continue;
    const given = parameters.find((text) => /^q\s*=/.test(text))?.replace(/^q\s*=\s*/, "");
    const weight = given === undefined ? 1 : weightForm.test(given) ? Number(given) : 0;
    weights.set(nameOf(name), weight);
  }
  return weights;
}

/**
 * The coding to answer in; `undefined` is none, which is also the answer when nothing would do.
 *
 * @param header `Accept-Encoding`; `null` and an empty one ask for none
 */
export function preferredCoding(header: string | null): Coding | undefined {
  if (header === null) return undefined;
  const weights = weightsOf(header);
  const others = weights.get("*") ?? 0;
  const weightOf = (coding: string) => weights.get(coding) ?? others;
  const [best] = codings.map((coding) => ({ coding, weight: weightOf(coding) }))
    .sort((a, b) => b.weight - a.weight);
  // What is not said of `identity` is that it will do, but it is not asked for, either.
  const plain = weights.get("identity") ?? 0;
  return best!.weight > 0 && best!.weight >= plain ? best!.coding : undefined;
}
