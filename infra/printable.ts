/** Text from outside as a terminal may show it. Pure. */

// deno-lint-ignore no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/**
 * Makes text safe to print in one line: whoever writes to a topic must not steer the terminal.
 *
 * @param text Any text.
 * @returns The text with "\ufffd" for each control character.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, "\ufffd");
}
