import assert from "node:assert/strict";
import { links, NodeNetwork, noNamespaces } from "./node_network.ts";

const reason = await noNamespaces();

Deno.test({
  name: "NodeNetwork cuts one direction of one link at a time, and heals it",
  ignore: reason !== undefined,
  async fn() {
    const network = await NodeNetwork.open();
    const listeners = links.map((link) => {
      return Deno.listen({ hostname: network.outerAddress(link), port: 0 });
    });
    const reaches = () => {
      return Promise.all(links.map((link, i) => network.reaches(link, listeners[i]!.addr.port)));
    };
    try {
      assert.deepEqual(await reaches(), [true, true, true]);
      await network.cut("broker", "out");
      assert.deepEqual(await reaches(), [false, true, true]);
      await network.heal("broker", "out");
      await network.cut("store", "in");
      assert.deepEqual(await reaches(), [true, false, true]);
      await network.heal("store", "in");
      assert.deepEqual(await reaches(), [true, true, true]);
    } finally {
      for (const listener of listeners) listener.close();
      await network.close();
    }
  },
});

Deno.test({
  name: "NodeNetwork's cut keeps a connection open, and what was sent meanwhile arrives later",
  ignore: reason !== undefined,
  async fn() {
    const network = await NodeNetwork.open();
    const listener = Deno.listen({ hostname: network.outerAddress("store"), port: 0 });
    const script = `exec 3<>/dev/tcp/${network.outerAddress("store")}/${listener.addr.port}
      read -r _; echo hello >&3; read -r _`;
    const child = new Deno.Command(network.runner[0]!, {
      args: [...network.runner.slice(1), "bash", "-c", script],
      stdin: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    try {
      using connection = await listener.accept();
      await network.cut("store", "out");
      await writer.write(new TextEncoder().encode("\n"));
      const read = connection.read(new Uint8Array(16));
      let timer: ReturnType<typeof setTimeout> | undefined;
      const silence = new Promise<"silent">((resolve) => {
        timer = setTimeout(resolve, 600, "silent");
      });
      assert.equal(await Promise.race([read, silence]), "silent");
      clearTimeout(timer);
      await network.heal("store", "out");
      assert.equal(await read, "hello\n".length);
    } finally {
      await writer.close().catch(() => {});
      await child.status;
      listener.close();
      await network.close();
    }
  },
});
