/** The files that the report is drawn into, and README's block: written, or found to differ. */
import { ROOT } from "../../conformance/source_files.ts";
import { withBlock } from "../../readme/marked_block.ts";
import { readMeasurements } from "../raw_data.ts";
import { README_MARKS, readmeBlock } from "./readme_table.ts";
import { drawReport, REPORT_DIR } from "./report.ts";

/** All plots are drawn: what else lies here is left over. */
const PLOTS_DIR = `${REPORT_DIR}/plots`;

/** What is drawn. */
export interface Drawn {
  /** The report and its plots, by path from the root. */
  files: Map<string, string>;
  readme_block: string;
}

/** Draws everything from the raw data. */
export async function drawBenchmarks(): Promise<Drawn> {
  const measurements = await readMeasurements();
  const files = drawReport(measurements);
  return { files, readme_block: readmeBlock(measurements, files) };
}

/** Puts the block of benchmarks into README's text. */
export function withBenchmarks(readme: string, { readme_block }: Drawn): string {
  return withBlock(readme, README_MARKS, readme_block);
}

/** The files that are not as they are drawn, by path from the root, those left over among them. */
export async function differingFiles({ files }: Drawn): Promise<string[]> {
  const differing: string[] = [];
  for (const [path, text] of files) {
    if (await readIfThere(path) !== text) differing.push(path);
  }
  for (const name of await plotsThere()) {
    if (!files.has(`${PLOTS_DIR}/${name}`)) differing.push(`${PLOTS_DIR}/${name}`);
  }
  return differing;
}

/**
 * Writes the files that differ, and removes those left over.
 *
 * @returns Their paths from the root.
 */
export async function writeFiles(drawn: Drawn): Promise<string[]> {
  const differing = await differingFiles(drawn);
  for (const path of differing) {
    const text = drawn.files.get(path);
    if (text === undefined) {
      await Deno.remove(ROOT + path);
      continue;
    }
    await Deno.mkdir(ROOT + path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(ROOT + path, text);
  }
  return differing;
}

/**
 * Draws the report and README's block anew.
 *
 * @returns The paths of what has changed.
 */
export async function drawAnew(): Promise<string[]> {
  const drawn = await drawBenchmarks();
  const changed = await writeFiles(drawn);
  const before = await Deno.readTextFile(`${ROOT}README.md`);
  const after = withBenchmarks(before, drawn);
  if (after === before) return changed;
  await Deno.writeTextFile(`${ROOT}README.md`, after);
  return [...changed, "README.md"];
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(ROOT + path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

async function plotsThere(): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(ROOT + PLOTS_DIR))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
