/**
 * The two shapes in which the gateway meets the network: alone, behind its own guard, and behind
 * haproxy, as drills attack them.
 *
 * @module
 */
import {
  configuration,
  type Edge,
  hasHaproxy,
  startEdge,
} from "../../../deploy/edge/start_edge.ts";
import type { OwnContext } from "../drill_types.ts";
import type { PlatformProcess } from "../platform/platform_process.ts";
import { freePort, Site } from "../platform/site.ts";

export type ShapeName = "guard" | "haproxy";

/** A gateway that clients reach. */
export interface Shape {
  readonly name: ShapeName;
  readonly site: Site;
  readonly platform: PlatformProcess;
  /** Where clients connect. */
  readonly url: URL;
  /** What they trust, PEM; `undefined` without TLS. */
  readonly ca: string | undefined;
  end(): Promise<void>;
}

export interface ShapeOptions {
  /** Variables of the platform. @default none */
  readonly env?: Readonly<Record<string, string>>;
  /** Changes haproxy's configuration, to show that it matters. @default as it is shipped */
  readonly edit?: (configuration: string) => string;
}

/** Whether the shape can be had on this machine. */
export async function canShape(name: ShapeName): Promise<boolean> {
  return name === "guard" || await hasHaproxy();
}

/** Starts it, and waits until a client is served. */
export async function startShape(
  ctx: OwnContext,
  name: ShapeName,
  { env = {}, edit }: ShapeOptions = {},
): Promise<Shape> {
  const behind: Record<string, string> = name === "haproxy"
    ? { GUARD: "off", TRUSTED_PROXIES: "127.0.0.1" }
    : { GUARD: "on" };
  const site = new Site(`${ctx.dir}/${name}`, { env: { ...behind, ...env } });
  const platform = site.start();
  await platform.ready();
  if (name === "guard") {
    return { name, site, platform, url: new URL(site.url), ca: undefined, end: () => site.clear() };
  }
  const edge = await startProxy(ctx, site, edit);
  const ca = await Deno.readTextFile(edge.ca);
  const end = async () => {
    await edge.stop();
    await site.clear();
  };
  const shape = { name, site, platform, url: new URL(edge.url), ca, end };
  await platform.until("haproxy serves", 10_000, async () => await post(shape, "up") || undefined);
  return shape;
}

async function startProxy(
  ctx: OwnContext,
  site: Site,
  edit: ShapeOptions["edit"],
): Promise<Edge> {
  const file = edit === undefined ? undefined : `${ctx.dir}/haproxy.cfg`;
  if (file !== undefined) {
    await Deno.writeTextFile(file, edit!(await Deno.readTextFile(configuration)));
  }
  return await startEdge({
    folder: `${ctx.dir}/edge`,
    gateway: `127.0.0.1:${site.port}`,
    port: freePort(),
    statsPort: freePort(),
    ...(file === undefined ? {} : { file }),
  });
}

/** An honest client's event, on a connection of its own. @returns whether it was accepted */
export async function post({ url, ca, site }: Pick<Shape, "url" | "ca" | "site">, id: string) {
  using client = Deno.createHttpClient(ca === undefined ? {} : { caCerts: [ca] });
  try {
    const response = await fetch(new URL("/api/v1/events", url), {
      client,
      method: "POST",
      headers: { authorization: `Bearer ${site.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        event_type: "custom",
        user_id: `honest-${id}`,
        game_id: "drill-edge",
      }),
      signal: AbortSignal.timeout(5_000),
    });
    await response.body?.cancel();
    return response.status === 202;
  } catch {
    return false;
  }
}

/** A socket to the shape, spoken to by hand. */
export async function connect({ url, ca }: Pick<Shape, "url" | "ca">): Promise<Deno.Conn> {
  const to = { hostname: url.hostname, port: Number(url.port) };
  return ca === undefined
    ? await Deno.connect(to)
    : await Deno.connectTls({ ...to, caCerts: [ca], alpnProtocols: ["http/1.1"] });
}
