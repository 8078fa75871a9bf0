import assert from "node:assert/strict";

const code = `
  import { goFirst } from "${new URL("./go_first.ts", import.meta.url)}";
  const policy = () => {
    const stat = Deno.readTextFileSync("/proc/thread-self/stat");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[38]);
  };
  const before = policy();
  const first = await goFirst();
  self.postMessage({ before, first, after: policy() });`;

Deno.test({
  name: "goFirst() moves the calling thread alone, and tells the truth about it",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const url = `data:text/javascript,${encodeURIComponent(code)}`;
    const worker = new Worker(url, { type: "module" });
    const { before, first, after } = await new Promise<Record<string, unknown>>((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
    });
    worker.terminate();
    assert.equal(before, 0);
    // 1 is SCHED_FIFO; who may not have it stays where he was.
    assert.equal(after, first ? 1 : 0);
    const own = Deno.readTextFileSync("/proc/self/stat");
    assert.equal(own.slice(own.lastIndexOf(")") + 2).split(" ")[38], "0");
  },
});
