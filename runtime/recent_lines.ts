/** The newest lines of a log, for whoever comes from a panel; bounded in lines and in size. */

const LINES_MAX = 500;
const CHARACTERS_MAX = 1_000_000;

/** The newest lines. */
export interface RecentLines {
  add(line: string): void;
  /**
   * @param contains Only lines with this text in them, a trace_id for instance; null: all.
   * @returns Oldest first.
   */
  lines(contains: string | null): string[];
}

/** Keeps the newest lines; older ones go. */
export function keepRecentLines(): RecentLines {
  const kept: string[] = [];
  let characters = 0;
  return {
    add(line) {
      kept.push(line);
      characters += line.length;
      while (kept.length > LINES_MAX || (characters > CHARACTERS_MAX && kept.length > 1)) {
        characters -= kept.shift()!.length;
      }
    },
    lines: (contains) =>
      contains === null ? [...kept] : kept.filter((line) => line.includes(contains)),
  };
}
