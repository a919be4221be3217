/** Fetches Apache Kafka's jars with Maven, once a checkout. */
import { dirname } from "node:path";
import { linesOf } from "./lines.ts";
import { StartFault } from "./start_fault.ts";
import type { Progress } from "./start_fault.ts";
import { exists, ignoreNotFound, shortHash } from "./files.ts";

const POM_PATH = new URL("../kafka/pom.xml", import.meta.url).pathname;
const TOOLS_DIR = new URL("../../.tapeline/tools", import.meta.url).pathname;
const JAVA_VERSION_MIN = 17;
const INSTALL_DEADLINE_MS = 15 * 60_000;
const PROGRESS_INTERVAL_MS = 2_000;
/** A temporary directory that old belongs to an installation that was killed. */
const ABANDONED_AFTER_MS = 60 * 60_000;

const OTHER_WAYS = "Or bring your own servers with KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL";

/** Where things are after `installKafka`. */
export interface KafkaInstallation {
  /** The Java program. */
  java: string;
  /** The directory of the jars. */
  jars_dir: string;
  /** The jar of the agent that shows metrics. */
  metrics_agent: string;
}

/**
 * Makes sure that Java and Kafka's jars are there.
 *
 * @param progress Told what is fetched, how much, and since when.
 * @param stopping Ends the fetching.
 * @param tools_dir Where it is installed; one place for all data directories of a checkout.
 * @throws StartFault if Java 17+ or Maven is missing, or the fetching fails.
 */
export async function installKafka(
  progress: Progress,
  stopping: AbortSignal,
  tools_dir = TOOLS_DIR,
): Promise<KafkaInstallation> {
  const java = await findJava();
  const pom = await Deno.readTextFile(POM_PATH);
  const version = versionIn(pom, "kafka");
  // Another pom is another directory, so that a new release is fetched and an old one still runs.
  const jars_dir = `${tools_dir}/kafka-${version}-${await shortHash(pom)}`;
  if (!await exists(jars_dir)) await fetchJars(jars_dir, version, progress, stopping);
  const agent_version = versionIn(pom, "jmx-exporter");
  return {
    java,
    jars_dir,
    metrics_agent: `${jars_dir}/jmx_prometheus_javaagent-${agent_version}.jar`,
  };
}

function versionIn(pom: string, of: string): string {
  return new RegExp(`<${of}\\.version>([^<]+)<`).exec(pom)?.[1] ?? "unknown";
}

/**
 * The major version that `java -version` tells: 17 for `"17.0.15"`, 8 for `"1.8.0_292"`.
 *
 * @param text What it printed.
 * @returns Null if there is no version in it.
 */
export function javaMajorVersion(text: string): number | null {
  const match = /version "(?:1\.)?(\d+)/.exec(text);
  return match ? Number(match[1]) : null;
}

/**
 * What a line of Maven's says was fetched.
 *
 * @param line A line such as `Downloaded from central: https://…/x.jar (25 kB at 32 kB/s)`.
 * @returns Bytes; null if the line is not of that kind.
 */
