/** What the command-line tools share: their output, and how they end. */
import { ConfigError } from "../runtime/config.ts";
import { createLogger, type Logger } from "../runtime/log.ts";

const encoder = new TextEncoder();

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let written = 0; written < bytes.length;) {
    written += stream.writeSync(bytes.subarray(written));
  }
}

/**
 * Writes a line to standard output.
 *
 * @throws Deno.errors.BrokenPipe where the reader has gone (`| head`); `runTool` ends quietly then.
 */
export function printLine(line: string): void {
  writeAll(Deno.stdout, line + "\n");
}

/** Writes a line to standard error: what is no part of the output. */
export function warnLine(line: string): void {
  writeAll(Deno.stderr, line + "\n");
}

/** A tool's log: to standard error, so that its output can be piped. */
export function toolLog(name: string): Logger {
  return createLogger(name, "error", warnLine);
}

/**
 * Runs a tool and ends the process with the exit code that it returns. An error becomes one line
 * on standard error.
 *
 * @param exit_code_failed Exit code where it throws.
 * @param run The tool.
 */
export async function runTool(
  exit_code_failed: number,
  run: () => Promise<number>,
): Promise<never> {
  try {
    Deno.exit(await run());
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    const text = error instanceof Error ? errorText(error) : String(error);
    warnLine(text);
    Deno.exit(exit_code_failed);
  }
}

/** An AggregateError, as a refused connection to two addresses is one, has no message of its own. */
function errorText(error: Error): string {
  if (error instanceof ConfigError) return error.message;
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map((each) => each instanceof Error ? each.message : String(each))
      .join("; ");
  }
  return error.message;
}
