/**
 * A double of Qdrant for machines that have none: the few REST calls that are used, answers in the
 * shapes that its API documents, search exact. It is no proof that a real server agrees.
 *
 * @module
 */

interface StoredPoint {
  readonly id: string;
  readonly vector: readonly number[];
  readonly payload: Record<string, unknown>;
}

interface Collection {
  readonly size: number;
  readonly points: Map<string, StoredPoint>;
}

/** What a double holds; hand it to the next one, as a server finds its disk again. */
export type QdrantData = Map<string, Collection>;

export interface QdrantDouble {
  readonly url: string;
  readonly port: number;
  readonly data: QdrantData;
  /** Calls by method and last part of the path. */
  readonly calls: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

function ok(result: unknown): Response {
  return Response.json({ usage: null, time: 0.001, status: "ok", result });
}

function refused(status: number, error: string): Response {
  return Response.json({ time: 0.001, status: { error } }, { status });
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]) =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

interface QueryBody {
  readonly query: readonly number[];
  readonly limit: number;
  readonly filter: { readonly must: readonly { key: string; match: { value: unknown } }[] };
  readonly with_payload: boolean;
}

function query(collection: Collection, body: QueryBody): Response {
  if (body.query.length !== collection.size) {
    const told =
      `Vector dimension error: expected dim: ${collection.size}, got ${body.query.length}`;
    return refused(400, `Wrong input: ${told}`);
  }
  const { must } = body.filter;
  const points = [...collection.points.values()]
    .filter(({ payload }) => must.every(({ key, match }) => payload[key] === match.value))
    .map(({ id, vector, payload }) => ({
      id,
      version: 0,
      score: cosine(body.query, vector),
      ...(body.with_payload ? { payload } : {}),
    }))
    .sort((a, b) => b.score - a.score);
  return ok({ points: points.slice(0, body.limit) });
}

function upsert(collection: Collection, { points }: { points: readonly StoredPoint[] }): Response {
  const isId = (id: unknown) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(String(id));
  for (const { id, vector } of points) {
    if (!isId(id)) {
      return refused(400, `Format error in JSON body: value ${id} is not a valid point ID`);
    }
    if (vector.length !== collection.size) {
      const told = `expected dim: ${collection.size}, got ${vector.length}`;
      return refused(400, `Wrong input: Vector dimension error: ${told}`);
    }
  }
  for (const point of points) collection.points.set(point.id, point);
  return ok({ operation_id: 1, status: "completed" });
}

/** The route of a request: its method and path, with `*` for the collection's name. */
async function answer(data: QdrantData, route: string, name: string, request: Request) {
  if (route === "GET /collections") {
    return ok({ collections: [...data.keys()].map((name) => ({ name })) });
  }
  const collection = data.get(name);
  if (route === "GET /collections/*/exists") return ok({ exists: collection !== undefined });
  const body = await request.json();
  if (route === "PUT /collections/*") {
    if (collection !== undefined) {
      return refused(409, `Wrong input: Collection \`${name}\` already exists!`);
    }
    data.set(name, { size: body.vectors.size, points: new Map() });
    return ok(true);
  }
  if (collection === undefined) {
    return refused(404, `Not found: Collection \`${name}\` doesn't exist!`);
  }
  switch (route) {
    case "PUT /collections/*/index":
      return ok({ operation_id: 1, status: "completed" });
    case "PUT /collections/*/points":
      return upsert(collection, body);
    case "POST /collections/*/points/delete":
      for (const id of body.points) collection.points.delete(id);
      return ok({ operation_id: 1, status: "completed" });
    case "POST /collections/*/points/query":
      return query(collection, body);
    default:
      return refused(404, "");
  }
}

/** @param options `port`: 0 takes a free one; `apiKey` that requests must show */
export function startQdrantDouble(
  options: { readonly port?: number; readonly data?: QdrantData; readonly apiKey?: string } = {},
): QdrantDouble {
  const { port = 0, data = new Map(), apiKey } = options;
  const calls = new Map<string, number>();
  const abort = new AbortController();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port, signal: abort.signal, onListen() {} },
    async (request) => {
      const [, first, name = "", ...rest] = new URL(request.url).pathname.split("/");
      const path = [first, ...(name === "" ? [] : ["*"]), ...rest].join("/");
      const route = `${request.method} /${path}`;
      calls.set(route, (calls.get(route) ?? 0) + 1);
      if (apiKey !== undefined && request.headers.get("api-key") !== apiKey) {
        return new Response("Invalid api-key", { status: 403 });
      }
      return await answer(data, route, name, request);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    port: server.addr.port,
    data,
    calls,
    stop: async () => {
      abort.abort();
      await server.finished;
    },
  };
}
