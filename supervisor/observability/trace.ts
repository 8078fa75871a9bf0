/**
 * Spans, for what somebody has asked to be traced. The runtime makes and exports them (`OTEL_DENO`,
 * the standard `OTEL_*` variables); it gives each request of the gateway its span, in the trace that
 * the client's `traceparent` names. From there on **the flag decides**: what is not sampled makes no
 * span, carries no text along, and costs the look at one variable.
 *
 * Between threads, records and processes a trace is its `traceparent`; see `traceparent.ts`.
 *
 * @module
 */
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { isSampled, isTraceparent } from "./traceparent.ts";

/** Whether the runtime exports spans at all. */
export const isTracing: boolean = /^(1|true)$/i.test(Deno.env.get("OTEL_DENO") ?? "");

const tracer = trace.getTracer("gamemetrics");

/** By OpenTelemetry's kinds: who is called, who calls, who sends a message, who takes one. */
export type Kind = "server" | "client" | "producer" | "consumer";

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

export interface SpanStart {
  readonly name: string;
  readonly kind: Kind;
  /** `traceparent` of the span it belongs under. */
  readonly parent: string;
  /** `traceparent`s of spans it has to do with. */
  readonly links?: readonly string[];
  readonly attributes?: Attributes;
  /** Milliseconds since the Unix epoch. @default now */
  readonly startMs?: number;
}

/** A span that has begun. */
export interface OpenSpan {
  /** Its own place in the trace, for whatever comes of it. */
  readonly traceparent: string;
  /** @param error what it failed with; left out: it went well */
  end(error?: unknown): void;
  /** Ends it with the outcome of `work`. */
  during<T>(work: Promise<T>): Promise<T>;
}

function spanContextOf(traceparent: string): SpanContext {
  const [, traceId, spanId, flags] = traceparent.split("-");
  return { traceId: traceId!, spanId: spanId!, traceFlags: parseInt(flags!, 16), isRemote: true };
}

function contextOf(traceparent: string): Context {
  return trace.setSpanContext(ROOT_CONTEXT, spanContextOf(traceparent));
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/** The `traceparent` of the span that runs here, if it is sampled: that of the request, on its way in. */
export function currentTraceparent(): string | undefined {
  if (!isTracing) return undefined;
  const active = trace.getActiveSpan()?.spanContext();
  return active === undefined || (active.traceFlags & 1) === 0 ? undefined : traceparentOf(active);
}

/** Tells the request's span, if there is one, which route it took. */
export function tellRoute(route: string): void {
  if (isTracing) trace.getActiveSpan()?.setAttribute("http.route", route);
}

/**
 * Runs `body` as a part of the trace that a caller elsewhere has sent: `fetch` and spans within come
 * under it. A header that is absent, malformed or not sampled changes nothing.
 *
 * Calls over HTTP need it not: the runtime's `fetch` sends `traceparent`, its server takes it.
 */
export function withRemoteParent<T>(traceparent: string | null | undefined, body: () => T): T {
  if (!isTracing || !traceparent || !isTraceparent(traceparent) || !isSampled(traceparent)) {
    return body();
  }
  return context.with(contextOf(traceparent), body);
}

/** Begins a span under `parent`, which must be a sampled one. */
export function startSpan(start: SpanStart): OpenSpan {
  const { name, kind, parent, links = [], attributes = {}, startMs } = start;
  const span = tracer.startSpan(name, {
    kind: kinds[kind],
    attributes,
    links: links.map((link) => ({ context: spanContextOf(link) })),
    ...(startMs === undefined ? {} : { startTime: startMs }),
  }, contextOf(parent));
  const end = (error?: unknown) => {
    if (error !== undefined) {
      const { name = "Error", message = String(error) } = error as Partial<Error>;
      span.setAttribute("error.type", name);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    span.end();
  };
  return {
    traceparent: traceparentOf(span.spanContext()),
    end,
    during: (work) =>
      work.then((value) => {
        end();
        return value;
      }, (error) => {
        end(error ?? new Error("failed"));
        throw error;
      }),
  };
}

/**
 * The span of sending records to a topic.
 *
 * @param parent `undefined`: nobody traces this, and there is no span
 */
export function startSend(
  topic: string,
  records: number,
  parent: string | undefined,
): OpenSpan | undefined {
  if (parent === undefined || !isTracing) return undefined;
  return startSpan({
    name: `send ${topic}`,
    kind: "producer",
    parent,
    attributes: {
      "messaging.system": "gamemetrics",
      "messaging.operation.type": "send",
      "messaging.operation.name": "append",
      "messaging.destination.name": topic,
      "messaging.batch.message_count": records,
    },
  });
}
