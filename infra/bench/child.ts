/** A program that is measured and ends by itself: a bare loop, psql, a tool of Kafka's. */
import { withDeadline } from "../../runtime/backoff.ts";

/** What kafkajs and its dependencies look at when they are loaded. */
const KAFKAJS_VARIABLES = ["KAFKAJS_*", "NODE_*"];

/** A running program. */
export interface Child {
  pid: number;
  /**
   * Waits for its end.
   *
   * @returns What it wrote to its standard output.
   * @throws Error with what it wrote, where it fails or takes longer than the deadline.
   */
  ended(deadline_ms: number): Promise<string>;
  /** Ends it by SIGKILL, if it still runs. */
  kill(): Promise<void>;
}

/**
 * The command of a bare loop of this directory, which Deno runs.
 *
 * @param path The loop, from here.
 * @param bootstrap host:port of Kafka: its first argument, and the one place that it may reach.
 * @param reads What it may read.
 * @param args Its other arguments.
 */
export function loopCommand(
  path: string,
  bootstrap: string,
  reads: readonly string[],
  args: readonly string[],
): string[] {
  const file = new URL(path, import.meta.url).pathname;
  return [
    ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--cached-only"],
    `--allow-net=${bootstrap}`,
    `--allow-env=${KAFKAJS_VARIABLES.join()}`,
    ...reads.map((read) => `--allow-read=${read}`),
    ...[file, bootstrap, ...args],
  ];
}

/**
 * Starts a program.
 *
 * @param command The program and its arguments.
 * @param doing Says what it does, for an error: "copying rows".
 * @param env Variables on top of this process's.
 */
export function startChild(
  command: readonly string[],
  doing: string,
  env: { [variable: string]: string } = {},
): Child {
  const [program, ...args] = command;
  const child = new Deno.Command(program!, {
    args,
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let is_over = false;
  const outcome = child.output().finally(() => is_over = true);
  // Whoever kills it does not wait for what it wrote.
  outcome.catch(() => {});
  return {
    pid: child.pid,
    async ended(deadline_ms) {
      const { code, stdout, stderr } = await withDeadline(outcome, deadline_ms, doing);
      const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      if (code !== 0) throw new Error(`${doing} failed with ${code}: ${complained}${said}`);
      return said!;
    },
    async kill() {
      if (!is_over) child.kill("SIGKILL");
      await child.status;
    },
  };
}
