/** Reads how many tests passed from what `deno test` says at its end. Pure. */

/** How many tests there were. A step of a test counts as one. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Adds counts up. */
export function addCounts(left: Counts, right: Counts): Counts {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

/**
 * Reads the closing line of `deno test`: "ok | 7 passed (4 steps) | 0 failed | 1 ignored (2s)".
 *
 * @param told All that it said.
 * @returns The counts, or null where there is no such line.
 */
export function readCounts(told: string): Counts | null {
  const line = told.split("\n").findLast((each) => /^(ok|FAILED) \| \d+ passed/.test(each));
  if (line === undefined) return null;
  const count = (what: string): number => {
    const found = new RegExp(`(\\d+) ${what}(?: \\((\\d+) steps?\\))?`).exec(line);
    return Number(found?.[1] ?? 0) + Number(found?.[2] ?? 0);
  };
  return { passed: count("passed"), failed: count("failed"), skipped: count("ignored") };
}
