/**
 * A bound on what the kernel holds for clients that do not read: else it takes megabytes for each
 * before anybody notices, and a stalled reader looks like one who reads.
 *
 * @module
 */
import { SocketCalls } from "./socket_calls.ts";

/**
 * Bounds the send buffers of all connections that the listener on `port` will accept from now on.
 *
 * @param bytes the kernel may take twice as much, for its own bookkeeping
 * @returns false where that cannot be done
 */
export function boundSendBuffers(port: number, bytes: number): boolean {
  const calls = SocketCalls.open();
  if (calls === undefined) return false;
  let isDone = false;
  for (const fd of calls.descriptors()) {
    const isListener = calls.own(fd)?.endsWith(`:${port}`) === true && calls.peer(fd) === undefined;
    if (isListener && calls.set(fd, "sendBuffer", bytes)) isDone = true;
  }
  return isDone;
}
