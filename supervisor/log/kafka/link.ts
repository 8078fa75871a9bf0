/**
 * One connection to one broker: made when it is needed, dropped when it breaks, made again after a
 * pause that grows.
 *
 * @module
 */
import { Connection, type ConnectionOptions, type Reader, type Writer } from "@platformatic/kafka";
import { Terminal, Unavailable } from "../../../schema/errors.ts";
import type { KafkaBroker } from "../../../schema/kafka/kafka_url.ts";

/** The broker did not answer, or the connection broke, after a request was handed to it. */
export class AnswerLost extends Error {
  override readonly name = "AnswerLost";
}

/** An API call of the client, less its connection. */
export type Call<T> = (connection: Connection) => Promise<T>;

export interface LinkOptions {
  readonly clientId: string;
  readonly security: Pick<ConnectionOptions, "tls" | "sasl">;
  /** How long a request may take; then the connection is dropped, as its order is lost. */
  readonly requestTimeoutMs: number;
}

/** How long a connection may take to be made. */
const connectTimeoutMs = 1_500;
const pauseMsMin = 50;
const pauseMsMax = 1_000;

export class Link {
  #connection: Promise<Connection> | undefined;
  #current: Connection | undefined;
  #pauseMs = pauseMsMin;
  #pausedUntil = 0;
  #lastError: Unavailable | Terminal | undefined;
  #hasAnswered = false;
  #isClosed = false;

  constructor(readonly broker: KafkaBroker, readonly options: LinkOptions) {}

  /**
   * Runs a call.
   *
   * @throws {Unavailable} nothing was sent
   * @throws {Terminal} `log_access`: user or password are refused
   * @throws {AnswerLost} it was sent, and is not answered
   */
  async call<T>(call: Call<T>): Promise<T> {
    const connection = await this.#connected();
    try {
      const answer = await call(connection);
      this.#hasAnswered = true;
      return answer;
    } catch (error) {
      // The client's parsers refuse a whole answer for one partition's error; it is in there, too.
      const response = (error as { response?: unknown }).response;
      if (response !== undefined) return response as T;
      this.#drop(connection);
      const { sasl, tls } = this.options.security;
      // So brokers answer clients that should have signed in, or encrypted.
      const isPlain = !this.#hasAnswered && sasl === undefined && tls === undefined;
      const hint = isPlain ? ", does it want a user, or tls=1?" : "";
      throw new AnswerLost(`${this.#name} did not answer: ${messageOf(error)}${hint}`);
    }
  }

  /** Resolves when there is a connection. @throws as {@link call}, nothing being sent */
  async ready(): Promise<void> {
    await this.#connected();
  }

  /** A request that we write or read ourselves. @throws as {@link call} */
  request<T>(
    api: { readonly key: number; readonly version: number },
    create: () => Writer,
    parse: (answer: Reader) => T,
  ): Promise<T> {
    return this.call((connection) => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const read = (_id: number, _key: number, _version: number, reader: Reader) => parse(reader);
      connection.send(api.key, api.version, create, read, true, true, (error, answer) => {
        if (error) reject(error);
        else resolve(answer as T);
      });
      return promise;
    });
  }

  close(): void {
    this.#isClosed = true;
    void this.#connection?.then((connection) => connection.close(), () => {});
    this.#connection = undefined;
  }

  get #name(): string {
    return `${this.broker.host}:${this.broker.port}`;
  }

  async #connected(): Promise<Connection> {
    if (this.#isClosed) throw new Unavailable("log", "Cannot use the log as it was closed");
    const known = await this.#connection;
    if (known?.isConnected()) return known;
    // Others may have waited for the same.
    const current = await this.#connection;
    if (current !== undefined && current !== known && current.isConnected()) return current;
    if (this.#lastError !== undefined && performance.now() < this.#pausedUntil) {
      throw this.#lastError;
    }
    this.#connection = this.#connect();
    this.#connection.catch(() => this.#connection = undefined);
    return await this.#connection;
  }

  async #connect(): Promise<Connection> {
    const { clientId, security, requestTimeoutMs } = this.options;
    const connection = new Connection(clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      ...security,
    });
    // Without a listener an error event is thrown.
    connection.on("error", () => {});
    try {
      await connection.connect(this.broker.host, this.broker.port);
    } catch (error) {
      connection.close(() => {});
      this.#pausedUntil = performance.now() + this.#pauseMs;
      this.#pauseMs = Math.min(this.#pauseMs * 2, pauseMsMax);
      throw this.#lastError = this.#connectError(error);
    }
    if (this.#isClosed) connection.close(() => {});
    this.#current = connection;
    this.#pauseMs = pauseMsMin;
    this.#lastError = undefined;
    return connection;
  }

  #connectError(error: unknown): Unavailable | Terminal {
    const { sasl, tls } = this.options.security;
    for (let at = error; at instanceof Error; at = at.cause) {
      if ((at as { code?: unknown }).code === "PLT_KFK_AUTHENTICATION") {
        return new Terminal(
          "log_access",
          `Kafka at ${this.#name} refuses the user ${String(sasl?.username)}: ` +
            `check user and password of LOG_URL`,
        );
      }
    }
    const hint = tls === undefined ? "" : " over TLS";
    return new Unavailable(
      "log",
      `Cannot reach Kafka at ${this.#name}${hint}: ${messageOf(error)}`,
    );
  }

  #drop(connection: Connection): void {
    connection.close(() => {});
    if (connection === this.#current) this.#connection = undefined;
  }
}

/** The innermost message of an error: it says most. */
export function messageOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  return inner instanceof Error ? inner.message || inner.name : String(inner);
}
