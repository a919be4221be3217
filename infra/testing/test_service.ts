/** For server tests: a service as a process of its own, with the permissions that it really gets. */
import type { ServiceName } from "../../contract/pipeline.ts";
import { withDeadline } from "../../runtime/backoff.ts";
import { serviceCommand } from "../service_command.ts";

/** Longest wait for anything in a server test. */
export const TEST_DEADLINE_MS = 60_000;

/** One line of a service's log. */
export type LogLine = { event?: string; level: string; message: string; [field: string]: unknown };

/** A service's process. */
export interface ServiceUnderTest {
  pid: number;
  lines: LogLine[];
  /** Everything it wrote, for what must not be in it. */
  output(): string;
  /** The first line, past or to come, of which this is true. */
  line(wanted: (line: LogLine) => boolean): Promise<LogLine>;
  /** URL of its operations port. */
  operationsUrl(): Promise<string>;
  /** Resolves when /ready says so. */
  ready(): Promise<void>;
  /** The text of /metrics. */
  metrics(): Promise<string>;
  /** Settles with its exit code when it has ended, for whatever reason. */
  over: Promise<number>;
  /** Resolves with its exit code when it has ended by itself. */
  ended(): Promise<number>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/**
 * Runs a test with a service's process, and ends the process whatever comes of it.
 *
 * @param name Which service.
 * @param environment All its settings.
 * @param test What to do with it.
 * @throws What the test throws, with what the service wrote.
 */
export async function withService<Result>(
  name: ServiceName,
  environment: { [variable: string]: string },
  test: (service: ServiceUnderTest) => Promise<Result>,
): Promise<Result> {
  const service = startService(name, environment);
  try {
    return await test(service);
  } catch (error) {
    throw new Error(`${(error as Error).message}\nThe ${name} wrote:\n${service.output()}`, {
      cause: error,
    });
  } finally {
    await service.kill();
  }
}

/**
 * Starts a service's process. Whoever calls must end it.
 *
 * @param name Which service.
 * @param environment All its settings.
 * @param deno_options Options of `deno run` beside its own.
 */
export function startService(
  name: ServiceName,
  environment: { [variable: string]: string },
  deno_options: readonly string[] = [],
): ServiceUnderTest {
  const { HOME = "", DENO_DIR = "", PATH = "" } = Deno.env.toObject();
  const { command, env } = serviceCommand(name, { HOME, DENO_DIR, PATH, ...environment }, []);
  const child = new Deno.Command(command[0]!, {
    // After `run`.
    args: [...command.slice(1, 2), ...deno_options, ...command.slice(2)],
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const lines: LogLine[] = [];
  let output = "";
  let changed = Promise.withResolvers<void>();
  let is_over = false;

  async function follow(stream: ReadableStream<Uint8Array>, is_log: boolean): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      if (is_log) { for (const part of parts) lines.push(JSON.parse(part)); }
      changed.resolve();
      changed = Promise.withResolvers();
    }
  }
  const followed = Promise.all([follow(child.stdout, true), follow(child.stderr, false)]);
  const over = Promise.all([child.status, followed]).then(([status]) => {
    is_over = true;
    changed.resolve();
    return status.code;
  });

  async function line(wanted: (line: LogLine) => boolean): Promise<LogLine> {
    const search = async (): Promise<LogLine> => {
      for (;;) {
        const found = lines.find(wanted);
        if (found) return found;
        if (is_over) throw new Error(`The ${name} ended before a log line that was waited for`);
        await changed.promise;
      }
    };
    return await withDeadline(search(), TEST_DEADLINE_MS, `Waiting for a log line of the ${name}`);
  }

  async function operationsUrl(): Promise<string> {
    return String((await line((each) => each.operations_url !== undefined)).operations_url);
  }

  return {
    pid: child.pid,
    lines,
    output: () => output,
    line,
    operationsUrl,
    async ready() {
      const url = await operationsUrl();
      await eventually(async () => {
        if (is_over) throw new Error(`The ${name} ended before it was ready`);
        const response = await fetch(`${url}/ready`);
        await response.body?.cancel();
        return response.ok;
      }, `the ${name} to be ready`);
    },
    metrics: async () => await (await fetch(`${await operationsUrl()}/metrics`)).text(),
    over,
    ended: () => withDeadline(over, TEST_DEADLINE_MS, `Waiting for the ${name} to end`),
    async stop() {
      if (!is_over) child.kill("SIGTERM");
      return await withDeadline(over, TEST_DEADLINE_MS, `Stopping the ${name}`);
    },
    async kill() {
      if (!is_over) child.kill("SIGKILL");
      await over;
    },
  };
}

/**
 * Asks again until something is true.
 *
 * @param isTrue What is waited for.
 * @param what Its name, for the error.
 * @param deadline_ms How long to wait.
 */
export async function eventually(
  isTrue: () => Promise<boolean>,
  what: string,
  deadline_ms = TEST_DEADLINE_MS,
): Promise<void> {
  const give_up_at = Date.now() + deadline_ms;
  while (!await isTrue()) {
    if (Date.now() > give_up_at) throw new Error(`Waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
