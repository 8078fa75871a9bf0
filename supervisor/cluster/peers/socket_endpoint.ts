/**
 * A WebSocket as an endpoint of calls: what crosses it is JSON.
 *
 * @module
 */
import { limits } from "../../../schema/limits.ts";
import type { Endpoint } from "../../worker/rpc.ts";

/** @param socket that is open */
export function socketEndpoint(socket: WebSocket): Endpoint {
  return {
    postMessage(message) {
      if (socket.readyState !== WebSocket.OPEN) return;
      // A peer that does not read must not fill our memory: it is as good as gone.
      if (socket.bufferedAmount > limits.clusterMessageBytesMax) return socket.close();
      socket.send(JSON.stringify(message));
    },
    addEventListener: (type, listener) =>
      socket.addEventListener(type, (event: MessageEvent) => {
        let data: unknown;
        try {
          data = JSON.parse(String(event.data));
        } catch {
          return socket.close();
        }
        listener({ data } as MessageEvent);
      }),
  };
}
