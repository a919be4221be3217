/** Runs a task of deno.json as a process, with the permissions that it really has: for tests. */
import { withDeadline } from "../runtime/backoff.ts";

const ROOT = new URL("../", import.meta.url);
const DEADLINE_MS = 30_000;

/** A task that runs. */
export interface TaskUnderTest {
  /** Resolves with what was written so far when it matches; a stream that ends before is an error. */
  stdoutMatching(pattern: RegExp): Promise<string>;
  stderrMatching(pattern: RegExp): Promise<string>;
  /** Sends a signal. */
  signal(signal: Deno.Signal): void;
  /** Resolves when it has ended. */
  ended(): Promise<TaskResult>;
}

/** How a task ended. */
export interface TaskResult {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Starts a task; it is ended with the test, whatever comes of it.
 *
 * @param name Name in deno.json; it must be one `deno run` command.
 * @param options Its arguments.
 * @param env Added to the environment.
 * @param test What to do with it.
 */
export async function withTask<Result>(
  name: string,
  options: readonly string[],
  env: { [variable: string]: string },
  test: (task: TaskUnderTest) => Promise<Result>,
): Promise<Result> {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  // Without `deno task` between, so that a signal reaches it and nothing else.
  const args = [...String(tasks[name]).split(" ").slice(1), ...options];
  const process = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = collect(process.stdout);
  const stderr = collect(process.stderr);
  const status = process.status;
  try {
    return await test({
      stdoutMatching: stdout.matching,
      stderrMatching: stderr.matching,
      signal: (signal) => process.kill(signal),
      async ended() {
        const { code } = await withDeadline(status, DEADLINE_MS, `The task ${name}`);
        return { code, stdout: await stdout.whole, stderr: await stderr.whole };
      },
    });
  } finally {
    endNow(process);
    await status;
    await Promise.all([stdout.whole, stderr.whole]);
  }
}

function endNow(process: Deno.ChildProcess): void {
  try {
    process.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}

/** Runs a task to its end. */
export function runTask(
  name: string,
  options: readonly string[],
  env: { [variable: string]: string },
): Promise<TaskResult> {
  return withTask(name, options, env, (task) => task.ended());
}

function collect(stream: ReadableStream<Uint8Array>): {
  whole: Promise<string>;
  matching(pattern: RegExp): Promise<string>;
} {
  let text = "";
  let ended = false;
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    for (const resolve of waiting) resolve();
    waiting = [];
  };
  const whole = (async () => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      wake();
    }
    ended = true;
    wake();
    return text;
  })();
  async function match(pattern: RegExp): Promise<string> {
    while (!pattern.test(text)) {
      if (ended) throw new Error(`The output ended without ${pattern}: ${text}`);
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    return text;
  }
  return {
    whole,
    matching: (pattern) => withDeadline(match(pattern), DEADLINE_MS, `Waiting for ${pattern}`),
  };
}
