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
  for await (const { name } of Deno.readDir(DATA_DIR)) {
    if (!name.endsWith(".json")) continue;
    const measurement: Measurement = JSON.parse(await Deno.readTextFile(new URL(name, DATA_DIR)));
    found.set(measurement.benchmark, measurement);
  }
  return found;
}
