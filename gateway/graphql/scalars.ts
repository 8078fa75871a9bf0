/**
 * The scalars. Inside, a `DateTime` is milliseconds and a `Date` is days since the Unix epoch.
 *
 * @module
 */
import { GraphQLScalarType, Kind, valueFromASTUntyped } from "graphql";
import { dayText } from "../../schema/event.ts";
import { show } from "../../schema/rejection.ts";
import { parseDateTime, parseFullDate } from "../../schema/rfc3339.ts";
import { graphqlError } from "./errors.ts";

function textScalar(
  name: string,
  expected: string,
  parse: (text: string) => number,
  write: (value: number) => string,
): GraphQLScalarType<number, string> {
  const parseValue = (value: unknown): number => {
    const parsed = typeof value === "string" ? parse(value) : NaN;
    if (!Number.isNaN(parsed)) return parsed;
    throw graphqlError("BAD_USER_INPUT", `${name} must be ${expected}: got ${show(value)}`);
  };
  return new GraphQLScalarType<number, string>({
    name,
    serialize: (value) => write(value as number),
    parseValue,
    parseLiteral: (node) => parseValue(node.kind === Kind.STRING ? node.value : undefined),
  });
}

export const dateTimeScalar = textScalar(
  "DateTime",
  "an RFC 3339 date-time such as 2026-01-01T12:00:00.000Z",
  parseDateTime,
  (ms) => new Date(ms).toISOString(),
);

export const dateScalar = textScalar(
  "Date",
  "a day such as 2026-01-31",
  parseFullDate,
  dayText,
);

export const jsonScalar = new GraphQLScalarType({
  name: "JSON",
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});
