/**
 * How any service runs: configuration, log, metrics, tracing, operations server, and an ordered
 * stop. A service's main.ts calls `runService` and shows only its own work.
 */
import {
  type Config,
  ConfigError,
  environmentOf,
  readConfig,
  type SettingTable,
  shownConfig,
} from "./config.ts";
import { createLogger, errorFields, type Logger, writeLine } from "./log.ts";
import type { MetricTable } from "./metric_table.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { operationsApp, type Readiness, serveApp } from "./operations_server.ts";
import { SERVICE_SETTINGS } from "./settings.ts";
import { keepRecentLines } from "./recent_lines.ts";
import { SetupError } from "./setup_error.ts";
import { startTelemetry } from "./telemetry.ts";
import { withDeadline } from "./backoff.ts";

/** Exit code for a configuration or a setup that is refused: a restart would not help. */
export const EXIT_CONFIG = 2;

/** What a service's own work is given. */
export interface ServiceContext<Settings extends SettingTable, Table extends MetricTable> {
  name: string;
  config: Config<Settings>;
  log: Logger;
  metrics: Metrics<Table>;
  /** Aborted when the service is to stop: waits end early by it. */
  stopping: AbortSignal;
  /** Ends the process with an error, after an ordered stop: for what can't be mended from inside. */
  fail(error: unknown): void;
}

/** A service's running work. */
export interface RunningWork {
  readiness(): Readiness;
  /** Takes nothing new, finishes what is in flight, closes connections. */
  stop(): Promise<void>;
  /** What an end leaves undone, a sentence each: asked after the stop, also where that failed. */
  unfinished?(): string[];
  /** Resolves when the work is done by itself (a source that has ended); absent: it never is. */
  finished?: Promise<void>;
}

/** A service: its name, its tables, its work. */
export interface Service<Settings extends SettingTable, Table extends MetricTable> {
  name: string;
  settings: Settings;
  metrics: Table;
  start(context: ServiceContext<Settings, Table>): Promise<RunningWork>;
}

/**
 * Runs a service until it is told to stop, is done, or fails; then ends the process.
 * Exit codes: 0 stopped or done, 1 failed, 2 configuration or setup refused. The first failure
 * decides.
 *
 * @param service What to run.
 */
export async function runService<
  Settings extends SettingTable & typeof SERVICE_SETTINGS,
  Table extends MetricTable,
>(service: Service<Settings, Table>): Promise<never> {
  const config = configOrExit(service);
  const recent = keepRecentLines();
  const log = createLogger(service.name, config.log_level, (line) => {
    recent.add(line);
    writeLine(line);
  });
  log.info("configured", {
    event: "configured",
    config: shownConfig(service.settings, config as Config<Settings>),
  });
  const { metrics, service_metrics, expose } = createMetrics(
    service.name,
    service.metrics,
    config.metrics,
  );
  const telemetry = await startTelemetry(service.name, config, service_metrics, log);
  const stopping = new AbortController();
  let work: RunningWork | null = null;
  let exit_code = 0;
  let first_failure: unknown = null;

  const ended = new Promise<void>((resolve) => {
    stopping.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const fail = (error: unknown): void => {
    // One failure may come by several ways: of the work, and of its end.
    if (exit_code !== 0 && error === first_failure) return;
    first_failure ??= error;
    // What decides the exit code is an error; what comes of it later is said too.
    const write = exit_code === 0 ? log.error : log.warn;
    const doing = stopping.signal.aborted ? "the service fails as it stops" : "the service fails";
    write(doing, { event: "failed", ...errorFields(error) });
    // What only the start could find wrong (a file that is not there) is refused like the rest.
    const is_refused = error instanceof ConfigError || error instanceof SetupError;
    exit_code ||= is_refused ? EXIT_CONFIG : 1;
    stopping.abort();
  };
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => stopping.abort());
  }
  if (config.stop_on_stdin_end) abortOnStdinEnd(stopping);

  try {
    const readiness = (): Readiness =>
      stopping.signal.aborted
        ? { ready: false, reasons: ["stopping"] }
        : work?.readiness() ?? { ready: false, reasons: ["starting"] };
    const operations = operationsApp({
      readiness,
      expose(open_metrics) {
        service_metrics.ready.set(readiness().ready ? 1 : 0);
        service_metrics.clock.set(Date.now() / 1_000);
        return expose(open_metrics);
      },
      logs: recent.lines,
    });
    const server = serveApp(operations, config.operations_host, config.operations_port);
    log.info("listening", { event: "listening", operations_url: server.url });
    work = await Promise.race([
      service.start({
        name: service.name,
        config: config as Config<Settings>,
        log,
        metrics,
        stopping: stopping.signal,
        fail,
      }),
      ended.then(() => null),
    ]);
    work?.finished?.then(() => stopping.abort(), fail);
    if (work !== null && !stopping.signal.aborted) telemetry.checkCanary();
    await ended;
  } catch (error) {
    fail(error);
  }
  await stopInOrder();
  Deno.exit(exit_code);

  async function stopInOrder(): Promise<void> {
    try {
      await withDeadline(
        (async () => {
          await work?.stop();
          await telemetry.stop();
        })(),
        config.shutdown_deadline_ms,
        `Stopping ${service.name}`,
      );
      log.info("stopped", { event: "stopped" });
    } catch (error) {
      log.error("the stop was not in order", { event: "stop_failed", ...errorFields(error) });
      exit_code ||= 1;
    }
    for (const undone of work?.unfinished?.() ?? []) log.error(undone, { event: "unfinished" });
  }
}

function configOrExit<Settings extends SettingTable & typeof SERVICE_SETTINGS>(
  service: { name: string; settings: Settings },
): Config<Settings> & Config<typeof SERVICE_SETTINGS> {
  try {
    return readConfig(service.settings, environmentOf(service.settings)) as
      & Config<Settings>
      & Config<typeof SERVICE_SETTINGS>;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    createLogger(service.name, "error").error(error.message, {
      event: "config_refused",
      faults: error.faults,
    });
    Deno.exit(EXIT_CONFIG);
  }
}

/** A supervisor holds our standard input open: its end means that the supervisor is gone. */
async function abortOnStdinEnd(stopping: AbortController): Promise<void> {
  const buffer = new Uint8Array(64);
  while (await Deno.stdin.read(buffer) !== null) {
    // Whatever comes in is of no meaning.
  }
  stopping.abort();
}
