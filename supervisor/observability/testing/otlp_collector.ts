/**
 * A collector of OpenTelemetry's protocol on loopback, as far as tests need one: it takes OTLP over
 * HTTP in JSON, and keeps the spans.
 *
 * @module
 */

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** Attributes with text values. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Span ids. */
  readonly links: readonly string[];
}

export interface Collector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** In the order of their arrival. */
  readonly spans: readonly CollectedSpan[];
}

interface WireSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes?: { key: string; value: { stringValue?: string } }[];
  links?: { spanId: string }[];
}

interface WireTraces {
  resourceSpans?: { scopeSpans: { spans: WireSpan[] }[] }[];
}

/** Starts one on a free port. */
export function startCollector(): Collector {
  const spans: CollectedSpan[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const body: WireTraces = await request.json();
    if (new URL(request.url).pathname === "/v1/traces") {
      for (const { scopeSpans } of body.resourceSpans ?? []) {
        spans.push(...scopeSpans.flatMap((scope) => scope.spans.map(collected)));
      }
    }
    return Response.json({});
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    spans,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function collected(span: WireSpan): CollectedSpan {
  const { traceId, spanId, parentSpanId = "", name, attributes = [], links = [] } = span;
  const texts = attributes.map(({ key, value }) => [key, value.stringValue ?? ""]);
  return {
    traceId,
    spanId,
    parentSpanId,
    name,
    attributes: Object.fromEntries(texts),
    links: links.map((link) => link.spanId),
  };
}
