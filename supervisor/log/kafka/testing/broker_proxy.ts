/**
 * Stands between a client and a real broker, and loses connections or answers as a test asks.
 *
 * Brokers tell clients under which address they are reached; the proxy puts its own port in there.
 *
 * @module
 */
import type { KafkaBroker, KafkaTarget } from "../../../../schema/kafka/kafka_url.ts";

/**
 * - `pass`: nothing happens
 * - `mute`: requests reach the broker, answers stay in the proxy
 * - `refuse`: connections are cut, new ones too
 */
export type ProxyMode = "pass" | "mute" | "refuse";

export class BrokerProxy {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  #mode: ProxyMode = "pass";
  /** Bytes that came from clients since the last change of mode. */
  requestBytes = 0;

  constructor(readonly broker: KafkaBroker) {
    void this.#accept();
  }

  /** The target, by way of the proxy. */
  through(target: KafkaTarget): KafkaTarget {
    return { ...target, brokers: [{ host: "127.0.0.1", port: this.#port }] };
  }

  get #port(): number {
    return this.#listener.addr.port;
  }

  set mode(mode: ProxyMode) {
    this.#mode = mode;
    this.requestBytes = 0;
    if (mode === "refuse") this.cut();
  }

  /** Cuts the connections there are; answers that were kept back are lost. */
  cut(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  close(): void {
    this.#listener.close();
    this.cut();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#mode === "refuse") close(client);
      else void this.#serve(client).catch(() => {});
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    this.#connections.add(client);
    const { host, port } = this.broker;
    const server = await Deno.connect({ hostname: host, port });
    this.#connections.add(server);
    const up = pump(client, server, (bytes) => {
      this.requestBytes += bytes.length;
      return bytes;
    });
    const down = pump(server, client, (bytes) => {
      if (this.#mode === "mute") return undefined;
      return readdress(bytes, host, port, this.#port);
    });
    await Promise.race([up, down]);
    close(client);
    close(server);
  }
}

/** Copies until either end is gone. @param through what goes on, `undefined` for nothing */
async function pump(
  from: Deno.TcpConn,
  to: Deno.TcpConn,
  through: (bytes: Uint8Array) => Uint8Array | undefined,
): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return;
      let rest = through(buffer.slice(0, count));
      while (rest !== undefined && rest.length > 0) rest = rest.subarray(await to.write(rest));
    }
  } catch {
    // Cut.
  }
}

/** Puts another port behind each `host` + `port`. */
function readdress(bytes: Uint8Array, host: string, port: number, own: number): Uint8Array {
  const address = new TextEncoder().encode(`${host}....`);
  const view = new DataView(address.buffer);
  view.setInt32(host.length, port);
  for (let at = 0; at + address.length <= bytes.length; at++) {
    if (!address.every((byte, i) => bytes[at + i] === byte)) continue;
    new DataView(bytes.buffer, bytes.byteOffset).setInt32(at + host.length, own);
  }
  return bytes;
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // Closed already.
  }
}
