import assert from "node:assert/strict";

const module = new URL("./run_program.ts", import.meta.url).href;

/** Runs a program whose main is `body`; `interrupt` signals it once it has written a line. */
async function run(body: string, interrupt?: Deno.Signal) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { runProgram } from "${module}"; await runProgram(${body});`],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    text += new TextDecoder().decode(value);
    if (interrupt !== undefined) child.kill(interrupt);
  }
  const errors = await new Response(child.stderr).text();
  return { code: (await child.status).code, text, errors };
}

Deno.test("runProgram() ends with the status of main, and with 2 and a line where it was asked wrongly", async () => {
  assert.equal((await run("() => Promise.resolve(1)")).code, 1);
  const wrong = await run("() => Promise.reject(new RangeError('no such thing'))");
  assert.deepEqual(wrong, { code: 2, text: "no such thing\n", errors: "" });
  const broken = await run("() => Promise.reject(new TypeError('a fault'))");
  assert.equal(broken.code, 1);
  assert.match(broken.errors, /TypeError: a fault/);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`runProgram() clears up at ${signal}`, async () => {
    const endless =
      "() => { console.log('begun'); return new Promise((r) => setTimeout(r, 60_000)); }";
    const clear = "() => Promise.resolve(console.log('cleared'))";
    const { code, text } = await run(`${endless}, ${clear}`, signal);
    assert.deepEqual({ code, text }, { code: 130, text: "begun\ncleared\n" });
  });
}
