/**
 * Players whose state is long to tell and changes all the time: what fills the buffers of those who
 * watch and do not read.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HttpConnection } from "../../load/client/http_connection.ts";
import type { Site } from "../platform/site.ts";

/** Two are changed in turns. */
export const fatUsers: readonly string[] = ["fat-1", "fat-2"];
const typesOfEach = 240;
const changeEveryMs = 120;

const event = (user_id: string, event_type: string) => ({
  event_type,
  user_id,
  game_id: "drill-sockets",
});

async function post(connection: HttpConnection, events: readonly unknown[]): Promise<void> {
  const { status, body } = await connection.send(JSON.stringify(events));
  if (status !== 202) throw new Error(`Cannot feed a player: ${status} ${body.slice(0, 200)}`);
}

/** Makes them: each has done so many different things that a message of them has some 16 KiB. */
export async function fatPlayers(site: Site): Promise<void> {
  const connection = new HttpConnection(site.target);
  for (const user of fatUsers) {
    const name = (i: number) => `${"fat.".repeat(14)}${i}`;
    await post(connection, Array.from({ length: typesOfEach }, (_, i) => event(user, name(i))));
  }
  connection.close();
}

/** Changes them until told to stop. */
export async function feedFat(site: Site, stop: AbortSignal): Promise<void> {
  const connection = new HttpConnection(site.target);
  for (let n = 0; !stop.aborted; n++) {
    await post(connection, [event(fatUsers[n % fatUsers.length]!, "fat.0")]).catch(() => {});
    await sleep(changeEveryMs);
  }
  connection.close();
}
