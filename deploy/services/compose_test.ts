import assert from "node:assert/strict";
import { kafkaVersion } from "./kafka/jars.ts";
import { brokerProperties, type Properties } from "./kafka/properties.ts";
import { portOf } from "./ports.ts";
import { serviceNames } from "./service.ts";

const text = await Deno.readTextFile(new URL("../compose.yaml", import.meta.url));

Deno.test("compose.yaml has every service, with a pinned image, on its loopback port only", () => {
  for (const name of serviceNames) {
    const [, body] = new RegExp(`\\n  ${name}:\\n((?: {4}.*\\n)+)`).exec(text) ?? [];
    assert.ok(body !== undefined, name);
    const [, tag] = /^ {4}image: [\w./-]+:(\S+)/m.exec(body) ?? [];
    assert.match(tag ?? "", /\d/, `${name} has the image tag ${tag}`);
    const port = portOf({ portOffset: 0 }, name);
    const ports = `ports: ["127.0.0.1:\${${name.toUpperCase()}_PORT:-${port}}:`;
    assert.ok(body.includes(ports), `${name} wants ${ports}`);
  }
});

Deno.test("compose.yaml runs the same Kafka with the same settings as without Docker", () => {
  assert.ok(text.includes(`image: apache/kafka:${kafkaVersion}`));
  const plan = { nodeId: 1, host: "", port: 1, dataFolder: "", controllerPorts: [1] };
  const properties: Properties = brokerProperties(plan);
  for (
    const key of [
      "auto.create.topics.enable",
      "offsets.topic.num.partitions",
      "offsets.topic.replication.factor",
      "transaction.state.log.min.isr",
      "group.initial.rebalance.delay.ms",
      "group.min.session.timeout.ms",
      "log.segment.bytes",
      "message.max.bytes",
      "unclean.leader.election.enable",
    ]
  ) {
    const name = `KAFKA_${key.toUpperCase().replaceAll(".", "_")}`;
    const [, value] = new RegExp(`${name}: "?([^"\\n]+)`).exec(text) ?? [];
    assert.equal(value, String(properties[key]), name);
  }
});
