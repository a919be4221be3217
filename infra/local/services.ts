/** The services, started together, stopped in the order in which a tick travels. */
import { SERVICE_NAMES, type StageName } from "../../contract/pipeline.ts";
import { sleep } from "../../runtime/backoff.ts";
import { serviceCommand } from "../service_command.ts";
import { settlesWithin } from "./deadline.ts";
import { observe } from "./gauges.ts";
import { keepService, type KeptService } from "./kept_service.ts";
import { StartFault } from "./start_fault.ts";

/**
 * The ordered stop has 10 s: a source's 2.5, what is in flight 1, the consumers' 2.5, the servers'
 * 3. A service ends itself a little before it would be killed.
 */
export const SERVICE_STOP_DEADLINE_MS = 2_500;
const SERVICE_OWN_DEADLINE_MS = 2_300;
const IN_FLIGHT_DEADLINE_MS = 1_000;

const READY_DEADLINE_MS = 60_000;
const READY_INTERVAL_MS = 50;

/** What starting the services needs. */
export interface ServicesOptions {
  data_dir: string;
  /** The environment they take their settings from, with the servers in it. */
  environment: { readonly [variable: string]: string };
  brokers: readonly string[];
  show(line: string): void;
  /** Told when a service listens somewhere new. */
  onListening(): void;
}

/** The services that are kept. */
export interface Services {
  all: readonly KeptService[];
  named(name: StageName): KeptService;
  /** Waits until each is ready, or its work is done. */
  ready(stopping: AbortSignal): Promise<void>;
  /** Settles when the source's work is done. */
  sourceEnded: Promise<void>;
  /** Rejects when a service can't be started at all. */
  failed: Promise<never>;
  /**
   * Stops the source, gives the others a moment for what is in flight, then stops them.
   *
   * @param inFlightDone Settles when nothing is in flight any more.
   */
  stop(inFlightDone: () => Promise<void>): Promise<void>;
  /** Ends them at once. */
  kill(): void;
}

/**
 * Starts the services, all at once: each waits by itself for what it needs.
 *
 * @param options What they are given.
 */
export function startServices(options: ServicesOptions): Services {
  const { data_dir, brokers, show, onListening } = options;
  const environment = {
    TAPELINE_SHUTDOWN_DEADLINE_MS: String(SERVICE_OWN_DEADLINE_MS),
    ...options.environment,
    TAPELINE_STOP_ON_STDIN_END: "true",
  };
  const all = SERVICE_NAMES.map((name) =>
    keepService({
      command: serviceCommand(name, environment, brokers),
      data_dir,
      stop_deadline_ms: SERVICE_STOP_DEADLINE_MS,
      show,
      onListening,
    })
  );
  const named = (name: StageName): KeptService => all.find((service) => service.name === name)!;
  const refused = Promise.withResolvers<never>();
  const ended = Promise.withResolvers<void>();
  for (const { name, over } of all) {
    over.then((how) => {
      if (how === "done") ended.resolve();
      if (how === "refused") {
        refused.reject(
          new StartFault(
            `The ${name} refuses its configuration: see above, or ${data_dir}/logs/${name}.log`,
          ),
        );
      }
    }, refused.reject);
  }
  // Whoever races against it is told; without a race it must not end the process.
  refused.promise.catch(() => {});

  return {
    all,
    named,
    sourceEnded: ended.promise,
    failed: refused.promise,
    ready: (stopping) => Promise.race([allReady(all, stopping), refused.promise]),
    kill: () => all.forEach((service) => service.kill()),
    async stop(inFlightDone) {
      await named("producer").stop();
      await settlesWithin(inFlightDone(), IN_FLIGHT_DEADLINE_MS);
      await Promise.all(all.map((service) => service.stop()));
    },
  };
}

async function allReady(all: readonly KeptService[], stopping: AbortSignal): Promise<void> {
  const give_up_at_ms = performance.now() + READY_DEADLINE_MS;
  for (;;) {
    const missing = (await Promise.all(all.map(missingOf))).filter((text) => text !== null);
    stopping.throwIfAborted();
    if (missing.length === 0) return;
    if (performance.now() > give_up_at_ms) {
      throw new StartFault(
        `Not ready after ${READY_DEADLINE_MS / 1000} s:\n  ${missing.join("\n  ")}\n` +
          "See the logs of these services",
      );
    }
    await sleep(READY_INTERVAL_MS, stopping);
  }
}

/** What keeps a service from being ready; null if nothing does, or if its work is done already. */
async function missingOf(service: KeptService): Promise<string | null> {
  const { ready, reasons } = await observe(service.urls().operations);
  if (ready || service.status().state === "ended") return null;
  return `${service.name}: ${reasons.join("; ")}`;
}
