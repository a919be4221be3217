/** What the person at the keyboard sees: lines, and below them one line that lives. */

/** How often the living line is printed where it can't be redrawn, ms. */
export const PIPED_INTERVAL_MS = 10_000;

/** A terminal that does not know its width tells 0. */
const COLUMNS_UNKNOWN = 132;

const CLEAR_LINE = "\r\x1b[2K";
const encoder = new TextEncoder();

/** Where the supervisor writes. */
export interface Screen {
  /** Prints text that stays. */
  print(text: string): void;
  /** Redraws the living line (empty: takes it away); where output is piped, prints it now and then. */
  live(text: string): void;
}

/** What a screen is made of. */
export interface ScreenOptions {
  is_terminal: boolean;
  /** Width of the terminal, columns. */
  columns(): number;
  write(text: string): void;
  /** Milliseconds that only grow. */
  now(): number;
}

/**
 * Makes a screen.
 *
 * @param options Where it writes; the standard output unless a test listens.
 */
export function createScreen(options: ScreenOptions = standardOutput()): Screen {
  let living = "";
  let printed_at_ms = options.now();
  if (!options.is_terminal) {
    return {
      print: (text) => options.write(`${text}\n`),
      live(text) {
        if (text === "" || options.now() - printed_at_ms < PIPED_INTERVAL_MS) return;
        printed_at_ms = options.now();
        options.write(`${text}\n`);
      },
    };
  }
  return {
    print(text) {
      options.write(living === "" ? `${text}\n` : `${CLEAR_LINE}${text}\n${living}`);
    },
    live(text) {
      living = text.slice(0, (options.columns() || COLUMNS_UNKNOWN) - 1);
      options.write(`${CLEAR_LINE}${living}`);
    },
  };
}

function standardOutput(): ScreenOptions {
  let closed = false;
  return {
    is_terminal: Deno.stdout.isTerminal(),
    columns: () => Deno.consoleSize().columns,
    now: () => performance.now(),
    write(text) {
      if (closed) return;
      const bytes = encoder.encode(text);
      try {
        for (let written = 0; written < bytes.length;) {
          written += Deno.stdout.writeSync(bytes.subarray(written));
        }
      } catch (error) {
        // Whoever read has gone (`| head`, a closed terminal), or a file has no room (`> file`):
        // the stack goes on without a reader, and what it says is in its log too.
        closed = error instanceof Deno.errors.BrokenPipe;
      }
    },
  };
}
