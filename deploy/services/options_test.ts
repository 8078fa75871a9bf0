import assert from "node:assert/strict";
import { isAbsolute } from "node:path";
import { servicesOptions } from "./options.ts";

Deno.test("servicesOptions() takes Kafka, PostgreSQL and Redis when none is named", () => {
  const options = servicesOptions(["up"]);
  assert.deepEqual(options.names, ["kafka", "postgres", "redis"]);
  assert.equal(options.brokers, 1);
  assert.equal(options.portOffset, 0);
  assert.ok(isAbsolute(options.folder) && options.folder.endsWith("/.services"), options.folder);
});

Deno.test("servicesOptions() stops and asks all services when none is named", () => {
  for (const action of ["down", "status"]) {
    const { names } = servicesOptions([action]);
    assert.deepEqual(names, ["kafka", "postgres", "redis", "minio", "qdrant"]);
  }
});

Deno.test("servicesOptions() takes names in the services' order, each once", () => {
  const { names } = servicesOptions(["up", "redis", "kafka", "redis"]);
  assert.deepEqual(names, ["kafka", "redis"]);
});

Deno.test("servicesOptions() reads every option", () => {
  const options = servicesOptions(
    ["down", "--brokers", "3", "--secure", "--native", "--wipe", "--json"]
      .concat("--folder", "/a/b", "--port-offset", "auto"),
  );
  const { brokers, secure, native, wipe, json, folder, portOffset } = options;
  assert.deepEqual(
    { brokers, secure, native, wipe, json, folder, portOffset },
    {
      brokers: 3,
      secure: true,
      native: true,
      wipe: true,
      json: true,
      folder: "/a/b",
      portOffset: "auto",
    },
  );
});

Deno.test("servicesOptions() says what is wrong, with the value seen", () => {
  const faults: [string[], RegExp][] = [
    [[], /action must be up, down or status: current value is none/],
    [["restart"], /current value is restart/],
    [["up", "mysql"], /one of kafka, postgres, redis, minio, qdrant: current value is mysql/],
    [["up", "--brokers", "2"], /'--brokers' must be 1 or 3: current value is 2/],
    [["up", "--port-offset", "-1"], /port-offset/],
    [["up", "--fast"], /--fast/],
  ];
  for (const [args, message] of faults) {
    assert.throws(() => servicesOptions(args), { name: "RangeError", message });
  }
});
