import assert from "node:assert/strict";
import { parseCidr } from "../../schema/net/cidr.ts";
import { edgeLimits } from "../../schema/net/edge_limits.ts";
import { Guard, type GuardOptions } from "./guard.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A real server behind a guard; it answers with the method, the body's length and the address. */
async function guarded(options: GuardOptions, use: (world: World) => Promise<void>): Promise<void> {
  const guard = new Guard(options);
  let served = 0;
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request, info) => {
      const peer = guard.peerOf(info.remoteAddr.port);
      if (peer === undefined) return new Response("stranger", { status: 403 });
      served++;
      if (request.headers.get("upgrade") === "websocket") {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(`echo ${data}`);
        return response;
      }
      if (new URL(request.url).pathname === "/early") return new Response("no", { status: 413 });
      const { byteLength } = await request.arrayBuffer().catch(() => new ArrayBuffer(0));
      return new Response(`${request.method} ${byteLength} ${peer.hostname}`);
    },
  );
  const { port } = guard.listen("127.0.0.1", 0, server.addr.port);
  try {
    await use({
      guard,
      port,
      serverPort: server.addr.port,
      served: () => served,
      shutdown: () => server.shutdown(),
    });
  } finally {
    guard.close();
    await server.shutdown();
  }
}

/** Waits until `condition` holds, at most 5 s. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `waited in vain until ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface World {
  readonly guard: Guard;
  readonly port: number;
  readonly serverPort: number;
  readonly served: () => number;
  /** Stops the server in order. */
  readonly shutdown: () => Promise<void>;
}

/** A client that speaks by hand. */
class Client {
  #text = "";
  private constructor(readonly conn: Deno.TcpConn) {}

  static async connect(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? encoder.encode(text) : text;
    for (let done = 0; done < bytes.length;) done += await this.conn.write(bytes.subarray(done));
  }

  /** Reads until `pattern` matches; what was read is forgotten then. */
  async until(pattern: RegExp): Promise<string> {
    const buffer = new Uint8Array(65_536);
    while (!pattern.test(this.#text)) {
      const read = await this.conn.read(buffer);
      assert.notEqual(read, null, `closed before ${pattern}: ${this.#text}`);
      this.#text += decoder.decode(buffer.subarray(0, read!));
    }
    const text = this.#text;
    this.#text = "";
    return text;
  }

  /** Reads to the end; a reset is one. */
  async rest(): Promise<string> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const read = await this.conn.read(buffer);
        if (read === null) break;
        this.#text += decoder.decode(buffer.subarray(0, read));
      }
    } catch {
      // Reset.
    }
    this.conn.close();
    return this.#text;
  }
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ofBody = (body: string) =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
/** A clock that the test moves. */
const clock = () => {
  const at = { ms: 1_000 };
  return { at, now: () => at.ms };
};

Deno.test("Guard passes requests on, one after the other, and tells whose they are", async () => {
  await guarded({}, async ({ port, guard }) => {
    const client = await Client.connect(port);
    for (const body of ["", "hello", "x".repeat(300_000)]) {
      await client.send(ofBody(body));
      assert.match(
        await client.until(/127\.0\.0\.1$/),
        new RegExp(`POST ${body.length} 127.0.0.1$`),
      );
    }
    await client.send(get + get);
    await client.until(/GET 0 [^]*GET 0 127\.0\.0\.1$/);
    assert.equal(guard.size, 1);
    client.conn.close();
  });
});

Deno.test("Guard lets nobody by: who comes to the server himself is a stranger", async () => {
  await guarded({}, async ({ serverPort }) => {
    const answer = await fetch(`http://127.0.0.1:${serverPort}/`);
    assert.deepEqual([answer.status, await answer.text()], [403, "stranger"]);
  });
});

