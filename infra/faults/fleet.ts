/** The services of a fault test: each kept running as the supervisor keeps it, and hit on purpose. */
import type { StageName } from "../../contract/pipeline.ts";
import { backoffDelay, sleep } from "../../runtime/backoff.ts";
import { EXIT_CONFIG } from "../../runtime/service.ts";
import { type ServiceUnderTest, startService } from "../testing/test_service.ts";

/** One instance of a service; whoever it is that runs under that name now. */
export interface Instance {
  stage: StageName;
  /** The process that runs now, or ran last. */
  process(): ServiceUnderTest;
  /** How often it was started anew after an end that nobody asked for. */
  restarts(): number;
  /** SIGKILL; it is started again. */
  kill(): void;
  /** SIGTERM; it is started again. Resolves when the old process has ended, with its exit code. */
  restart(): Promise<number>;
  /** The process that runs now is to end by itself, with whatever code; it is started again. */
  expectEnd(): void;
  freeze(): void;
  thaw(): void;
  /** SIGTERM, for good. Resolves with the exit code. */
  stop(): Promise<number>;
  /** SIGKILL, for good. */
  discard(): Promise<void>;
}

/** All instances of a platform. */
export interface Fleet {
  /** Starts an instance and keeps it running. */
  add(stage: StageName, environment?: { [variable: string]: string }): Instance;
  of(stage: StageName): Instance[];
  /** Exits of processes with a code that nobody asked for, in words. */
  unexpected(): string[];
  /** Ends whatever runs, at once. */
  killAll(): Promise<void>;
}

const RESTART_BACKOFF = { initial_ms: 100, max_ms: 2_000 };

/**
 * Makes a fleet.
 *
 * @param common Settings of every service.
 */
export function createFleet(common: { [variable: string]: string }): Fleet {
  const instances = new Set<Instance>();
  const ends: Promise<void>[] = [];
  const unexpected: string[] = [];
  const over = new AbortController();

  function add(stage: StageName, environment: { [variable: string]: string } = {}): Instance {
    let current = startService(stage, { ...common, ...environment });
    let restarts = 0;
    let stopping = false;
    /** Processes that were told to end: their exit codes say nothing new. */
    const told = new Set<ServiceUnderTest>();
    const keeping = keep();
    ends.push(keeping);

    async function keep(): Promise<void> {
      for (let deaths = 0;; deaths++) {
        const process = current;
        const code = await process.over;
        if (stopping || over.signal.aborted) return;
        if (!told.has(process)) {
          const last = process.lines.at(-1)?.message ?? "nothing";
          unexpected.push(`${stage} ended with ${code}; it said last: ${last}`);
        }
        if (code === EXIT_CONFIG) return;
        await sleep(backoffDelay(RESTART_BACKOFF, Math.min(deaths, 3)), over.signal);
        if (stopping || over.signal.aborted) return;
        current = startService(stage, { ...common, ...environment });
        restarts++;
      }
    }

    function leave(): void {
      stopping = true;
      instances.delete(instance);
    }

    const instance: Instance = {
      stage,
      process: () => current,
      restarts: () => restarts,
      kill() {
        told.add(current);
        signal(current.pid, "SIGKILL");
      },
      async restart() {
        const process = current;
        told.add(process);
        return await process.stop();
      },
      expectEnd: () => void told.add(current),
      freeze: () => signal(current.pid, "SIGSTOP"),
      thaw: () => signal(current.pid, "SIGCONT"),
      async stop() {
        leave();
        const code = await current.stop();
        await keeping;
        return code;
      },
      async discard() {
        leave();
        await current.kill();
        await keeping;
      },
    };
    instances.add(instance);
    return instance;
  }

  return {
    add,
    of: (stage) => [...instances].filter((instance) => instance.stage === stage),
    unexpected: () => unexpected,
    async killAll() {
      over.abort();
      for (const instance of instances) await instance.process().kill();
      await Promise.all(ends);
    },
  };
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    // It ended between being looked at and being told.
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}
