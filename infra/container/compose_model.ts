/** docker-compose.yml as Compose itself understands it: read by Compose's own Go library. */
import { ROOT } from "../conformance/source_files.ts";
import { buildGoTool } from "../local/go_tool.ts";

/** The program that reads it. */
export const COMPOSE = { name: "compose", package_path: "." };
const PARSE_DEADLINE_MS = 30_000;

/** The parts of a service that are looked at here. */
export interface ComposeService {
  image?: string;
  build?: { context: string; dockerfile: string; target: string };
  command?: readonly string[] | null;
  environment?: { readonly [variable: string]: string | null };
  depends_on?: { readonly [service: string]: { condition: string } };
  healthcheck?: { test?: readonly string[]; disable?: boolean };
  volumes?: readonly { type: string; source: string; target: string; read_only?: boolean }[];
  ports?: readonly { host_ip?: string; published?: string; target: number }[];
  profiles?: readonly string[];
  cap_drop?: readonly string[];
  security_opt?: readonly string[];
  read_only?: boolean;
  privileged?: boolean;
  mem_limit?: string | number;
  cpus?: string | number;
  pids_limit?: number;
}

/** The file, with its variables filled in and its paths absolute. */
export interface ComposeModel {
  services: { readonly [name: string]: ComposeService };
}

/** What Compose made of the file, or what it says is wrong with it. */
export type ComposeReading = { model: ComposeModel } | { fault: string };

/**
 * Reads docker-compose.yml.
 *
 * @param environment The variables that it takes its values from.
 */
export async function readCompose(
  environment: { [variable: string]: string },
): Promise<ComposeReading> {
  const program = await buildGoTool(COMPOSE, () => {});
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [`${ROOT}docker-compose.yml`],
    clearEnv: true,
    env: environment,
    signal: AbortSignal.timeout(PARSE_DEADLINE_MS),
  }).output();
  const decoder = new TextDecoder();
  if (!success) return { fault: decoder.decode(stderr) };
  return { model: JSON.parse(decoder.decode(stdout)) };
}
