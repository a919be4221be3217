/** Checks that each service has its parts under its own name, and that none is without a service. */

/** Files that every service's folder has. */
const SERVICE_FILES = ["main.ts", "config.ts", "metrics.ts"];
/** Its board and its alerts. */
const boardOf = (name: string): string => `dashboards/${name}.ts`;

/**
 * Holds the services against the source files.
 *
 * @param names The services of contract/pipeline.ts.
 * @param files Paths from the root.
 * @returns What is missing or over, a sentence each.
 */
export function pipelineFaults(names: readonly string[], files: readonly string[]): string[] {
  const missing = names.flatMap((name) =>
    [...SERVICE_FILES.map((file) => `services/${name}/${file}`), boardOf(name)]
      .filter((path) => !files.includes(path))
      .map((path) => `service ${name} of contract/pipeline.ts has no ${path}`)
  );
  const folders = new Set(
    files.filter((file) => file.startsWith("services/")).map((file) => file.split("/")[1]!),
  );
  const over = [...folders].filter((folder) => !names.includes(folder))
    .map((folder) => `services/${folder} is no service of contract/pipeline.ts`);
  return [...missing, ...over];
}
