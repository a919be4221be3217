/**
 * Sets up the peers that are Python programs: a virtual environment each, with every package at the
 * version that infra/bench/peers/<peer>/requirements.txt pins, those that others bring included.
 */
import { dirname } from "node:path";
import { exists, ignoreNotFound, shortHash } from "../../local/files.ts";
import { type Progress, StartFault } from "../../local/start_fault.ts";

const TOOLS_DIR = new URL("../../../.tapeline/tools", import.meta.url).pathname;
const INSTALL_DEADLINE_MS = 15 * 60_000;
const PROGRESS_INTERVAL_MS = 5_000;
/** The pins are of packages that all have these. */
const PYTHON_VERSIONS = ["3.10", "3.11", "3.12"];

/** Path of a file in a peer's folder. */
export function peerFile(peer: string, name: string): string {
  return new URL(`./${peer}/${name}`, import.meta.url).pathname;
}

/**
 * The version at which a peer's requirements pin a package.
 *
 * @param peer The peer's folder.
 * @param name The package.
 * @throws Error if it is not pinned there.
 */
export function pinnedVersion(peer: string, name: string): string {
  const path = peerFile(peer, "requirements.txt");
  const version = versionOf(Deno.readTextFileSync(path), name);
  if (version === null) throw new Error(`${path} has no line ${name}==<version>: pin it there`);
  return version;
}

/** The version in a line `name==version`; null if there is none. */
export function versionOf(requirements: string, name: string): string | null {
  const line = requirements.split("\n").find((line) => line.startsWith(`${name}==`));
  return line?.slice(name.length + 2).trim() ?? null;
}

/**
 * Makes sure that a peer's virtual environment is there.
 *
 * @param peer Its folder beside this file, and part of the directory's name.
 * @param progress Told what is fetched, and for how long.
 * @param stopping Ends the fetching.
 * @param tools_dir Where it is installed; one place for all data directories of a checkout.
 * @returns The environment's directory; its Python is bin/python there.
 * @throws StartFault if there is no fitting Python, or a package can't be installed.
 */
export async function installPython(
  peer: string,
  progress: Progress,
  stopping: AbortSignal,
  tools_dir = TOOLS_DIR,
): Promise<string> {
  const python_version = await findPython(peer);
  const requirements_path = peerFile(peer, "requirements.txt");
  const requirements = await Deno.readTextFile(requirements_path);
  // A virtual environment is bound to the Python that made it.
  const dir = `${tools_dir}/${peer}-${await shortHash(`${python_version}\n${requirements}`)}`;
  if (await exists(dir)) return dir;
  await Deno.mkdir(dirname(dir), { recursive: true });
  const partial_dir = await Deno.makeTempDir({ dir: tools_dir, prefix: `.${peer}-` });
  const started_at_ms = performance.now();
  const elapsed = () => `${((performance.now() - started_at_ms) / 1000).toFixed(0)} s`;
  const tell = () => progress(`${peer}: installing its Python packages, once (${elapsed()})`);
  const ticker = setInterval(tell, PROGRESS_INTERVAL_MS);
  tell();
  try {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(INSTALL_DEADLINE_MS)]);
    await run(peer, "python3", ["-m", "venv", partial_dir], signal);
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"];
    await run(peer, `${partial_dir}/bin/python`, [...pip, "-r", requirements_path], signal);
    stopping.throwIfAborted();
    await Deno.chmod(partial_dir, 0o755);
    try {
      await Deno.rename(partial_dir, dir);
    } catch (error) {
      // Another start has finished the same installation first: its result is as good.
      if (!await exists(dir)) throw error;
    }
  } finally {
    clearInterval(ticker);
    await Deno.remove(partial_dir, { recursive: true }).catch(ignoreNotFound);
  }
  progress(`${peer}: installed in ${elapsed()}`);
  return dir;
}

async function run(
  peer: string,
  program: string,
  args: string[],
  signal: AbortSignal,
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).output();
  if (success) return;
  signal.throwIfAborted();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  throw new StartFault(
    `Cannot install ${peer} by ${program} ${args.join(" ")}:\n  ` +
      `${text.trim().split("\n").slice(-8).join("\n  ")}\n` +
      "Check the network and pip's settings (pip config list), and start again. On Debian a " +
      "virtual environment needs the package python3-venv",
  );
}

/** The version of `python3`, major and minor. */
async function findPython(peer: string): Promise<string> {
  const wanted = `Python ${PYTHON_VERSIONS[0]} to ${PYTHON_VERSIONS.at(-1)}`;
  let text: string;
  try {
    const args = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"];
    const { stdout } = await new Deno.Command("python3", { args, stderr: "null" }).output();
    text = new TextDecoder().decode(stdout).trim();
  } catch (error) {
    ignoreNotFound(error);
    throw new StartFault(
      `Cannot install ${peer}: there is no python3 on this machine. Install ${wanted} (Debian: apt ` +
        "install python3 python3-venv), or leave this peer out",
    );
  }
  if (!PYTHON_VERSIONS.includes(text)) {
    throw new StartFault(
      `Cannot install ${peer}: python3 is of version ${
        text || "unknown"
      }, and its pinned packages ` +
        `need ${wanted}. Put one of them on PATH as python3, or leave this peer out`,
    );
  }
  return text;
}
