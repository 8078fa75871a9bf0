import assert from "node:assert/strict";
import { Random } from "../../load/generator/random.ts";
import { groupsOf, planLinks } from "./link_plan.ts";

Deno.test("planLinks() has circles, links said twice, and one who claims too many", () => {
  const { ids, links } = planLinks(new Random(1), "u", 300);
  assert.ok(links.length >= 300);
  assert.equal(new Set(ids).size, ids.length);
  const texts = links.map(({ alias, user }) => `${alias} ${user}`);
  const said = new Set(texts);
  assert.ok(said.size < texts.length);
  assert.ok(links.some(({ alias, user }) => said.has(`${user} ${alias}`)));
  assert.equal(new Set(links.filter(({ user }) => user === "u-0").map((l) => l.alias)).size, 19);
  assert.deepEqual(planLinks(new Random(1), "u", 300).links, links);
});

Deno.test("groupsOf() tells who is connected", () => {
  const of = groupsOf([
    { alias: "a", user: "b" },
    { alias: "b", user: "c" },
    { alias: "x", user: "y" },
    { alias: "c", user: "a" },
  ]);
  assert.equal(of("a"), of("c"));
  assert.notEqual(of("a"), of("x"));
  assert.equal(of("z"), "z");
});