Deno.test("Guard refuses malformed heads before the server hears of them", async () => {
  await guarded({}, async ({ port, served }) => {
    const client = await Client.connect(port);
    await client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    const answer = await client.rest();
    assert.match(answer, /^HTTP\/1\.1 400 [^]*problem\+json[^]*Connection: close/);
    assert.equal(served(), 0);
    const wide = await Client.connect(port);
    await wide.send(
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(edgeLimits.headBytesMax)}\r\n\r\n`,
    );
    assert.match(await wide.rest(), /^HTTP\/1\.1 431 /);
  });
});

Deno.test("Guard refuses malformed chunks, with the head or long after it", async () => {
  await guarded({}, async ({ port, served }) => {
    const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const wrong = `1;${"x".repeat(2_000)}\r\n1\r\n`.repeat(200);
    const atOnce = await Client.connect(port);
    const writing = atOnce.send(head + wrong).catch(() => {});
    assert.match(await atOnce.rest(), /^HTTP\/1\.1 400 |^$/);
    await writing;
    assert.equal(served(), 0);
    const later = await Client.connect(port);
    await later.send(head);
    await until(() => served() === 1);
    await later.send("zz\r\n");
    assert.match(await later.rest(), /^HTTP\/1\.1 400 /);
  });
});

Deno.test("Guard passes an answer on that comes before the body's end", async () => {
  await guarded({}, async ({ port }) => {
    const client = await Client.connect(port);
    await client.send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    const body = new Uint8Array(65_536);
    const writing = (async () => {
      for (let i = 0; i < 1000; i++) await client.send(body);
    })().catch(() => {});
    assert.match(await client.until(/no$/), /^HTTP\/1\.1 413 /);
    client.conn.close();
    await writing;
  });
});

Deno.test("Guard is out of the way of a WebSocket", async () => {
  const { at, now } = clock();
  await guarded({ now, times: { idleMs: 1_000 } }, async ({ port, guard }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    const next = () => new Promise<string>((done) => socket.onmessage = ({ data }) => done(data));
    await new Promise((done) => socket.onopen = done);
    const first = next();
    socket.send("one");
    assert.equal(await first, "echo one");
    at.ms += 3_600_000;
    const second = next();
    socket.send("x".repeat(100_000));
    assert.equal((await second).length, 100_005);
    assert.equal(guard.size, 1);
    const closed = new Promise((done) => socket.onclose = done);
    socket.close();
    await closed;
  });
});

Deno.test("Guard ends who takes too long, in a head, in a body, and between requests", async () => {
  const { at, now } = clock();
  const late: string[] = [];
  const counts = { open() {}, refused: (reason: string) => void late.push(reason) };
  const times = { headMs: 100, bodyMs: 100, idleMs: 100 };
  await guarded({ now, times, counts }, async ({ port }) => {
    const [idle, drip, body, kept] = await Promise.all(
      [1, 2, 3, 4].map(() => Client.connect(port)),
    );
    await drip!.send("GET / HTTP/1.1\r\nHo");
    await body!.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    await kept!.send(get);
    await kept!.until(/127\.0\.0\.1$/);
    const ends = Promise.all([idle, drip, body, kept].map((client) => client!.rest()));
    // Each is late by now, and has not heard of it after another second.
    const moving = setInterval(() => at.ms += 200, 20);
    const [ofIdle, ofDrip, ofBody, ofKept] = await ends;
    clearInterval(moving);
    assert.equal(ofIdle, "");
    assert.match(ofDrip!, /^HTTP\/1\.1 408 [^]*The head/);
    assert.match(ofBody!, /^HTTP\/1\.1 408 [^]*The body/);
    assert.equal(ofKept, "");
    assert.deepEqual(late, ["late", "late", "late", "late"]);
  });
});

Deno.test("Guard gives a body time by its bytes", async () => {
  const { at, now } = clock();
  const times = { bodyMs: 100, bodyBytesPerSecondMin: 1000 };
  await guarded({ now, times }, async ({ port, served }) => {
    const client = await Client.connect(port);
    await client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10001\r\n\r\n" + "x".repeat(10_000),
    );
    const slow = await Client.connect(port);
    await slow.send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10001\r\n\r\n" + "x".repeat(100),
    );
    const cut = slow.rest();
    // Both bodies are on their way before time goes on.
    await until(() => served() === 2);
    at.ms += 1_000;
    assert.match(await cut, /^HTTP\/1\.1 408 /);
    await client.send("x");
    await client.until(/POST 10001 127\.0\.0\.1$/);
    client.conn.close();
  });
});

Deno.test("Guard takes so many connections, and the silent ones make room", async () => {
  await guarded({ connectionsMax: 3 }, async ({ port, guard }) => {
    const kept = await Promise.all([1, 2].map(async () => {
      const client = await Client.connect(port);
      await client.send(get);
      await client.until(/127\.0\.0\.1$/);
      return client;
    }));
    const silent = await Client.connect(port);
    const third = await Client.connect(port);
    assert.equal(await silent.rest(), "");
    await third.send(get);
    await third.until(/127\.0\.0\.1$/);
    assert.match(await (await Client.connect(port)).rest(), /^HTTP\/1\.1 503 [^]*Retry-After: /);
    assert.equal(guard.size, 3);
    for (const client of [...kept, third]) client.conn.close();
  });
});

Deno.test("Guard takes so many connections of an address, which a trusted proxy may tell", async () => {
  const trustedProxies = [parseCidr("127.0.0.0/8")!];
  await guarded({ connectionsPerAddress: 1, trustedProxies }, async ({ port }) => {
    const as = async (address: string) => {
      const client = await Client.connect(port);
      await client.send(`PROXY TCP4 ${address} 10.0.0.1 4711 443\r\n${get}`);
      return client;
    };
    const [first, other] = [await as("203.0.113.1"), await as("203.0.113.2")];
    await first.until(/GET 0 203\.0\.113\.1$/);
    await other.until(/GET 0 203\.0\.113\.2$/);
    assert.match(await (await as("203.0.113.1")).rest(), /^HTTP\/1\.1 429 /);
    // The proxy itself, and nonsense from it.
    const plain = await Client.connect(port);
    await plain.send(get);
    await plain.until(/GET 0 127\.0\.0\.1$/);
    assert.match(await (await as("nobody")).rest(), /^HTTP\/1\.1 400 /);
    for (const client of [first, other, plain]) client.conn.close();
  });
});

Deno.test("Guard takes no PROXY header from who is no proxy", async () => {
  await guarded({}, async ({ port, served }) => {
    const client = await Client.connect(port);
    await client.send(`PROXY TCP4 203.0.113.1 10.0.0.1 4711 443\r\n${get}`);
    assert.match(await client.rest(), /^HTTP\/1\.1 400 /);
    assert.equal(served(), 0);
  });
});

Deno.test("Guard that drains closes who rests, and lets the others have their answer", async () => {
  await guarded({}, async ({ port, guard, served, shutdown }) => {
    const resting = await Client.connect(port);
    await resting.send(get);
    await resting.until(/127\.0\.0\.1$/);
    const busy = await Client.connect(port);
    await busy.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    await until(() => served() === 2);
    const silent = await Client.connect(port);
    await until(() => guard.size === 3);
    guard.drain();
    assert.equal(await silent.rest(), "");
    await busy.send("llo");
    await busy.until(/POST 5 127\.0\.0\.1$/);
    const stopped = shutdown();
    assert.deepEqual([await resting.rest(), await busy.rest()], ["", ""]);
    await stopped;
    await assert.rejects(Deno.connect({ hostname: "127.0.0.1", port }));
  });
});
