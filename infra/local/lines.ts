/** A child process' output, line by line. */

/** Longest line that is kept whole; a service's own lines are far shorter. */
const LINE_LENGTH_MAX = 65_536;

/**
 * Lines of a process's output, as text.
 *
 * @param stream Its standard output or error.
 */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > LINE_LENGTH_MAX) {
      yield rest;
      rest = "";
    }
  }
  if (rest !== "") yield rest;
}
