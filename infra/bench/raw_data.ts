/** The raw data of the benchmarks: docs/benchmarks/data, one file a benchmark, its last sitting. */
import type { Measurement } from "./benchmark.ts";

const DATA_DIR = new URL("../../docs/benchmarks/data/", import.meta.url);

/** Keeps a measurement in the place of the one before. */
export async function keepMeasurement(measurement: Measurement): Promise<void> {
  await Deno.mkdir(DATA_DIR, { recursive: true });
  await Deno.writeTextFile(
    new URL(`${measurement.benchmark}.json`, DATA_DIR),
    `${JSON.stringify(measurement, null, 2)}\n`,
  );
}

/** Reads all that is kept, by the benchmark's name. */
export async function readMeasurements(): Promise<Map<string, Measurement>> {
  const found = new Map<string, Measurement>();
  for (const name of await dataFiles()) {
    const measurement = parseMeasurement(name, await Deno.readTextFile(new URL(name, DATA_DIR)));
    found.set(measurement.benchmark, measurement);
  }
  return found;
}

/**
 * Reads one file's text.
 *
 * @param file_name `<benchmark>.json`.
 * @throws Error where it is no measurement of that benchmark.
 */
export function parseMeasurement(file_name: string, text: string): Measurement {
  const what = `docs/benchmarks/data/${file_name}`;
  let measurement: Measurement;
  try {
    measurement = JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is no JSON (${error}): measure it again`);
  }
  if (`${measurement?.benchmark}.json` !== file_name || !Array.isArray(measurement.runs)) {
    throw new Error(`${what} is no measurement of the benchmark it is named for: measure it again`);
  }
  return measurement;
}

/** None where nothing was ever measured. Sorted, so that the same files are read in the same order. */
async function dataFiles(): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(DATA_DIR));
    return entries.map(({ name }) => name).filter((name) => name.endsWith(".json")).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
