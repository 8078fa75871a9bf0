/**
 * The first look at a document, token by token: what is too long, nests too deep for a parser that
 * recurses, or is a flood of directives is refused unparsed.
 *
 * @module
 */
import { Lexer, Source, TokenKind } from "graphql";
import { limits } from "../../../schema/limits.ts";
import { tooComplex } from "../errors.ts";

const opening: ReadonlySet<TokenKind> = new Set([
  TokenKind.BRACE_L,
  TokenKind.BRACKET_L,
  TokenKind.PAREN_L,
]);
const closing: ReadonlySet<TokenKind> = new Set([
  TokenKind.BRACE_R,
  TokenKind.BRACKET_R,
  TokenKind.PAREN_R,
]);

/**
 * Counts the tokens of a document.
 *
 * @returns how many
 * @throws {GraphQLError} `TOO_COMPLEX`; or a syntax error where there is no token
 */
export function countTokens(text: string): number {
  const { graphqlQueryCharsMax, graphqlTokensMax, graphqlNestingMax, graphqlDirectivesMax } =
    limits;
  if (text.length > graphqlQueryCharsMax) {
    const message = `A document may have ${graphqlQueryCharsMax} characters`;
    throw tooComplex("characters", graphqlQueryCharsMax, message);
  }
  const lexer = new Lexer(new Source(text));
  let tokens = 0;
  let nesting = 0;
  let directives = 0;
  for (let { kind } = lexer.advance(); kind !== TokenKind.EOF; { kind } = lexer.advance()) {
    if (++tokens > graphqlTokensMax) {
      const message = `A document may have ${graphqlTokensMax} tokens`;
      throw tooComplex("tokens", graphqlTokensMax, message);
    }
    if (opening.has(kind) && ++nesting > graphqlNestingMax) {
      const message = `A document may nest ${graphqlNestingMax} brackets`;
      throw tooComplex("nesting", graphqlNestingMax, message);
    }
    if (closing.has(kind)) nesting--;
    if (kind === TokenKind.AT && ++directives > graphqlDirectivesMax) {
      const message = `A document may have ${graphqlDirectivesMax} directives`;
      throw tooComplex("directives", graphqlDirectivesMax, message);
    }
  }
  return tokens;
}
