import assert from "node:assert/strict";
import { InvalidInput, Unavailable } from "../../schema/errors.ts";
import { MetricsAccumulator } from "../observability/metrics_sink.ts";
import { ResourceMeter } from "../observability/resource_meter.ts";
import { serviceUrl } from "../testing/services.ts";
import { objectsContract } from "./objects_contract.ts";
import { s3Address, S3Objects } from "./s3_objects.ts";
import { startS3Double } from "./testing/s3_double.ts";

function open(url: string, callMsMax = 30_000) {
  const sink = new MetricsAccumulator();
  const meter = new ResourceMeter(sink, "objects");
  return { sink, objects: new S3Objects({ address: s3Address(url), meter, callMsMax }) };
}

const named = serviceUrl("OBJECTS_URL");
const isServer = named?.startsWith("s3:") ?? false;
objectsContract("S3Objects of OBJECTS_URL", () => {
  const { objects } = open(named!);
  return Promise.resolve({ objects, dispose: () => Promise.resolve(objects.close()) });
}, !isServer);

objectsContract("S3Objects on a double", () => {
  const double = startS3Double();
  return Promise.resolve({ ...open(double.url), dispose: () => double.close() });
});

Deno.test("S3Objects says that it is away: refused, failing, silent, gone", async () => {
  const double = startS3Double();
  const { objects, sink } = open(double.url);
  await objects.put("a", new Uint8Array([1]));
  const wrong = open(double.url.replace("double:", "wrong:")).objects;
  await assert.rejects(wrong.get("a"), /403 SignatureDoesNotMatch/);
  const elsewhere = open(double.url.replace("/double?", "/another?")).objects;
  await assert.rejects(elsewhere.get("a"), /404 NoSuchBucket/);
  await assert.rejects(elsewhere.list("", 1), Unavailable);
  double.fail = { status: 503, code: "SlowDown" };
  await assert.rejects(objects.put("a", new Uint8Array([2])), /503 SlowDown/);
  double.fail = undefined;
  assert.deepEqual((await objects.get("a"))?.content, new Uint8Array([1]));
  await double.close();
  await assert.rejects(objects.get("a"), Unavailable);

  const silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const mute = open(`s3://a:b@127.0.0.1:${silent.addr.port}/bucket?tls=0`, 50).objects;
  await assert.rejects(mute.get("a"), Unavailable);
  silent.close();

  const calls = Object.fromEntries(
    sink.drain().resource_calls_total!.map(([labels, n]) => [labels.join(" "), n]),
  );
  assert.deepEqual(calls, {
    "objects put ok": 1,
    "objects put error": 1,
    "objects get ok": 1,
    "objects get error": 1,
  });
});

Deno.test("S3Objects does not read what is too large", async () => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => {
    const body = new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 16)) });
    return new Response(body, { headers: { "content-length": String(2 ** 40) } });
  });
  const { objects } = open(`s3://a:b@127.0.0.1:${server.addr.port}/bucket?tls=0`);
  await assert.rejects(objects.get("a"), InvalidInput);
  await server.shutdown();
});

Deno.test("s3Address() reads key, secret, host, bucket, region and TLS", () => {
  const { bucketUrl, key, ca } = s3Address(
    "s3://AKID:a%2Fb%2Bc@s3.eu-west-1.amazonaws.com/my.bucket?region=eu-west-1",
  );
  assert.equal(bucketUrl.href, "https://s3.eu-west-1.amazonaws.com/my.bucket/");
  assert.equal(ca, undefined);
  assert.equal(s3Address("s3://a:b@h:9000/bucket?ca=/etc/ca.pem").ca, "/etc/ca.pem");
  assert.deepEqual(key, { accessKeyId: "AKID", secretAccessKey: "a/b+c", region: "eu-west-1" });
  assert.equal(
    s3Address("s3://a:b@[::1]:9000/bucket?tls=0").bucketUrl.href,
    "http://[::1]:9000/bucket/",
  );
  for (
    const bad of ["s3://host/bucket", "s3://a:b@host/", "s3://a:b@host/b/c", "http://a:b@h/bucket"]
  ) {
    assert.throws(() => s3Address(bad), TypeError, bad);
  }
});
