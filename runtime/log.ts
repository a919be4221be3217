/**
 * Structured logs: one JSON object a line on standard output. Normal operation logs nothing. A line
 * that is written within a span carries its trace_id and span_id.
 */
import { activeIds } from "./spans.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof LEVELS)[number];

/** What a line may carry beside its message: values that JSON can hold. */
export type LogFields = { readonly [name: string]: unknown };

/** A logger: one function a level. */
export type Logger = {
  readonly [level in LogLevel]: (message: string, fields?: LogFields) => void;
};

const encoder = new TextEncoder();

/** Writes a line to standard output. */
export function writeLine(line: string): void {
  const bytes = encoder.encode(line + "\n");
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

/** An error as fields: its message, its causes, its stack. */
export function errorFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: String(error) };
  return {
    error: error.message,
    error_name: error.name,
    ...(error.cause instanceof Error ? { cause: error.cause.message } : {}),
    stack: error.stack?.split("\n").slice(1, 6).map((line) => line.trim()),
  };
}

/**
 * Makes a logger.
 *
 * @param service Goes into every line.
 * @param level_min Lines below it are not written.
 * @param write Where lines go: standard output unless a test listens.
 */
export function createLogger(
  service: string,
  level_min: LogLevel,
  write: (line: string) => void = writeLine,
): Logger {
  const log = (level: LogLevel) => (message: string, fields: LogFields = {}): void => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(level_min)) return;
    const time = new Date().toISOString();
    try {
      write(
        JSON.stringify({ time, level, service, message, ...activeIds(), ...fields }, jsonValue),
      );
    } catch (error) {
      // A closed standard output means that nobody listens any more; work goes on without it.
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

function jsonValue(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
