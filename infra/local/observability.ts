/**
 * Prometheus, Alertmanager, the Postgres exporter, Jaeger and Grafana, started in the background: the
 * pipeline never waits for them, nor ends for want of them.
 */
import type { LocalConfig } from "./config.ts";
import type { ScrapeTarget } from "./endpoints.ts";
import { startGrafana } from "./grafana.ts";
import { startJaeger } from "./jaeger_server.ts";
import { keepServer } from "./kept_server.ts";
import type { LocalServer } from "./local_server.ts";
import { LOOPBACK } from "./free_port.ts";
import { createStatus, type Part, type PartStatus, plainStatus } from "./part.ts";
import { startPostgresExporter } from "./postgres_exporter.ts";
import { startAlertmanager, startPrometheus, type WatcherOptions } from "./prometheus_server.ts";

/** Their usual ports, for Grafana to ask where they are not run here. */
const PROMETHEUS_PORT = 9090;
const JAEGER_PORT = 16686;

/** What starting them needs. */
export interface ObservabilityOptions {
  data_dir: string;
  config: Pick<
    LocalConfig,
    | "observe"
    | "prometheus_port"
    | "alertmanager_port"
    | "postgres_exporter_port"
    | "alert_webhook_url"
    | "jaeger_port"
    | "grafana_port"
  >;
  /** Where Jaeger is to take spans; null: it is not run. */
  trace_port: number | null;
  /** Whose statistics the Postgres exporter tells. */
  monitor_url: string;
  /** Grafana's command; null where there is none. */
  grafana: readonly string[] | null;
  /** What Grafana shows the tables of. */
  database_url: string;
  /** Shown to the person at the keyboard. */
  show(line: string): void;
  /** Told when one of them listens; resolves when the addresses are written down. */
  onListening(): Promise<void>;
  /** Ends a build that is under way as soon as a stop is asked for. */
  stopping: AbortSignal;
}

/** The servers that watch. */
export interface Observability {
  parts(): PartStatus[];
  /** Those that run, by name. */
  urls(): { readonly [name: string]: string };
  targets(): ScrapeTarget[];
  /** Ends a build that is under way, and stops what runs. */
  stop(): Promise<void>;
}

/** One of them: what it is at until it is kept, and then the part. */
interface Watcher {
  name: string;
  status: ReturnType<typeof createStatus>;
  kept: { part: Part; server: WatchingServer } | null;
}

/** A server whose metrics may be at another port than its pages. */
type WatchingServer = LocalServer & { operations_port?: number };

/** Whose metrics one has to tell, where they are not its own. */
const TELLS_OF: { readonly [name: string]: string } = { postgres_exporter: "postgres" };

/** Begins to start them, and returns at once. */
export function startObservability(options: ObservabilityOptions): Observability {
  const { data_dir, config, trace_port, monitor_url, grafana, database_url } = options;
  const { show, onListening } = options;
  const controller = new AbortController();
  const stopping = AbortSignal.any([controller.signal, options.stopping]);
  const watchers: Watcher[] = [];
  const started = startAll();

  async function startAll(): Promise<void> {
    // One after the other: each is a build that takes all cores.
    if (trace_port !== null) {
      await bring(
        "jaeger",
        (watcher) => startJaeger({ ...watcher, collector_port: trace_port }),
        config.jaeger_port,
      );
    }
    if (!config.observe) return;
    await bring(
      "alertmanager",
      (watcher) => startAlertmanager({ ...watcher, webhook_url: config.alert_webhook_url }),
      config.alertmanager_port,
    );
    await bring("prometheus", startPrometheus, config.prometheus_port);
    await bring(
      "postgres_exporter",
      (watcher) => startPostgresExporter({ ...watcher, database_url: monitor_url }),
      config.postgres_exporter_port,
    );
    if (grafana === null) return;
    const sources = {
      prometheus_url: addressOf("prometheus", PROMETHEUS_PORT),
      jaeger_url: addressOf("jaeger", JAEGER_PORT),
      database_url,
    };
    await bring(
      "grafana",
      (watcher) => startGrafana(grafana, watcher, sources),
      config.grafana_port,
    );
  }

  /** Where one of them runs, or else where it usually does. */
  function addressOf(name: string, usual_port: number): string {
    const found = running().find(([known]) => known === name);
    return found === undefined ? `http://${LOOPBACK}:${usual_port}` : urlOf(found[1]);
  }

  async function bring(
    name: string,
    start: (options: WatcherOptions) => Promise<WatchingServer>,
    port: number | null,
  ): Promise<void> {
    if (stopping.aborted) return;
    const watcher: Watcher = { name, status: createStatus(name), kept: null };
    watchers.push(watcher);
    try {
      const server = await start({ data_dir, port, progress: show, stopping });
      watcher.kept = { server, part: keepServer(server, data_dir, show) };
      // First where others find it: whoever reads the line may look there.
      await onListening();
      show(`${name} runs: ${urlOf(server)}`);
    } catch (error) {
      if (stopping.aborted) return;
      watcher.status.become("ended");
      show(`Tapeline runs without ${name}. ${(error as Error).message}`);
    }
  }

  const running = (): [name: string, server: WatchingServer][] =>
    watchers.flatMap(({ name, kept }) => kept === null ? [] : [[name, kept.server]]);

  return {
    parts: () => watchers.map(({ status, kept }) => kept?.part.status() ?? plainStatus(status)),
    urls: () => Object.fromEntries(running().map(([name, server]) => [name, urlOf(server)])),
    targets: () =>
      running().map(([name, server]) => ({
        service: TELLS_OF[name] ?? name,
        operations_url: urlOf({ port: server.operations_port ?? server.port }),
      })),
    async stop() {
      controller.abort();
      await started;
      await Promise.all(watchers.map(({ kept }) => kept?.part.stop()));
    },
  };
}

function urlOf({ port }: { port: number }): string {
  return `http://${LOOPBACK}:${port}`;
}
