/** Where loads found the platform's limit: kept beside the data directory, which each load empties. */
import { writeAtomically } from "../local/files.ts";
import type { Limit } from "./limit.ts";
import type { ScenarioName } from "./scenarios.ts";

/** A limit, and when it was found. */
export interface FoundLimit extends Limit {
  found_at: string;
}

type FoundLimits = { [scenario in ScenarioName]?: FoundLimit };

function pathOf(data_dir: string): string {
  return `${data_dir.replace(/\/+$/, "")}.breakpoint.json`;
}

/** Null where none was found yet. */
export async function lastLimit(
  data_dir: string,
  scenario: ScenarioName,
): Promise<FoundLimit | null> {
  return (await read(data_dir))[scenario] ?? null;
}

/** Notes a scenario's limit. */
export async function noteLimit(
  data_dir: string,
  scenario: ScenarioName,
  limit: Limit,
): Promise<void> {
  const found = { ...limit, found_at: new Date().toISOString() };
  const all = { ...await read(data_dir), [scenario]: found };
  await writeAtomically(pathOf(data_dir), JSON.stringify(all, null, 2) + "\n", 0o644);
}

async function read(data_dir: string): Promise<FoundLimits> {
  const path = pathOf(data_dir);
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new Error(`Cannot read ${path}: ${(error as Error).message}; remove it`);
  }
}
