/**
 * `deno task start`: all of Tapeline on this machine. Read it top-down; each step is a file beside
 * this one. docs/local-stack.md tells what it promises.
 */
import { ConfigError } from "../../runtime/config.ts";
import { serveApp } from "../../runtime/operations_server.ts";
import { processEnvironment, readLocalConfig } from "./config.ts";
import { assertRoom, diskStatus, toldByDisk } from "./disk_room.ts";
import { clearEndpoints } from "./endpoints.ts";
import { freePorts, LOOPBACK } from "./free_port.ts";
import { findGrafana, GRAFANA_MISSING } from "./grafana.ts";
import { assertReplayFile } from "./replay_file.ts";
import { takeLock } from "./lock.ts";
import { parseOptions, type StartOptions, USAGE } from "./options.ts";
import { prepareServers } from "./prepare.ts";
import { printLedger } from "./print_ledger.ts";
import { stageProgress } from "./progress_of_stages.ts";
import { killNoted, stopOrphans } from "./run_note.ts";
import { createScreen, type Screen } from "./screen.ts";
import { type Observability, startObservability } from "./observability.ts";
import { openServers } from "./servers.ts";
import { startServices } from "./services.ts";
import { stackFiles } from "./stack_files.ts";
import { keepStatusLine } from "./status_ticker.ts";
import { StartFault } from "./start_fault.ts";
import { listenForStop } from "./stop_signals.ts";
import { openSupervisorLog } from "./supervisor_log.ts";
import { supervisorApp } from "./supervisor_server.ts";
import { observe } from "./gauges.ts";

const EXIT_NOT_DONE = 1;
/** As a shell reports a process that Ctrl-C has ended. */
const EXIT_AT_ONCE = 130;

/**
 * Exit codes: 0 an ordered stop, 1 it could not start or was stopped before it was done. With
 * --until-drained the ledger's verdict, as `deno task audit` gives it.
 */
async function start(args: readonly string[], screen: Screen): Promise<number> {
  const outer_environment = processEnvironment();
  const options = parseOptions(args, outer_environment);
  if (options.help) {
    screen.print(USAGE);
    return 0;
  }
  const environment = { ...outer_environment, ...options.variables };
  const config = readLocalConfig(environment);
  await assertReplayFile(environment);

  using _lock = await takeLock(options.data_dir);
  await assertRoom(options.data_dir);
  using signals = listenForStop(
    (signal) => screen.print(`${signal}: stopping in order; once more stops at once`),
    () => killNoted(options.data_dir).finally(() => Deno.exit(EXIT_AT_ONCE)),
  );
  try {
    return await run(options, environment, config, screen, signals.stopping);
  } catch (error) {
    // Whatever else comes of a stop was not in order, and is told.
    if (error !== signals.stopping.reason) throw await toldByDisk(options.data_dir, error);
    return options.until_drained ? EXIT_NOT_DONE : 0;
  }
}

