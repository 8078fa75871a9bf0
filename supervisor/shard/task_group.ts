/**
 * Loops that live and die together.
 *
 * @module
 */

/**
 * Runs the loops; the first that throws aborts `scope`, the others are waited for, and its error is
 * rethrown. Resolves when all have returned.
 */
export async function runTogether(
  scope: AbortController,
  loops: readonly (() => Promise<void>)[],
): Promise<void> {
  let failed: { readonly error: unknown } | undefined;
  await Promise.all(loops.map(async (loop) => {
    try {
      await loop();
    } catch (error) {
      failed ??= { error };
      scope.abort();
    }
  }));
  if (failed !== undefined) throw failed.error;
}
