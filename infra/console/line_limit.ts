/** Keeps a terminal readable: at most so many lines a second, and a word on what was left out. Pure. */

/** Decides line by line. */
export interface LineLimit {
  /**
   * @param line The next line.
   * @param now_ms Now.
   * @returns What to print: the line, nothing, or what was left out and then the line.
   */
  admit(line: string, now_ms: number): string[];
}

/**
 * Makes a limit.
 *
 * @param lines_per_second Most lines in one second; Infinity for all.
 */
export function createLineLimit(lines_per_second: number): LineLimit {
  let second = -Infinity;
  let shown = 0;
  let left_out = 0;
  return {
    admit(line, now_ms) {
      const now_second = Math.floor(now_ms / 1000);
      const lines: string[] = [];
      if (now_second !== second) {
        second = now_second;
        shown = 0;
        if (left_out > 0) lines.push(`… ${left_out.toLocaleString("en-US")} lines left out`);
        left_out = 0;
      }
      if (shown < lines_per_second) {
        shown++;
        lines.push(line);
      } else left_out++;
      return lines;
    },
  };
}
