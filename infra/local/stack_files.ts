/** Says where everything is: to programs in endpoints.json and targets.json, to a person in a table. */
import { type Endpoints, type ScrapeTarget, writeEndpoints } from "./endpoints.ts";
import type { Servers } from "./servers.ts";
import type { Services } from "./services.ts";

/** Where everything is. */
export interface StackFiles {
  /** Writes the files anew: a service that was started again listens elsewhere. */
  write(): Promise<void>;
  /**
   * The table for a person: what runs, where, how to stop.
   *
   * @param elapsed_s How long the start took.
   */
  table(elapsed_s: number): string;
}

/**
 * Knows where everything is.
 *
 * @param data_dir Where the files are.
 * @param servers Kafka and Postgres.
 * @param services The services that are kept.
 * @param supervisor_url The supervisor's own operations server.
 */
export function stackFiles(
  data_dir: string,
  servers: Servers,
  services: Services,
  supervisor_url: string,
): StackFiles {
  const { bootstrap_servers, database_url } = servers;
  let writing = Promise.resolve();

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
    return all;
  }

  function targets(): ScrapeTarget[] {
    return services.all.flatMap(({ name, urls }) => {
      const operations_url = urls().operations;
      return operations_url === undefined ? [] : [{ service: name, operations_url }];
    });
  }

  return {
    write() {
      writing = writing.then(() => writeEndpoints(data_dir, endpoints(), targets()));
      return writing;
    },
    table(elapsed_s) {
      const shown = { ...endpoints(), postgres: withoutPassword(database_url) };
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
