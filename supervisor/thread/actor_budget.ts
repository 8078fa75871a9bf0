/**
 * What the live actors of one shard may take of what its worker has for all.
 *
 * @module
 */

/**
 * Bytes for a shard that holds `own` of them: what the others leave, as busy shards may use what idle
 * ones do not. When all together hold too much, those above the fair share give up the excess, each
 * by how far it is above; nobody is pressed below that share.
 *
 * @param total for all shards of the worker
 * @param all what each of them holds, `own` among them
 */
export function budgetOf(total: number, own: number, all: readonly number[]): number {
  const fair = total / Math.max(1, all.length);
  const excess = all.reduce((sum, bytes) => sum + bytes, 0) - total;
  if (excess <= 0 || own <= fair) return Math.max(fair, own - excess);
  const above = all.reduce((sum, bytes) => sum + Math.max(0, bytes - fair), 0);
  return own - excess * (own - fair) / above;
}
