import assert from "node:assert/strict";
import { brokerProperties, propertiesText, replication } from "./properties.ts";

const plan = {
  nodeId: 2,
  host: "127.0.0.1",
  port: 19_093,
  dataFolder: "/data",
  controllerPorts: [19_192, 19_193, 19_194],
};

Deno.test("brokerProperties() has three brokers vote and keep three replicas, two in sync", () => {
  const properties = brokerProperties(plan);
  assert.equal(
    properties["controller.quorum.voters"],
    "1@127.0.0.1:19192,2@127.0.0.1:19193,3@127.0.0.1:19194",
  );
  assert.equal(
    properties["listeners"],
    "CLIENT://127.0.0.1:19093,CONTROLLER://127.0.0.1:19193",
  );
  assert.equal(properties["offsets.topic.replication.factor"], 3);
  assert.equal(properties["min.insync.replicas"], 2);
  assert.deepEqual(replication(1), { replicas: 1, minInSync: 1 });
});

Deno.test("brokerProperties() lets nobody in by plain text when it is secure", () => {
  const security = { bundle: "/b.pem", ca: "/ca.pem", admin: "admin", password: "p" };
  const properties = brokerProperties({ ...plan, security });
  assert.equal(properties["listener.security.protocol.map"], "CLIENT:SASL_SSL,CONTROLLER:SSL");
  assert.equal(properties["allow.everyone.if.no.acl.found"], false);
  assert.equal(properties["listener.name.controller.ssl.client.auth"], "required");
  assert.doesNotMatch(propertiesText(properties), /PLAINTEXT/);
});

Deno.test("propertiesText() escapes what Java would read otherwise", () => {
  const text = propertiesText({ a: "C:\\x\ny", b: 1, c: false });
  assert.equal(text, "a=C:\\\\x\\ny\nb=1\nc=false\n");
});