export function downloadedBytes(line: string): number | null {
  const match = /Downloaded from .*\((\d+(?:\.\d+)?) (B|kB|MB) at/.exec(line);
  if (!match) return null;
  return Number(match[1]) * { B: 1, kB: 1_000, MB: 1_000_000 }[match[2] as "B" | "kB" | "MB"];
}

/**
 * Finds Java: JAVA_HOME's where that is set, or else the one on PATH.
 *
 * @returns The program.
 * @throws StartFault if there is none, or it is older than Kafka needs.
 */
export async function findJava(): Promise<string> {
  const home = Deno.env.get("JAVA_HOME");
  const java = home && await exists(`${home}/bin/java`) ? `${home}/bin/java` : "java";
  let text: string;
  try {
    const { stderr, stdout } = await new Deno.Command(java, { args: ["-version"] }).output();
    text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new StartFault(
      `Cannot start Kafka: there is no Java on this machine. Install Java ${JAVA_VERSION_MIN} or ` +
        `newer (Debian: apt install openjdk-17-jre-headless maven; macOS: brew install openjdk ` +
        `maven). ${OTHER_WAYS}`,
    );
  }
  const version = javaMajorVersion(text);
  if (version === null || version < JAVA_VERSION_MIN) {
    throw new StartFault(
      `Cannot start Kafka: ${java} is of version ${
        version ?? JSON.stringify(text.slice(0, 100))
      } ` +
        `and Kafka needs ${JAVA_VERSION_MIN} or newer. Install one and put it on PATH, or set ` +
        `JAVA_HOME. ${OTHER_WAYS}`,
    );
  }
  return java;
}

async function fetchJars(
  jars_dir: string,
  version: string,
  progress: Progress,
  stopping: AbortSignal,
): Promise<void> {
  const tools_dir = dirname(jars_dir);
  await Deno.mkdir(tools_dir, { recursive: true });
  await removeAbandoned(tools_dir);
  const partial_dir = await Deno.makeTempDir({ dir: tools_dir, prefix: ".kafka-" });
  try {
    await runMaven(partial_dir, version, progress, stopping);
    await Deno.chmod(partial_dir, 0o755);
    try {
      await Deno.rename(partial_dir, jars_dir);
    } catch (error) {
      // Another start has finished the same installation first: its result is as good.
      if (!await exists(jars_dir)) throw error;
    }
  } finally {
    await Deno.remove(partial_dir, { recursive: true }).catch(ignoreNotFound);
  }
}

async function runMaven(
  jars_dir: string,
  version: string,
  progress: Progress,
  stopping: AbortSignal,
): Promise<void> {
  progress(`Kafka ${version}: fetching its jars with Maven (about 60 MB, once)`);
  const started_at_ms = performance.now();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("mvn", {
      args: [
        "--batch-mode",
        "--file",
        POM_PATH,
        "dependency:copy-dependencies",
        `-DoutputDirectory=${jars_dir}`,
      ],
      stdout: "piped",
      stderr: "null",
      stdin: "null",
      signal: AbortSignal.any([stopping, AbortSignal.timeout(INSTALL_DEADLINE_MS)]),
    }).spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new StartFault(
      `Cannot fetch Kafka ${version}: there is no Maven (mvn) on this machine. Install it ` +
        `(Debian: apt install maven; macOS: brew install maven). ${OTHER_WAYS}`,
    );
  }
  let [files, bytes] = [0, 0];
  const elapsed = () => `${((performance.now() - started_at_ms) / 1000).toFixed(0)} s`;
  const ticker = setInterval(
    () => progress(`Kafka ${version}: ${files} files, ${megabytes(bytes)} MB, ${elapsed()}`),
    PROGRESS_INTERVAL_MS,
  );
  const errors: string[] = [];
  try {
    for await (const line of linesOf(child.stdout)) {
      const size = downloadedBytes(line);
      if (size !== null) [files, bytes] = [files + 1, bytes + size];
      else if (line.includes("[ERROR]") && errors.length < 5) errors.push(line);
    }
  } finally {
    clearInterval(ticker);
  }
  const { success } = await child.status;
  stopping.throwIfAborted();
  if (!success) {
    throw new StartFault(
      `Cannot fetch Kafka ${version} with Maven, after ${elapsed()}:\n  ${errors.join("\n  ")}\n` +
        `Check the network and the proxy settings in ~/.m2/settings.xml, and start again: what ` +
        `has been fetched is kept. ${OTHER_WAYS}`,
    );
  }
  progress(`Kafka ${version}: installed in ${elapsed()}`);
}

async function removeAbandoned(tools_dir: string): Promise<void> {
  for await (const entry of Deno.readDir(tools_dir)) {
    if (!entry.name.startsWith(".kafka-")) continue;
    const path = `${tools_dir}/${entry.name}`;
    const modified = (await Deno.stat(path).catch(ignoreNotFound))?.mtime?.getTime() ?? Date.now();
    if (Date.now() - modified > ABANDONED_AFTER_MS) await Deno.remove(path, { recursive: true });
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1);
}
