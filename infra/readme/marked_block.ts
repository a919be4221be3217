/** A part of a text that is generated, between two marks. Pure. */

/** What stands before and behind it. */
export interface Marks {
  start: string;
  end: string;
}

/**
 * Puts a block between its marks, in the place of the one before.
 *
 * @throws Error where a mark is missing.
 */
export function withBlock(readme: string, marks: Marks, block: string): string {
  const start = readme.indexOf(marks.start);
  const end = readme.indexOf(marks.end);
  if (start < 0 || end < start) {
    throw new Error(`README.md must hold the marks ${marks.start} and ${marks.end}, in this order`);
  }
  return `${readme.slice(0, start + marks.start.length)}\n\n${block}\n\n${readme.slice(end)}`;
}
