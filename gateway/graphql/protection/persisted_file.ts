/**
 * Reads persisted operations when a node starts: what cannot be used is told then, not at a request.
 *
 * @module
 */
import { ConfigFaults } from "../../../schema/config_reader.ts";
import { limits } from "../../../schema/limits.ts";
import { graphqlSchema } from "../graphql_schema.ts";
import { checkDocument } from "./documents.ts";
import { BadManifest, parseManifest, type PersistedOperations } from "./persisted_operations.ts";

/**
 * @param path of the manifest
 * @throws {ConfigFaults} it cannot be read, or is no manifest of operations that can run
 */
export async function loadPersistedOperations(
  { path, only }: { readonly path: string; readonly only: boolean },
): Promise<PersistedOperations> {
  const fault = (why: string) =>
    new ConfigFaults([{
      variable: "PERSISTED_OPERATIONS",
      seen: JSON.stringify(path),
      expected: why,
    }]);
  try {
    const { size } = await Deno.stat(path);
    const max = limits.graphqlPersistedBytesMax;
    if (size > max) throw new BadManifest(`it has ${size} bytes, at most ${max} may be`);
    const json = await Deno.readTextFile(path);
    return { byId: parseManifest(json, (text) => void checkDocument(graphqlSchema, text)), only };
  } catch (error) {
    if (error instanceof BadManifest) throw fault(`a file of operations: ${error.message}`);
    if (error instanceof Deno.errors.NotFound) throw fault("a file that is there");
    throw fault(`a file that can be read: ${(error as Error).message}`);
  }
}
