/** PyFlink: Flink SQL with its Kafka connector, in Flink's local cluster. */
import { exists, ignoreNotFound } from "../../local/files.ts";
import { type Progress, StartFault } from "../../local/start_fault.ts";
import type { Peer } from "./peer.ts";
import { startProcesses } from "./peer_process.ts";
import { installPython, peerFile, pinnedVersion } from "./python_install.ts";

/** The newest; its second part is the Flink release that it was built for. */
const CONNECTOR_VERSION = "5.0.0-2.2";
const CONNECTOR = `flink-sql-connector-kafka-${CONNECTOR_VERSION}.jar`;
const MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
const FETCH_DEADLINE_MS = 5 * 60_000;

let environment_dir: string | null = null;

/** PyFlink, with two slots in one process. */
export const pyflink: Peer = {
  name: "PyFlink",
  version: pinnedVersion("pyflink", "apache-flink"),
  settings: [
    "Flink SQL without Python functions, in Flink's local cluster: all the work is done in Java",
    `flink-sql-connector-kafka ${CONNECTOR_VERSION}, and Flink of the release that it was built for`,
    "checkpoints every 1 s, upsert-kafka with sink.delivery-guarantee as the run asks for (docs, " +
    "connectors/table/upsert-kafka)",
    "GROUP BY symbol and minute with table.exec.mini-batch (docs, dev/table/tuning): 1 s, 50,000 " +
    "rows; without it a third slower. A windowing TVF would not tell the last window",
    "parallelism 2, the cores; 1 and 3 were as fast within a tenth",
    "pipeline.object-reuse (docs, deployment/config), state on the heap with a TTL of 1 h",
  ],
  async install(progress, stopping) {
    const dir = await installPython("pyflink", progress, stopping);
    if (!await exists(`${dir}/${CONNECTOR}`)) await fetchConnector(dir, progress, stopping);
    environment_dir = dir;
  },
  start(run) {
    if (environment_dir === null) throw new Error("PyFlink is not installed: install() first");
    const command = [`${environment_dir}/bin/python`, peerFile("pyflink", "candles.py")];
    return startProcesses([...command, `${environment_dir}/${CONNECTOR}`], run, 1);
  },
};

/** Fetches the jar with Maven; it is renamed into place, so that a killed fetch leaves none. */
async function fetchConnector(
  dir: string,
  progress: Progress,
  stopping: AbortSignal,
): Promise<void> {
  progress(`pyflink: fetching ${CONNECTOR} with Maven (about 11 MB, once)`);
  const partial_dir = await Deno.makeTempDir({ dir, prefix: ".connector-" });
  try {
    const artifact = `org.apache.flink:flink-sql-connector-kafka:${CONNECTOR_VERSION}`;
    const { success, stdout } = await new Deno.Command("mvn", {
      args: [
        "--batch-mode",
        MAVEN_COPY,
        `-Dartifact=${artifact}`,
        `-DoutputDirectory=${partial_dir}`,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.any([stopping, AbortSignal.timeout(FETCH_DEADLINE_MS)]),
    }).output();
    stopping.throwIfAborted();
    if (!success) {
      const lines = new TextDecoder().decode(stdout).split("\n");
      const errors = lines.filter((line) => line.includes("[ERROR]")).slice(0, 5);
      throw new StartFault(
        `Cannot fetch ${artifact} with Maven:\n  ${errors.join("\n  ")}\n` +
          "Check the network and the proxy settings in ~/.m2/settings.xml, and start again",
      );
    }
    await Deno.rename(`${partial_dir}/${CONNECTOR}`, `${dir}/${CONNECTOR}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new StartFault(
      `Cannot fetch ${CONNECTOR}: there is no Maven (mvn) on this machine, or it has not written ` +
        "the jar. Install it (Debian: apt install maven; macOS: brew install maven), or leave " +
        "PyFlink out",
    );
  } finally {
    await Deno.remove(partial_dir, { recursive: true }).catch(ignoreNotFound);
  }
}
