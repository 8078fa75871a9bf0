/**
 * Deadlines of calls to what is not ours.
 *
 * @module
 */

/** The answer did not come in time; the call may have been carried out. */
export class Late extends Error {
  override readonly name = "Late";
}

/** Settles as `answer` does, or rejects with {@link Late} after `ms`; who comes later is not heard. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Late(`No answer within ${ms} ms`)), ms);
  });
  answer.catch(() => {});
  return await Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
