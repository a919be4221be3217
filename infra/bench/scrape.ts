/** Scrapes services while they are measured, as Prometheus would. */
import type { ServiceUnderTest } from "../testing/test_service.ts";

/** As Prometheus does by prometheus.yml. */
const SCRAPE_MS = 5_000;

/**
 * Scrapes until it is stopped.
 *
 * @returns Stops it.
 */
export function scrapeAll(services: readonly ServiceUnderTest[]): () => void {
  const timer = setInterval(async () => {
    for (const service of services) {
      const url = `${await service.operationsUrl()}/metrics`;
      const headers = { accept: "application/openmetrics-text; version=1.0.0" };
      // A service that has done its work does not answer any more.
      await fetch(url, { headers }).then((response) => response.text(), () => {});
    }
  }, SCRAPE_MS);
  return () => clearInterval(timer);
}
