/**
 * A node's network of its own: a namespace of the kernel with one link to each server, of which either
 * direction can be cut. A cut link does not tell: whatever is sent over it vanishes, connections stay
 * open, and the kernel sends again until it gives up or the link is whole. Needs root on Linux.
 *
 * @module
 */

export const links = ["broker", "store", "front"] as const;
/** To a server; `front` is where clients and other nodes come from. */
export type LinkName = (typeof links)[number];
/** As the node sees it: what it sends, or what is sent to it. */
export type Direction = "out" | "in";

const reachMs = 1_000;
/** A neighbour that is not there: whoever has this one for the other's address talks to nobody. */
const nobody = "02:00:00:00:00:99";

const open = new Set<NodeNetwork>();

/** Removes the networks of every drill. */
export async function clearAllNetworks(): Promise<void> {
  await Promise.all([...open].map((network) => network.close()));
}

async function command(words: readonly string[]): Promise<{ ok: boolean; text: string }> {
  try {
    const { success, stderr } = await new Deno.Command(words[0]!, {
      args: words.slice(1),
      stdin: "null",
      stdout: "null",
    }).output();
    return { ok: success, text: new TextDecoder().decode(stderr).trim() };
  } catch (error) {
    return { ok: false, text: (error as Error).message };
  }
}

/** @throws {Error} it did not go well */
async function must(line: string): Promise<void> {
  const { ok, text } = await command(line.split(" "));
  if (!ok) throw new Error(`'${line}' says: ${text}`);
}

/** Why no namespace can be had here; `undefined` when one can. */
export async function noNamespaces(): Promise<string | undefined> {
  const name = `gm-try-${crypto.randomUUID().slice(0, 6)}`;
  const { ok, text } = await command(["ip", "netns", "add", name]);
  if (!ok) return `no network namespaces: ${text}`;
  const tried = await command(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"]);
  await command(["ip", "netns", "del", name]);
  return tried.ok ? undefined : `no network namespaces: ${tried.text}`;
}

export class NodeNetwork {
  readonly #id = crypto.randomUUID().slice(0, 6);
  readonly #subnet = `10.${200 + Math.floor(Math.random() * 50)}.${
    Math.floor(Math.random() * 256)
  }`;
  readonly name = `gm-drill-${this.#id}`;

  private constructor() {
    open.add(this);
  }

  static async open(): Promise<NodeNetwork> {
    const network = new NodeNetwork();
    try {
      await network.#make();
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  async #make(): Promise<void> {
    const { name } = this;
    const inside = `ip netns exec ${name}`;
    await must(`ip netns add ${name}`);
    await must(`${inside} ip link set lo up`);
    for (const link of links) {
      const [outer, inner] = [this.#outer(link), this.#inner(link)];
      await must(`ip link add ${outer} type veth peer name ${inner} netns ${name}`);
      await must(`ip addr add ${this.outerAddress(link)}/30 dev ${outer}`);
      await must(`${inside} ip addr add ${this.innerAddress(link)}/30 dev ${inner}`);
      await must(`ip link set ${outer} up`);
      await must(`${inside} ip link set ${inner} up`);
    }
  }

  #outer(link: LinkName): string {
    return `gm${this.#id}o${links.indexOf(link)}`;
  }

  #inner(link: LinkName): string {
    return `gm${this.#id}i${links.indexOf(link)}`;
  }

  /** Of a server, or of whoever is at the other end. */
  outerAddress(link: LinkName): string {
    return `${this.#subnet}.${4 * links.indexOf(link) + 1}`;
  }

  /** The node's. */
  innerAddress(link: LinkName): string {
    return `${this.#subnet}.${4 * links.indexOf(link) + 2}`;
  }

  /** What starts a program inside. */
  get runner(): readonly string[] {
    return ["ip", "netns", "exec", this.name];
  }

  /** One direction of a link falls silent; the other goes on. */
  async cut(link: LinkName, direction: Direction): Promise<void> {
    await this.#neighbour("replace", link, direction, ` lladdr ${nobody} nud permanent`);
  }

  async heal(link: LinkName, direction: Direction): Promise<void> {
    await this.#neighbour("del", link, direction, "");
  }

  async #neighbour(verb: string, link: LinkName, direction: Direction, how: string) {
    const [address, device] = direction === "out"
      ? [this.outerAddress(link), this.#inner(link)]
      : [this.innerAddress(link), this.#outer(link)];
    const prefix = direction === "out" ? `${this.runner.join(" ")} ` : "";
    await must(`${prefix}ip neigh ${verb} ${address}${how} dev ${device}`);
  }

  /** Whether a new connection from inside to a port at the other end comes about. */
  async reaches(link: LinkName, port: number): Promise<boolean> {
    const connect = `exec 3<>/dev/tcp/${this.outerAddress(link)}/${port}`;
    const seconds = String(reachMs / 1000);
    return (await command([...this.runner, "timeout", seconds, "bash", "-c", connect])).ok;
  }

  /** Removes it; nothing may run inside any more. */
  async close(): Promise<void> {
    if (!open.delete(this)) return;
    for (const link of links) await command(["ip", "link", "del", this.#outer(link)]);
    await command(["ip", "netns", "del", this.name]);
  }
}
