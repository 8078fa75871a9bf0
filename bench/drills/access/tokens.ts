/**
 * Drill 27: tokens forged in every way that is known are answered with one and the same 401; good
 * ones of each algorithm, and of a key that the issuer took just now, are taken.
 *
 * @module
 */
import { createGateway } from "../../../gateway/gateway.ts";
import { InMemoryPlatform } from "../../../gateway/testing/in_memory_platform.ts";
import { Jwks } from "../../../gateway/tokens/jwks.ts";
import { tokenAlgorithms, tokenKeys } from "../../../gateway/tokens/token_keys.ts";
import { limits } from "../../../schema/limits.ts";
import type { DrillResult, OwnContext, OwnDrill } from "../drill_types.ts";
import { Findings } from "../findings.ts";
import { audience, issuer as issuerName, TokenIssuer } from "./token_issuer.ts";
import { tokenVectors } from "./token_vectors.ts";

const vectorsMin = 40;
const query = JSON.stringify({ query: "{ __typename }" });

class Tokens {
  readonly found = new Findings();
  readonly clock = { aheadMs: 0 };

  constructor(readonly issuer: TokenIssuer, readonly ctx: OwnContext) {}

  #serve() {
    const now = () => Date.now() + this.clock.aheadMs;
    const { find } = new Jwks({ url: this.issuer.jwksUrl, now });
    // What a verifier does that lets the token say how it is to be verified.
    const algorithms = this.ctx.mutation === "unpinned"
      ? [...tokenAlgorithms, "RS384", "RS512", "PS256"]
      : tokenAlgorithms;
    const keys = tokenKeys({ issuer: issuerName, audience, find, now, algorithms });
    const { fetch } = createGateway({ platform: new InMemoryPlatform(), keys });
    return Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, fetch);
  }

  async #ask(url: string, token: string) {
    const response = await fetch(url, {
      method: "POST",
      // With an id of its own two answers would differ in it.
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "x-request-id": "drill",
      },
      body: query,
    });
    return { status: response.status, body: await response.text() };
  }

  async run(): Promise<DrillResult> {
    const { issuer, found } = this;
    const server = this.#serve();
    const url = `http://127.0.0.1:${server.addr.port}/graphql`;
    const control = async (what: string, token: string) => {
      const { status } = await this.#ask(url, token);
      found.require(status === 200, `the control is taken: ${what}: ${status}`);
    };
    try {
      await this.#controls(control);
      const bodies = new Set([(await this.#ask(url, "nothing")).body]);
      const vectors = await tokenVectors(issuer);
      for (const { name, token } of vectors) {
        const { status, body } = await this.#ask(url, token);
        bodies.add(body);
        found.require(status === 401, `refused with 401: ${name}: ${status}`);
      }
      found.count("vectors", vectors.length);
      found.require(vectors.length >= vectorsMin, `${vectorsMin} vectors: ${vectors.length}`);
      found.require(bodies.size === 1, `one body for every fault: ${bodies.size}`);
      const before = issuer.asked;
      const fresh = await issuer.rotate("ec-2");
      this.clock.aheadMs += limits.jwksEveryMsMin;
      await control("a key taken since", await issuer.sign(issuer.claims(), fresh));
      const again = `one look for a new key: ${issuer.asked - before}`;
      found.require(issuer.asked - before === 1, again);
      found.count("jwks_requests", issuer.asked);
      // Sixteen unknown kids and no flood of requests to the issuer.
      found.require(issuer.asked <= 3, `few looks at the JWKS: ${issuer.asked}`);
    } finally {
      await server.shutdown();
    }
    return found.result();
  }

  async #controls(control: (what: string, token: string) => Promise<void>): Promise<void> {
    const { issuer } = this;
    for (const key of [issuer.rsa, issuer.ec, issuer.ed]) {
      await control(key.alg, await issuer.sign(issuer.claims(), key));
    }
    const now = Math.floor(Date.now() / 1000);
    const close = issuer.claims({ nbf: now + 2, exp: now + 60 });
    await control("a clock two seconds ahead", await issuer.sign(close));
    await control("several audiences", await issuer.sign(issuer.claims({ aud: ["x", audience] })));
  }
}

export const tokens: OwnDrill = {
  id: "27",
  name: "tokens",
  mutations: { unpinned: /refused with 401: RS\d+ by the issuer/ },
  async run(ctx) {
    const issuer = await TokenIssuer.start();
    try {
      return await new Tokens(issuer, ctx).run();
    } finally {
      await issuer.stop();
    }
  },
};
