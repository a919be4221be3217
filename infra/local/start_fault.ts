/**
 * A fault that the person at the keyboard can put right: its message says what was being done and
 * what to do, so it is printed without a stack.
 */
export class StartFault extends Error {
  override name = "StartFault";
}

/** Takes one line for the person who waits. */
export type Progress = (line: string) => void;
