import assert from "node:assert/strict";
import { canReach, findUser, letPass } from "./run_as.ts";

const passwd = `root:x:0:0:root:/root:/bin/bash
# a comment
nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false
toor:x:0:0::/root:/bin/sh
postgres:x:101:104::/var/lib/postgresql:/bin/bash
`;

const isRoot = Deno.uid() === 0;
const user = { uid: 65_534, gid: 65_534 };

Deno.test("findUser() takes the first name that exists and is not root", () => {
  assert.deepEqual(findUser(passwd, ["postgres", "nobody"]), { uid: 101, gid: 104 });
  assert.deepEqual(findUser(passwd, ["absent", "toor", "postgres"]), { uid: 101, gid: 104 });
  assert.equal(findUser(passwd, ["toor", "root", "absent"]), undefined);
  assert.equal(findUser("", ["nobody"]), undefined);
});

Deno.test("findUser() reads the negative ids of macOS as the kernel does", () => {
  const nobody = 2 ** 32 - 2;
  assert.deepEqual(findUser(passwd, ["nobody"]), { uid: nobody, gid: nobody });
});

Deno.test("canReach() is true for ourselves", async () => {
  assert.equal(await canReach("/", undefined), true);
});

Deno.test("canReach() asks for passage through every folder above", async () => {
  const top = await Deno.makeTempDir();
  try {
    const below = `${top}/a/b`;
    await Deno.mkdir(below, { recursive: true });
    for (const dir of [top, `${top}/a`, below]) await Deno.chmod(dir, 0o755);
    assert.equal(await canReach(below, user), true);
    for (const dir of [top, `${top}/a`, below]) {
      await Deno.chmod(dir, 0o744);
      assert.equal(await canReach(below, user), false);
      await Deno.chmod(dir, 0o755);
    }
    // Through a link it is the folders behind it that count.
    await Deno.chmod(`${top}/a`, 0o700);
    const link = `${await Deno.makeTempDir()}/link`;
    await Deno.symlink(below, link);
    assert.equal(await canReach(link, user), false);
    await Deno.remove(link.slice(0, -"/link".length), { recursive: true });
  } finally {
    await Deno.remove(top, { recursive: true });
  }
});

Deno.test({
  name: "letPass() opens a private folder of root's for one group, and for nobody else",
  ignore: !isRoot,
  async fn() {
    const dir = await Deno.makeTempDir();
    try {
      await letPass(dir, user);
      const { mode, uid, gid } = await Deno.stat(dir);
      assert.deepEqual([mode! & 0o777, uid, gid], [0o710, 0, user.gid]);
      // A group that means something keeps its folder to itself.
      await Deno.chown(dir, 0, 4);
      await Deno.chmod(dir, 0o750);
      await letPass(dir, user);
      const kept = await Deno.stat(dir);
      assert.deepEqual([kept.mode! & 0o777, kept.gid], [0o750, 4]);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});
