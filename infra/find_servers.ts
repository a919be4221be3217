/** Where the running stack's servers are: from the environment, or from its data directory. */
import type { Environment } from "../runtime/config.ts";

/** A server that a tool needs, by its name in endpoints.json. */
export type ServerName = "kafka" | "postgres";

const VARIABLES: { [name in ServerName]: readonly [string, ...string[]] } = {
  kafka: ["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BROKERS"],
  postgres: ["DATABASE_URL"],
};

/**
 * Completes an environment with the servers that `deno task start` has written down.
 * A variable that is set wins.
 *
 * @param data_dir The stack's data directory, as given to `deno task start`.
 * @param environment Names and values.
 * @param needed Which servers.
 * @returns The environment with KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL as far as needed.
 * @throws Error that says what to do where a server is neither set nor written down.
 */
export async function findServers(
  data_dir: string,
  environment: Environment,
  needed: readonly ServerName[],
): Promise<Environment> {
  const missing = needed.filter((name) =>
    VARIABLES[name].every((variable) => (environment[variable] ?? "") === "")
  );
  if (missing.length === 0) return environment;
  const path = `${data_dir}/endpoints.json`;
  const endpoints = await readEndpoints(path);
  const found: { [variable: string]: string | undefined } = { ...environment };
  for (const name of missing) {
    const address = endpoints?.[name];
    if (typeof address !== "string" || address === "") {
      const lack = endpoints === null ? "does not exist" : `names no ${name}`;
      throw new Error(
        `No running stack found: ${path} ${lack}. Start one with deno task start, name its ` +
          `--data-dir, or set ${missing.map((each) => VARIABLES[each][0]).join(" and ")}`,
      );
    }
    found[VARIABLES[name][0]] = address;
  }
  return found;
}

/** Null where there is no such file. */
async function readEndpoints(path: string): Promise<{ [name: string]: unknown } | null> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw new Error(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const endpoints: unknown = JSON.parse(text);
    if (typeof endpoints === "object" && endpoints !== null) {
      return endpoints as { [name: string]: unknown };
    }
  } catch {
    // Told below, in one sentence for both.
  }
  throw new Error(`Cannot read ${path}: it is not a JSON object. deno task start writes it anew`);
}
