/** The market data that tests read, where it is there. None of it is in this project. */
import { ROOT } from "../conformance/source_files.ts";

const FOLDER = `${ROOT}../shared/data`;

/** A row of a bars.csv: what must come out of a set's ticks. */
export interface Bar {
  symbol: string;
  interval: string;
  window_start: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

/** Path of a file of the shared data. */
export function sharedFile(path: string): string {
  return `${FOLDER}/${path}`;
}

/** Whether the shared data is here: a test that needs it is skipped, and counted so, where not. */
export function hasSharedData(): boolean {
  try {
    Deno.statSync(FOLDER);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return false;
  }
}

/** Reads the bars of a set. */
export async function readBars(set: string): Promise<Bar[]> {
  const text = await Deno.readTextFile(sharedFile(`${set}/bars.csv`));
  return text.trim().split("\n").slice(1).map((line) => {
    const [symbol, interval, window_start, open, high, low, close, volume] = line.split(",");
    return {
      symbol: symbol!,
      interval: interval!,
      window_start: Number(window_start),
      open: Number(open),
      high: Number(high),
      low: Number(low),
      close: Number(close),
      volume: Number(volume),
    };
  });
}

/** Reads the lines of a set's ticks.csv.gz, without its header. */
export async function readTickLines(set: string): Promise<string[]> {
  const file = await Deno.open(sharedFile(`${set}/ticks.csv.gz`));
  const stream = file.readable.pipeThrough(new DecompressionStream("gzip"));
  return (await new Response(stream).text()).trimEnd().split("\n").slice(1);
}
