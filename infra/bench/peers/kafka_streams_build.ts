/** Builds the Kafka Streams program with Maven, once a pin. */
import { exists, ignoreNotFound, shortHash } from "../../local/files.ts";
import { downloadedBytes } from "../../local/kafka_install.ts";
import { linesOf } from "../../local/lines.ts";
import { type Progress, StartFault } from "../../local/start_fault.ts";

const PROJECT_DIR = new URL("kafka_streams", import.meta.url).pathname;
const POM_PATH = `${PROJECT_DIR}/pom.xml`;
const SOURCE_DIR = `${PROJECT_DIR}/src/main/java/tapeline/bench`;
const TOOLS_DIR = new URL("../../../.tapeline/tools", import.meta.url).pathname;
const BUILD_DEADLINE_MS = 15 * 60_000;
const PROGRESS_INTERVAL_MS = 2_000;

/** The version of Kafka Streams that the pom pins. */
export const KAFKA_STREAMS_VERSION: string =
  /<kafka\.version>([^<]+)</.exec(Deno.readTextFileSync(POM_PATH))?.[1] ?? "unknown";

/**
 * Makes sure that the program is built.
 *
 * @param progress Told that it is being built, how much was fetched, and since when.
 * @param stopping Ends the build.
 * @returns The class path.
 * @throws StartFault if Maven is missing, or the build fails.
 */
export async function buildKafkaStreams(
  progress: Progress,
  stopping: AbortSignal,
): Promise<string> {
  // Another pin or another program is another directory.
  const build_dir = `${TOOLS_DIR}/kafka-streams-${KAFKA_STREAMS_VERSION}-${await sourcesHash()}`;
  if (!await exists(build_dir)) await buildInto(build_dir, progress, stopping);
  return `${build_dir}/classes:${build_dir}/dependency/*`;
}

async function sourcesHash(): Promise<string> {
  const names = Array.from(Deno.readDirSync(SOURCE_DIR), ({ name }) => `${SOURCE_DIR}/${name}`);
  const paths = [POM_PATH, ...names.sort()];
  return await shortHash(paths.map((path) => Deno.readTextFileSync(path)).join(""));
}

/** Builds beside the place and renames: two at once do no harm, and a killed one leaves none. */
async function buildInto(
  build_dir: string,
  progress: Progress,
  stopping: AbortSignal,
): Promise<void> {
  await Deno.mkdir(TOOLS_DIR, { recursive: true });
  // A killed build's is cleared away by an installation of Kafka, which looks for ".kafka-".
  const partial_dir = await Deno.makeTempDir({ dir: TOOLS_DIR, prefix: ".kafka-streams-" });
  try {
    await runMaven(partial_dir, progress, stopping);
    await Deno.chmod(partial_dir, 0o755);
    try {
      await Deno.rename(partial_dir, build_dir);
    } catch (error) {
      // Another has finished the same build first: its result is as good.
      if (!await exists(build_dir)) throw error;
    }
  } finally {
    await Deno.remove(partial_dir, { recursive: true }).catch(ignoreNotFound);
  }
}

async function runMaven(
  partial_dir: string,
  progress: Progress,
  stopping: AbortSignal,
): Promise<void> {
  const started_at_ms = performance.now();
  const elapsed = () => `${((performance.now() - started_at_ms) / 1000).toFixed(0)} s`;
  let bytes = 0;
  const tell = () =>
    progress(
      `Kafka Streams ${KAFKA_STREAMS_VERSION}: building its program with Maven, once (about 100 MB; ` +
        `${(bytes / 1_000_000).toFixed(1)} MB fetched, ${elapsed()})`,
    );
  tell();
  const errors: string[] = [];
  const ticker = setInterval(tell, PROGRESS_INTERVAL_MS);
  try {
    const maven = spawnMaven(partial_dir, stopping);
    for await (const line of linesOf(maven.stdout)) {
      bytes += downloadedBytes(line) ?? 0;
      if (line.includes("[ERROR]") && errors.length < 5) errors.push(line);
    }
    const { success } = await maven.status;
    stopping.throwIfAborted();
    if (success) return;
  } finally {
    clearInterval(ticker);
  }
  throw new StartFault(
    `Cannot build the program of Kafka Streams ${KAFKA_STREAMS_VERSION} with Maven, after ${elapsed()}:\n  ` +
      `${errors.join("\n  ")}\nCheck the network, the proxy settings in ~/.m2/settings.xml and ` +
      "that a JDK (not only a JRE) is installed, and start again: what has been fetched is kept",
  );
}

function spawnMaven(
  partial_dir: string,
  stopping: AbortSignal,
): Deno.ChildProcess {
  try {
    return new Deno.Command("mvn", {
      args: [
        "--batch-mode",
        "--file",
        POM_PATH,
        `-Dbuild.dir=${partial_dir}`,
        "compiler:compile",
        "dependency:copy-dependencies",
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.any([stopping, AbortSignal.timeout(BUILD_DEADLINE_MS)]),
    }).spawn();
  } catch (error) {
    ignoreNotFound(error);
    throw new StartFault(
      `Cannot build the program of Kafka Streams ${KAFKA_STREAMS_VERSION}: there is no Maven (mvn) on this ` +
        "machine. Install it (Debian: apt install maven; macOS: brew install maven)",
    );
  }
}
