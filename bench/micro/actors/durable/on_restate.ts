/**
 * The counter on Restate: a call of a virtual object an event, with the event's id as its idempotency
 * key. It is answered when the handler has run and its outcome is on disk.
 *
 * @module
 */
import { type DurableContestant, eventId, userOf, warmUpOf } from "./contestant.ts";
import { expectStatus, Lanes } from "./lanes.ts";
import { RestateServer, restateVersion } from "./restate_server.ts";

export const onRestate: DurableContestant = {
  name: `Restate ${restateVersion}`,
  async run(job, dir) {
    const server = await RestateServer.start(dir);
    const lanes = new Lanes({ url: server.url, key: "" }, job.concurrency);
    const warmUp = warmUpOf(job);
    const headOf = (path: string) => `POST ${path} HTTP/1.1\r\nHost: ${server.url.host}\r\n`;
    const add = (first: number, count: number) =>
      lanes.send({ first, count }, (connection, n) => {
        const head = headOf(`/counter/${userOf(job, n)}/add`);
        return connection.request(`${head}Idempotency-Key: ${eventId(n)}\r\n`, "");
      }, expectStatus(200));
    try {
      await add(0, warmUp);
      const startedAt = performance.now();
      const { p50, p99 } = await add(warmUp, job.events);
      const ms = performance.now() - startedAt;
      let counted = -warmUp;
      await lanes.send(
        { first: 0, count: Math.min(job.players, job.events) },
        (connection, n) => connection.request(headOf(`/counter/${userOf(job, n)}/read`), ""),
        (answer, n) => {
          expectStatus(200)(answer, n);
          counted += Number(answer.body);
        },
      );
      return { ms, p50, p99, counted };
    } finally {
      lanes.close();
      await server.stop();
    }
  },
};