async function run(
  { data_dir, until_drained }: StartOptions,
  outer_environment: { [variable: string]: string },
  config: ReturnType<typeof readLocalConfig>,
  screen: Screen,
  stopping: AbortSignal,
): Promise<number> {
  const started_at_ms = performance.now();
  using log = await openSupervisorLog(data_dir, screen);
  const { show } = log;
  await using undo = new AsyncDisposableStack();

  const orphans = await stopOrphans(data_dir);
  if (orphans.length > 0) show(`stopped what a killed start had left: ${orphans.join(", ")}`);
  stopping.throwIfAborted();

  undo.defer(() => show("everything is stopped"));
  // Until there are files, none has to be written anew.
  let rewriteFiles = (): Promise<void> => Promise.resolve();
  const servers = await openServers({
    data_dir,
    config,
    // A run that ends by itself is over before anybody looks.
    observed: config.observe && !until_drained,
    onRestarted: () => rewriteFiles(),
    show,
    stopping,
  });
  let observability: Observability | null = null;
  undo.defer(async () => {
    await Promise.all([...servers.parts.map((part) => part.stop()), observability?.stop()]);
  });
  stopping.throwIfAborted();

  undo.defer(() => clearEndpoints(data_dir));
  const connections = undo.use(await prepareServers(servers, config, log.logger));
  const progress = stageProgress(connections, config);
  stopping.throwIfAborted();

  // A collector that was named is used, and none is started.
  const trace_port =
    config.traces && !until_drained && outer_environment.TAPELINE_TRACE_ENDPOINT === undefined
      ? freePorts(1)[0]!
      : null;
  const environment = {
    ...outer_environment,
    ...(trace_port === null ? {} : { TAPELINE_TRACE_ENDPOINT: `http://${LOOPBACK}:${trace_port}` }),
    KAFKA_BOOTSTRAP_SERVERS: servers.bootstrap_servers.join(","),
    DATABASE_URL: servers.database_url,
  };
  const parts = () => [...servers.parts, ...services.all].map((part) => part.status());
  // Before the services, so that it still answers while they stop; it looks at them only when asked.
  const supervisor = serveApp(
    supervisorApp(async () => {
      const looks = await Promise.all(services.all.map(({ urls }) => observe(urls().operations)));
      const missing = services.all.flatMap(({ name, status }, index) =>
        status().state === "ended" ? [] : looks[index]!.reasons.map((why) => `${name}: ${why}`)
      );
      return {
        parts: parts(),
        watchers: observability?.parts() ?? [],
        missing,
        disk: await diskStatus(data_dir),
      };
    }),
    "127.0.0.1",
    config.supervisor_port,
  );
  undo.defer(() => supervisor.stop());
  const services = startServices({
    data_dir,
    environment,
    brokers: connections.brokers,
    show,
    onListening: () => files.rewrite(show, stopping),
  });
  const stopServices = () => services.stop(() => progress.drained(AbortSignal.timeout(1_000)));
  undo.defer(stopServices);

  const files = stackFiles(data_dir, servers, services, supervisor.url, () => observability);
  rewriteFiles = () => files.rewrite(show, stopping);

  await services.ready(stopping);
  await files.write();
  // A run that ends by itself is over before anybody looks.
  const observed = config.observe && !until_drained;
  const grafana = observed ? await findGrafana(outer_environment.PATH ?? "") : null;
  screen.print(
    files.table(
      (performance.now() - started_at_ms) / 1_000,
      observed && grafana === null ? { grafana: GRAFANA_MISSING } : {},
    ),
  );
  if (!until_drained) {
    observability = startObservability({
      data_dir,
      config,
      trace_port,
      monitor_url: servers.monitor_url,
      grafana,
      database_url: servers.database_url,
      show,
      onListening: () => files.rewrite(show, stopping),
      stopping,
    });
  }
  // Nothing is scraped any more of a source that has ended.
  services.sourceEnded.then(() => files.rewrite(show, stopping));

  const line = keepStatusLine({
    services,
    parts,
    data_dir,
    behind_s: progress.behind_s,
    live: screen.live,
  });
  undo.defer(line.stop);
  const asked = new Promise<void>((resolve) => {
    stopping.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([asked, services.failed, ...(until_drained ? [services.sourceEnded] : [])]);
  if (!until_drained) return 0;
  stopping.throwIfAborted();
  await Promise.race([progress.drained(stopping), services.failed, asked]);
  await line.stop();
  stopping.throwIfAborted();
  await stopServices();
  return await printLedger(environment, log.logger, screen);
}

if (import.meta.main) {
  const screen = createScreen();
  try {
    Deno.exit(await start(Deno.args, screen));
  } catch (error) {
    const plain = error instanceof StartFault || error instanceof ConfigError;
    const text = error instanceof Error && !plain ? error.stack ?? error.message : String(
      (error as Error).message,
    );
    await Deno.stderr.write(new TextEncoder().encode(`\n${text}\n`));
    Deno.exit(EXIT_NOT_DONE);
  }
}
