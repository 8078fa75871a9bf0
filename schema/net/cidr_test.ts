import assert from "node:assert/strict";
import { type Cidr, isWithin, parseAddress, parseCidr } from "./cidr.ts";

const networks = (...texts: string[]): Cidr[] => texts.map((text) => parseCidr(text)!);

Deno.test("parseAddress() reads both families, and takes mapped addresses for what they are", () => {
  assert.deepEqual(parseAddress("192.0.2.1"), [192, 0, 2, 1]);
  assert.deepEqual(parseAddress("::ffff:192.0.2.1"), [192, 0, 2, 1]);
  assert.deepEqual(parseAddress("2001:db8::1")?.slice(0, 4), [0x20, 1, 0x0d, 0xb8]);
  assert.deepEqual(parseAddress("::"), Array(16).fill(0));
  assert.deepEqual(parseAddress("fe80::1%eth0")?.slice(0, 2), [0xfe, 0x80]);
  assert.equal(parseAddress("1:2:3:4:5:6:7:8")?.length, 16);
});

Deno.test("parseAddress() refuses what is no address", () => {
  const wrong = [
    "",
    "a",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4.5",
    "::1::",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
  ];
  for (const text of [...wrong, "1:2:3:4:5:6:7::8", ":1", "g::", " 1.2.3.4", "1.2.3.4:80"]) {
    assert.equal(parseAddress(text), undefined, text);
  }
});

Deno.test("parseCidr() takes a length that fits", () => {
  assert.equal(parseCidr("10.0.0.0/8")?.bits, 8);
  assert.equal(parseCidr("10.0.0.1")?.bits, 32);
  assert.equal(parseCidr("::ffff:10.0.0.0/104")?.bits, 8);
  for (
    const text of ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "x/8", "::ffff:1.2.3.4/8"]
  ) {
    assert.equal(parseCidr(text), undefined, text);
  }
});

Deno.test("isWithin() compares the leading bits, of one family alone", () => {
  const some = networks("10.0.0.0/8", "192.168.4.0/22", "2001:db8::/33");
  for (const inside of ["10.255.1.2", "192.168.7.255", "::ffff:10.1.2.3", "2001:db8:7fff::1"]) {
    assert.ok(isWithin(some, inside), inside);
  }
  for (const outside of ["11.0.0.1", "192.168.8.0", "2001:db8:8000::1", "::10.0.0.1", "", "unix"]) {
    assert.ok(!isWithin(some, outside), outside);
  }
  assert.ok(isWithin(networks("0.0.0.0/0"), "203.0.113.9"));
  assert.ok(!isWithin(networks("0.0.0.0/0"), "::1"));
  assert.ok(!isWithin([], "127.0.0.1"));
});
