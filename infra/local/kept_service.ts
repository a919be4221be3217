/** Keeps a service running: a process with its output in a log file, started again when it dies. */
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { PIPELINE } from "../../contract/pipeline.ts";
import type { ServiceCommand } from "../service_command.ts";
import { settlesWithin } from "./deadline.ts";
import { linesOf } from "./lines.ts";
import { openLogFile } from "./log_file.ts";
import { createStatus, type Part, plainStatus, RESTART_BACKOFF, WELL_AFTER_MS } from "./part.ts";
import { noteProcess, removeNote } from "./run_note.ts";
import { LOG_BYTES_MAX } from "./server_process.ts";
import { type Announcement, createLineReader } from "./service_lines.ts";

/** A service's own exit codes (runtime/service.ts). */
const EXIT_DONE = 0;
const EXIT_CONFIG = 2;

/** What keeping a service needs. */
export interface KeptServiceOptions {
  command: ServiceCommand;
  data_dir: string;
  stop_deadline_ms: number;
  /** Told, a line each, of warnings, errors, deaths and restarts. */
  show(line: string): void;
  /** Told when the service listens somewhere new. */
  onListening(): void;
}

/** A service that is kept. */
export interface KeptService extends Part {
  name: string;
  /** Where it listens now: `operations` is its operations server, others are doors. */
  urls(): { readonly [door: string]: string };
  /** Settles when it won't be started again: its work is done, or its configuration is refused. */
  over: Promise<"done" | "refused" | "stopped">;
  /** Ends it by SIGKILL, and the keeping: for a second Ctrl-C. */
  kill(): void;
}

/**
 * Starts a service and keeps it running.
 *
 * @param options How it is run, and who is told.
 */
export function keepService(options: KeptServiceOptions): KeptService {
  const { command, data_dir, stop_deadline_ms, show, onListening } = options;
  const { name } = command;
  const ends_by_itself = PIPELINE.some((stage) => stage.name === name && stage.reads.length === 0);
  const status = createStatus(name);
  const stopping = new AbortController();
  const log = openLogFile(`${data_dir}/logs/${name}.log`, LOG_BYTES_MAX, show);
  let urls: { [door: string]: string } = {};
  let child: Deno.ChildProcess | null = null;
  const over = keep();

  return {
    name,
    over,
    status: () => plainStatus(status),
    urls: () => urls,
    kill() {
      stopping.abort();
      signalChild("SIGKILL");
    },
    async stop() {
      if (status.state !== "ended") status.become("stopping");
      stopping.abort();
      signalChild("SIGTERM");
      if (!await settlesWithin(over, stop_deadline_ms)) {
        show(`${name} has not stopped within ${stop_deadline_ms / 1000} s and is killed`);
        signalChild("SIGKILL");
      }
      if (await over !== "done") status.become("stopped");
    },
  };

  function signalChild(signal: Deno.Signal): void {
    try {
      child?.kill(signal);
    } catch {
      // It has ended by itself in this moment.
    }
  }

  async function keep(): Promise<"done" | "refused" | "stopped"> {
    try {
      for (let attempt = 0;; attempt++) {
        const started_at_ms = performance.now();
        const { code, signal } = await runOnce();
        if (stopping.signal.aborted) return "stopped";
        if (code === EXIT_CONFIG) {
          status.become("ended");
          return "refused";
        }
        if (code === EXIT_DONE && ends_by_itself) {
          status.become("ended");
          show(`${name}: the source has ended`);
          return "done";
        }
        if (performance.now() - started_at_ms > WELL_AFTER_MS) attempt = 0;
        status.become("restarting");
        status.restarts++;
        const delay_ms = backoffDelay(RESTART_BACKOFF, attempt);
        show(
          `${name} has ended (${signal ?? `exit code ${code}`}); started again in ` +
            `${(delay_ms / 1000).toFixed(1)} s; see ${data_dir}/logs/${name}.log`,
        );
        await sleep(delay_ms, stopping.signal);
        if (stopping.signal.aborted) return "stopped";
      }
    } finally {
      log.close();
    }
  }

  async function runOnce(): Promise<Deno.CommandStatus> {
    urls = {};
    const [program, ...args] = command.command;
    const process = new Deno.Command(program!, {
      args,
      env: command.env,
      clearEnv: true,
      // It stops by itself when this pipe ends, as it does when the supervisor is killed.
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C on the terminal is for the supervisor alone, which stops the services in order.
      detached: true,
    }).spawn();
    child = process;
    await noteProcess(data_dir, {
      name,
      kind: "service",
      pid: process.pid,
      stop_signal: "SIGTERM",
      stop_deadline_ms,
    }).catch((error) => {
      // Such as a full disk: no reason to do without the service, which ends with its pipe anyway.
      show(`${name} runs without a note in ${data_dir}/run: ${(error as Error).message}`);
    });
    if (stopping.signal.aborted) signalChild("SIGTERM");
    const takeLine = createLineReader(name, show, announced);
    await Promise.all([process.stdout, process.stderr].map(async (stream) => {
      for await (const line of linesOf(stream)) {
        log.write(`${line}\n`);
        takeLine(line);
      }
    }));
    const ended = await process.status;
    child = null;
    await process.stdin.close().catch(() => {
      // The other end went with the process.
    });
    await removeNote(data_dir, name, process.pid);
    return ended;
  }

  function announced({ door, url }: Announcement): void {
    urls = { ...urls, [door]: url };
    if (door === "operations" && status.state !== "stopping") status.become("running");
    onListening();
  }
}
