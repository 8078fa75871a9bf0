import assert from "node:assert/strict";
import { describeKafka, type KafkaTarget, parseKafkaUrl } from "./kafka_url.ts";

Deno.test("parseKafkaUrl() reads brokers, user, TLS and prefix", () => {
  assert.deepEqual(parseKafkaUrl("kafka://127.0.0.1:9092"), {
    brokers: [{ host: "127.0.0.1", port: 9092 }],
    prefix: "",
  });
  assert.deepEqual(
    parseKafkaUrl("kafka://gm:p%40ss%3A@a.example:1,[::1]:2/?tls=1&ca=/etc/ca.pem&prefix=t1."),
    {
      brokers: [{ host: "a.example", port: 1 }, { host: "::1", port: 2 }],
      user: { name: "gm", password: "p@ss:" },
      tls: { caFile: "/etc/ca.pem" },
      prefix: "t1.",
    },
  );
  assert.deepEqual(parseKafkaUrl("kafka://a:1?tls=1"), {
    brokers: [{ host: "a", port: 1 }],
    tls: {},
    prefix: "",
  });
});

Deno.test("parseKafkaUrl() says what is wrong, never the password", () => {
  const wrong: [string, RegExp][] = [
    ["http://a:1", /^kafka:\/\//],
    ["kafka://", /^kafka:\/\//],
    ["kafka://gm@a:1", /user:password/],
    ["kafka://gm:hush/x@a:1", /percent-encoded/],
    ["kafka://gm:%zzhush@a:1", /percent-encoding/],
    ["kafka://gm:hush@a", /host:port .* "a"/],
    ["kafka://gm:hush@a:1,b", /"b"/],
    ["kafka://a:70000", /"a:70000"/],
    ["kafka://a:0", /"a:0"/],
    ["kafka://a:1?tls=yes", /tls=1/],
    ["kafka://a:1?ca=/x", /tls=1 beside ca/],
    ["kafka://a:1?tls=1&ca=x.pem", /absolute/],
    ["kafka://a:1?prefix=a/b", /as prefix/],
    ["kafka://a:1?acks=1", /"acks"/],
  ];
  for (const [url, message] of wrong) {
    const answer = parseKafkaUrl(url);
    assert.equal(typeof answer, "string", url);
    assert.match(answer as string, message);
    assert.ok(!(answer as string).includes("hush"));
  }
});

Deno.test("describeKafka() leaves the password out", () => {
  const target = parseKafkaUrl("kafka://gm:hush@a:1,b:2") as KafkaTarget;
  assert.equal(describeKafka(target), "kafka://gm@a:1,b:2");
});
