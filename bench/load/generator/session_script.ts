/**
 * What happens in a session: the type and properties of each event, in a mix like that of a mobile
 * game. All text is ASCII, so that its length is its size in bytes.
 *
 * @module
 */
import type { Random } from "./random.ts";

/** A session as its script sees it. */
export interface Scene {
  /** The player's level, raised by the script. */
  level: number;
  /** A `level.start` waits for its outcome. */
  inLevel: boolean;
  inMatch: boolean;
}

/** An event of the script; `properties` is JSON text. One object is reused: read it at once. */
export interface Line {
  type: string;
  properties: string;
}

const prices = [99, 199, 499, 499, 999, 1999, 4999, 9999];
/** Most money comes in dollars; `JPY` has no minor unit, which must not matter. */
const currencies = ["USD", "USD", "USD", "USD", "EUR", "EUR", "GBP", "JPY"];
const resources = ["gold", "gems", "energy", "wood"];
const failures = ["time", "enemy", "quit", "fall"];

const line: Line = { type: "", properties: "{}" };

function say(type: string, properties: string): Line {
  line.type = type;
  line.properties = properties;
  return line;
}

/** The first event of a session. */
export function sessionStart(scene: Scene): Line {
  scene.inLevel = false;
  scene.inMatch = false;
  return say("session.start", "{}");
}

/** The last event of a session that ends as it should. */
export function sessionEnd(): Line {
  return say("session.end", "{}");
}

/** An event between start and end. About half concern levels, 2 % are purchases. */
export function inSession(scene: Scene, random: Random): Line {
  const bits = random.u32();
  const choice = bits & 127;
  const detail = bits >>> 7;
  if (choice < 60) return levelEvent(scene, detail);
  if (choice < 76) return matchEvent(scene, detail);
  if (choice < 90) return resourceEvent(choice, detail);
  if (choice < 104) return adEvent(choice, detail);
  if (choice < 107) return purchase(detail);
  if (choice < 110) return say("achievement.unlock", `{"achievement":"a${detail % 50}"}`);
  if (choice < 112) {
    return say("error", `{"severity":"warning","message":"asset ${detail % 900} was late"}`);
  }
  if (choice < 120) return say("shop.view", `{"shelf":${detail % 6}}`);
  return say("tutorial.step", `{"step":${detail % 12},"skipped":${(detail & 1) === 1}}`);
}

function levelEvent(scene: Scene, detail: number): Line {
  if (!scene.inLevel) {
    scene.inLevel = true;
    return say("level.start", `{"level":${scene.level}}`);
  }
  scene.inLevel = false;
  const level = scene.level;
  if ((detail & 3) === 0) {
    return say("level.fail", `{"level":${level},"reason":"${failures[(detail >>> 2) & 3]}"}`);
  }
  scene.level++;
  return say(
    "level.complete",
    `{"level":${level},"score":${detail % 5000},"duration_ms":${20_000 + detail % 90_000}}`,
  );
}

function matchEvent(scene: Scene, detail: number): Line {
  scene.inMatch = !scene.inMatch;
  if (scene.inMatch) return say("match.start", '{"mode":"duel"}');
  const result = (detail & 1) === 0 ? "win" : "loss";
  return say("match.end", `{"mode":"duel","result":"${result}","score":${(detail >>> 1) % 3000}}`);
}

function resourceEvent(choice: number, detail: number): Line {
  const resource = resources[detail & 3];
  const amount = 1 + (detail >>> 2) % 500;
  return choice < 84
    ? say("resource.source", `{"resource":"${resource}","amount":${amount},"reason":"quest"}`)
    : say("resource.sink", `{"resource":"${resource}","amount":${amount},"reason":"upgrade"}`);
}

function adEvent(choice: number, detail: number): Line {
  const placement = (detail & 1) === 0 ? "between_levels" : "rewarded";
  return say(choice < 102 ? "ad.impression" : "ad.click", `{"placement":"${placement}"}`);
}

function purchase(detail: number): Line {
  const price = prices[detail & 7];
  const currency = currencies[(detail >>> 3) & 7];
  return say("purchase", `{"amount":${price},"currency":"${currency}","item":"pack_${price}"}`);
}
