/** Checks that each stage has its parts under its own name, and that no part is without a stage. */
import type { Stage } from "../../contract/pipeline.ts";

/** Files that every stage's folder has. */
const STAGE_FILES = ["main.ts", "config.ts", "metrics.ts"];

/**
 * Holds the stages against the source files.
 *
 * @param stages Rows of contract/pipeline.ts.
 * @param files Paths from the root.
 * @returns What is missing or over, a sentence each.
 */
export function pipelineFaults(stages: readonly Stage[], files: readonly string[]): string[] {
  const names = stages.map((stage) => stage.name);
  const missing = names.flatMap((name) =>
    STAGE_FILES.map((file) => `services/${name}/${file}`)
      .filter((path) => !files.includes(path))
      .map((path) => `stage ${name} of contract/pipeline.ts has no ${path}`)
  );
  const folders = new Set(
    files.filter((file) => file.startsWith("services/")).map((file) => file.split("/")[1]!),
  );
  const over = [...folders].filter((folder) => !names.includes(folder))
    .map((folder) => `services/${folder} is no stage of contract/pipeline.ts`);
  return [...missing, ...over];
}
