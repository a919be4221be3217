/** Says where everything is: to programs in endpoints.json and targets.json, to a person in a table. */
import { sleep } from "../../runtime/backoff.ts";
import { type Endpoints, type ScrapeTarget, writeEndpoints } from "./endpoints.ts";
import type { Observability } from "./observability.ts";
import type { Servers } from "./servers.ts";
import type { Services } from "./services.ts";

const REWRITE_INTERVAL_MS = 500;

/** Where everything is. */
export interface StackFiles {
  /** Writes the files. */
  write(): Promise<void>;
  /**
   * Writes them anew, since a service that was started again listens elsewhere: until it succeeds,
   * for want of room on the disk does not stop the stack.
   *
   * @param show Told once what keeps them from being written.
   * @param stopping Ends the tries.
   */
  rewrite(show: (line: string) => void, stopping: AbortSignal): Promise<void>;
  /**
   * The table for a person: what runs, where, how to stop.
   *
   * @param elapsed_s How long the start took.
   * @param missing What does not run, and how it is got.
   */
  table(elapsed_s: number, missing?: Endpoints): string;
}

/**
 * Knows where everything is.
 *
 * @param data_dir Where the files are.
 * @param servers Kafka and Postgres.
 * @param services The services that are kept.
 * @param supervisor_url The supervisor's own operations server.
 * @param observability What watches; null until it is begun.
 */
export function stackFiles(
  data_dir: string,
  servers: Omit<Servers, "monitor_url">,
  services: Pick<Services, "all">,
  supervisor_url: string,
  observability: () => Pick<Observability, "urls" | "targets"> | null,
): StackFiles {
  const { bootstrap_servers, database_url } = servers;
  let writing: Promise<unknown> = Promise.resolve();
  const last_urls = new Map<string, string>();

  function endpoints(): Endpoints {
    const all: { [name: string]: string } = {
      kafka: bootstrap_servers.join(","),
      postgres: database_url,
      supervisor: supervisor_url,
    };
    for (const { name, urls } of services.all) {
      for (const [door, url] of Object.entries(urls())) {
        all[door === "operations" ? name : `${name}_${door}`] = url;
      }
    }
    return { ...all, ...observability()?.urls() };
  }

  function targets(): ScrapeTarget[] {
    const of_services = services.all.flatMap(({ name, urls, status }) => {
      // One that is being started again stays where it was: it is absent, and that is told.
      const operations_url = urls().operations ?? last_urls.get(name);
      if (operations_url === undefined || status().state === "ended") return [];
      last_urls.set(name, operations_url);
      return [{ service: name, operations_url }];
    });
    return [...of_services, ...servers.targets(), ...observability()?.targets() ?? []];
  }

  /** One after another, so that the newest addresses are written last. */
  function write(): Promise<void> {
    const written = writing.then(() => writeEndpoints(data_dir, endpoints(), targets()));
    writing = written.catch(() => {
      // Told to whoever asked for it; the next one writes everything anyhow.
    });
    return written;
  }

  return {
    write,
    async rewrite(show, stopping) {
      for (let told = false; !stopping.aborted; told = true) {
        try {
          return await write();
        } catch (error) {
          if (!told) show(`The addresses in ${data_dir} are old: ${(error as Error).message}`);
          await sleep(REWRITE_INTERVAL_MS, stopping);
        }
      }
    },
    table(elapsed_s, missing = {}) {
      const shown = { ...endpoints(), postgres: withoutPassword(database_url), ...missing };
      const width = Math.max(...Object.keys(shown).map((name) => name.length));
      return [
        `Tapeline runs, after ${elapsed_s.toFixed(1)} s.`,
        ...Object.entries(shown).map(([name, url]) => `  ${name.padEnd(width)}  ${url}`),
        `Logs: ${data_dir}/logs/   Addresses, with the password: ${data_dir}/endpoints.json`,
        "Ctrl-C stops it in order; `deno task start` goes on with the same data.",
      ].join("\n");
    },
  };
}

function withoutPassword(database_url: string): string {
  const url = new URL(database_url);
  url.password = "";
  return url.href;
}
