/** What starting Kafka and starting Postgres have in common: ports, waiting, faults, restarts. */
import { sleep } from "../../runtime/backoff.ts";
import { assertPortFree, freePorts, portTaken } from "./free_port.ts";
import {
  logOf,
  type ServerCommand,
  type ServerProcess,
  spawnServer,
  waitReady,
} from "./server_process.ts";
import { StartFault } from "./start_fault.ts";

/** How one kind of server is started. */
export interface ServerRecipe {
  name: string;
  /** The port that was asked for; null takes a free one. */
  port: number | null;
  /** The variable that asks for a port. */
  port_variable: string;
  /** How many ports it listens on; the first is the one that clients use. */
  port_count: number;
  ready_deadline_ms: number;
  /** Writes what the server reads, and says how it is run. */
  command(ports: readonly number[]): Promise<ServerCommand>;
  isReady(ports: readonly number[], server: ServerProcess): Promise<boolean>;
}

/** A server on this machine. */
export interface LocalServer {
  name: string;
  port: number;
  /** All ports it listens on now; those after the first change at a restart. */
  ports(): readonly number[];
  /** The process that runs now, or ran last. */
  process(): ServerProcess;
  /** Stops it in order. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL: for tests of faults. */
  kill(): Promise<void>;
  /**
   * Stops it if it runs, and starts it again on the same port with the same data.
   *
   * @param stopping Ends the wait until it is ready.
   */
  restart(stopping?: AbortSignal): Promise<void>;
}

/** For whoever can't be stopped while it waits: a test. */
const NEVER = new AbortController().signal;
const ATTEMPTS_MAX = 5;
const RETRY_DELAY_MS = 300;
/** How much of a log is shown with a fault, lines. */
const SHOWN_LINES = 12;

/**
 * Starts a server and waits until it is ready.
 *
 * @param recipe How.
 * @param stopping Ends the wait; nothing is left running then.
 * @throws StartFault that says why it does not run, and what to do; the signal's reason if that
 *   ended the wait.
 */
export async function startLocalServer(
  recipe: ServerRecipe,
  stopping: AbortSignal = NEVER,
): Promise<LocalServer> {
  let started = await start(recipe, stopping);
  const port = started.ports[0]!;
  return {
    name: recipe.name,
    port,
    ports: () => started.ports,
    process: () => started.process,
    stop: () => started.process.stop(),
    kill: () => started.process.kill(),
    restart: async (stopping = NEVER) => {
      await started.process.stop();
      started = await start({ ...recipe, port }, stopping);
    },
  };
}

async function start(
  recipe: ServerRecipe,
  stopping: AbortSignal,
): Promise<{ process: ServerProcess; ports: readonly number[] }> {
  const { name, port, port_variable, port_count, ready_deadline_ms } = recipe;
  if (port !== null) assertPortFree(port, `${name} (${port_variable})`);
  for (let attempt = 1;; attempt++) {
    const ports = port === null ? freePorts(port_count) : [port, ...freePorts(port_count - 1)];
    stopping.throwIfAborted();
    const process = await spawnServer(await recipe.command(ports));
    let outcome: "ready" | "ended" | "deadline";
    try {
      outcome = await waitReady(
        process,
        () => recipe.isReady(ports, process),
        ready_deadline_ms,
        stopping,
      );
    } catch (error) {
      await process.stop();
      throw error;
    }
    if (outcome === "ready") return { process, ports };
    await process.stop();
    const log = await logOf(process);
    const obstacle = obstacleIn(log);
    if (obstacle === "port" && port !== null && attempt === ATTEMPTS_MAX) {
      throw portTaken(port, `${name} (${port_variable})`);
    }
    if ((obstacle === "port" || obstacle === "dying") && attempt < ATTEMPTS_MAX) {
      await sleep(RETRY_DELAY_MS * attempt, stopping);
      continue;
    }
    throw notStarted(recipe, outcome, process.log_path, log);
  }
}

/** What keeps a server from starting. */
export type Obstacle = "port" | "dying" | "unknown";

/**
 * Reads from a server's log what kept it from starting.
 *
 * @param log What Kafka or Postgres wrote.
 * @returns "port": taken; "dying": the remains of a killed run are still ending.
 */
export function obstacleIn(log: string): Obstacle {
  if (/Address already in use|BindException|could not create any TCP\/IP sockets/i.test(log)) {
    return "port";
  }
  if (/pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(log)) {
    return "dying";
  }
  return "unknown";
}

function notStarted(
  { name, ready_deadline_ms }: ServerRecipe,
  outcome: "ended" | "deadline",
  log_path: string,
  log: string,
): StartFault {
  const what = outcome === "ended"
    ? "it ended at once"
    : `it is not ready after ${ready_deadline_ms / 1000} s`;
  const tail = log.trimEnd().split("\n").slice(-SHOWN_LINES).map((line) => `  ${line}`).join("\n");
  return new StartFault(`Cannot start ${name}: ${what}. The end of its log, ${log_path}:\n${tail}`);
}
