import { redisServerProgram, startRedisServer } from "../../testing/redis_server.ts";
import { serviceUrl } from "../../testing/services.ts";
import { boardEntriesMax, cacheContract, type CacheUnderTest } from "../cache_contract.ts";
import { redisCache } from "./redis_cache.ts";

/** Generous: what is tested here is not how fast a busy machine answers. */
const callMsMax = 5_000;

function openTwo(url: string, dispose: () => Promise<void> = () => Promise.resolve()) {
  const own = new URL(url);
  own.searchParams.set("prefix", `test-${crypto.randomUUID()}:`);
  const open = () => redisCache({ url: own.href, boardEntriesMax, callMsMax });
  const [cache, other] = [open(), open()];
  return {
    cache,
    other,
    dispose: async () => {
      await cache.close();
      await other.close();
      await dispose();
    },
  };
}

const named = serviceUrl("CACHE_URL");
cacheContract(
  "redisCache() of CACHE_URL",
  () => Promise.resolve(openTwo(named!)),
  named === undefined,
);

async function openOwn(options: { cluster?: boolean; password?: string }): Promise<CacheUnderTest> {
  const server = await startRedisServer(options);
  return openTwo(server.url, () => server.stop());
}

const ignore = redisServerProgram() === undefined;
cacheContract("redisCache()", () => openOwn({}), ignore);
cacheContract("redisCache() with a password", () => openOwn({ password: "s3:cr@t" }), ignore);
cacheContract("redisCache() of a cluster", () => openOwn({ cluster: true }), ignore);
