/** What names a replay: its source, and its run, which is the same whenever the file is the same. */
import { createHash } from "node:crypto";
import { SOURCE_LENGTH_MAX } from "../../../contract/tick.ts";

/** How much of the file goes into its identity. */
const HEAD_BYTES = 65_536;

/** A file as it was found. */
export interface ReplayFile {
  path: string;
  size: number;
  /** Path, size, time of change and head, hashed: a changed file is another. */
  identity: string;
}

/**
 * Identifies a file.
 *
 * @param path As configured.
 * @throws Deno's errors where the file can't be read.
 */
export async function identifyFile(path: string): Promise<ReplayFile> {
  const real_path = await Deno.realPath(path);
  // By the name that was given, never the real path or the open file: only that name may be read,
  // and Deno's FsFile.stat() asks for the permission to read the link's target.
  const { size, mtime, isFile } = await Deno.stat(path);
  if (!isFile) throw new Error("it is not a file");
  using file = await Deno.open(path, { read: true });
  const head = new Uint8Array(HEAD_BYTES);
  let length = 0;
  for (
    let count = await file.read(head);
    count !== null && length < HEAD_BYTES;
    count = await file.read(head.subarray(length))
  ) length += count;
  const identity = createHash("sha256")
    .update(JSON.stringify([real_path, size, mtime?.getTime() ?? null]))
    .update(head.subarray(0, length))
    .digest("hex").slice(0, 20);
  return { path, size, identity };
}

/**
 * The run of a file: the header value in its records.
 *
 * @param identity The file's.
 * @param round 1 for the first replay, 2 and on for `--again`.
 */
export function runName(identity: string, round: number): string {
  return `${identity}~${round}`;
}

/**
 * The round that a run's name tells.
 *
 * @returns Null where the run is of another file.
 */
export function roundOf(identity: string, run: string): number | null {
  const round = run.startsWith(`${identity}~`) ? Number(run.slice(identity.length + 1)) : NaN;
  return Number.isSafeInteger(round) && round >= 1 ? round : null;
}

/** What a sample's source ends with; no replay's does. */
const SAMPLE_SUFFIX = "~sample";

/**
 * The `source` of a replay's ticks: `replay/<file name>` or, where another run has that name, the
 * first free of `~2`, `~3`, …: a source that has ended stays so, and all its later ticks are late.
 *
 * @param path The file.
 * @param taken Sources of other runs.
 */
export function replaySource(path: string, taken: ReadonlySet<string>): string {
  for (let number = 1;; number++) {
    const source = sourceName(path, number === 1 ? "" : `~${number}`);
    if (!taken.has(source)) return source;
  }
}

/**
 * The `source` of a file's samples, `replay/<file name>~sample`: it never ends, and no replay of the
 * file shares it.
 *
 * @param path The file.
 */
export function sampleSource(path: string): string {
  return sourceName(path, SAMPLE_SUFFIX);
}

/** What a source can't hold is replaced. */
function sourceName(path: string, suffix: string): string {
  const name = path.slice(path.lastIndexOf("/") + 1)
    .replaceAll(/[\p{Cc}|\ufffd\p{Surrogate}]/gu, "_").trim()
    .replace(/~sample$/, "_sample");
  return `replay/${name}`.slice(0, SOURCE_LENGTH_MAX - suffix.length).trimEnd() + suffix;
}
