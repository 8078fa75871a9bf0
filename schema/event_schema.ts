/**
 * The native event as zod describes it, for documents and for the tests that hold the hand-written
 * check in `event_validation.ts` equal to it.
 *
 * @module
 */
import { z } from "zod";
import { isStorableText } from "./hostile_values.ts";
import { idSchema } from "./ids.ts";
import { limits } from "./limits.ts";
import { parseDateTime } from "./rfc3339.ts";

/** What a custom event type looks like. */
export const eventTypePattern = /^[a-z0-9_.:-]{1,64}$/;

const textSchema = z.string().refine(isStorableText);

/** JSON without hostile values. Depth is bounded by the event's check, not here. */
export const jsonSchema: z.ZodType = z.lazy(() =>
  z.union([
    z.null(),
    z.boolean(),
    z.number().min(-Number.MAX_SAFE_INTEGER).max(Number.MAX_SAFE_INTEGER),
    textSchema,
    z.array(jsonSchema),
    z.record(textSchema, jsonSchema),
  ])
);

const objectSchema = z.record(textSchema, jsonSchema)
  .refine((value) => Object.keys(value).length <= limits.propertiesMax);

/**
 * One event as a client sends it. `game_id` may be left out when the key knows it. The window of
 * `timestamp`, the properties of known types and what a key may write are checked beyond this.
 */
export const nativeEventSchema = z.looseObject({
  event_id: idSchema(limits.eventIdCharsMax).optional(),
  event_type: z.string().regex(eventTypePattern),
  user_id: idSchema(limits.idCharsMax),
  game_id: idSchema(limits.idCharsMax).optional(),
  session_id: idSchema(limits.idCharsMax).optional(),
  timestamp: z.string().refine((text) => !Number.isNaN(parseDateTime(text))).optional(),
  properties: objectSchema.optional(),
  context: objectSchema.optional(),
});
