/**
 * What was made of the keys that came last.
 *
 * @module
 */

/**
 * `make`, and what it made of the last keys: at least `size` of them, at most twice as many.
 *
 * @param make gives the same for the same key, always
 */
export function remembered<T>(make: (key: string) => T, size: number): (key: string) => T {
  let recent = new Map<string, T>();
  let before = new Map<string, T>();
  return (key) => {
    const known = recent.get(key);
    if (known !== undefined) return known;
    const made = before.get(key) ?? make(key);
    if (recent.size >= size) {
      before = recent;
      recent = new Map();
    }
    recent.set(key, made);
    return made;
  };
}
