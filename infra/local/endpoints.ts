/** The files in which others find what runs: endpoints.json, and targets.json for Prometheus. */
import { ignoreNotFound, writeAtomically } from "./files.ts";

/** Names and URLs (for `kafka` the bootstrap list), as the design has them. */
export type Endpoints = { readonly [name: string]: string };

/** A service's operations server, or another that Prometheus is to scrape. */
export interface ScrapeTarget {
  service: string;
  operations_url: string;
}

/**
 * Writes <data-dir>/endpoints.json (it holds the database's password, so only its owner may read
 * it), and <data-dir>/targets.json and alertmanagers.json in Prometheus' file_sd form.
 *
 * @param data_dir The data directory.
 * @param endpoints What runs where.
 * @param targets What is to be scraped.
 */
export async function writeEndpoints(
  data_dir: string,
  endpoints: Endpoints,
  targets: readonly ScrapeTarget[],
): Promise<void> {
  await writeAtomically(`${data_dir}/endpoints.json`, JSON.stringify(endpoints, null, 2) + "\n");
  await writeTargets(data_dir, targets);
}

/**
 * Says that nothing runs any more. targets.json stays, empty, since Prometheus watches it.
 *
 * @param data_dir The data directory.
 */
export async function clearEndpoints(data_dir: string): Promise<void> {
  await Deno.remove(`${data_dir}/endpoints.json`).catch(ignoreNotFound);
  try {
    await writeTargets(data_dir, []);
  } catch {
    // A full disk has room for no file, not even an empty one; without one nothing is scraped.
    await Deno.remove(`${data_dir}/targets.json`).catch(ignoreNotFound);
    await Deno.remove(`${data_dir}/alertmanagers.json`).catch(ignoreNotFound);
  }
}

async function writeTargets(data_dir: string, targets: readonly ScrapeTarget[]): Promise<void> {
  const groups = targets.map(({ service, operations_url }) => ({
    targets: [new URL(operations_url).host],
    labels: { job: service, service },
  }));
  await writeAtomically(`${data_dir}/targets.json`, JSON.stringify(groups, null, 2) + "\n", 0o644);
  const alertmanagers = groups.filter(({ labels }) => labels.service === "alertmanager");
  await writeAtomically(
    `${data_dir}/alertmanagers.json`,
    JSON.stringify(alertmanagers, null, 2) + "\n",
    0o644,
  );
}
