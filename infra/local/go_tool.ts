/** Builds the tools that come as Go modules, once a checkout: infra/tools/<name>/go.mod pins each. */
import { exists, ignoreNotFound, shortHash } from "./files.ts";
import { type Progress, StartFault } from "./start_fault.ts";

const MODULES_DIR = new URL("../tools", import.meta.url).pathname;
const TOOLS_DIR = new URL("../../.tapeline/tools", import.meta.url).pathname;
/** Where Go's own installer puts it, whether or not that is on PATH. */
const GO_ELSEWHERE = "/usr/local/go/bin/go";
const BUILD_DEADLINE_MS = 15 * 60_000;
const PROGRESS_INTERVAL_MS = 5_000;
const NEVER = new AbortController().signal;

/** A tool: its folder under infra/tools, and the package that is its program. */
export interface GoTool {
  name: string;
  package_path: string;
  /** The module has several programs: which. */
  program?: string;
  /** Build tags, which leave out what is not needed. */
  tags?: string;
}

/**
 * Makes sure that a tool is built.
 *
 * @param tool Which.
 * @param progress Told that it is being built, and for how long.
 * @param stopping Ends the build.
 * @returns The path of its program.
 * @throws StartFault if there is no Go, or the build fails.
 */
export async function buildGoTool(
  tool: GoTool,
  progress: Progress,
  stopping: AbortSignal = NEVER,
): Promise<string> {
  const { name, program: of_several = name, package_path, tags } = tool;
  const module_dir = `${MODULES_DIR}/${name}`;
  const sums = await Deno.readTextFile(`${module_dir}/go.sum`);
  const module = await Deno.readTextFile(`${module_dir}/go.mod`);
  // Where the program is our own.
  const source = await exists(`${module_dir}/main.go`)
    ? await Deno.readTextFile(`${module_dir}/main.go`)
    : "";
  const program = `${TOOLS_DIR}/${of_several}-${await shortHash(module + sums + source)}`;
  if (await exists(program)) return program;
  await Deno.mkdir(TOOLS_DIR, { recursive: true });
  // Made beside its place and renamed: two builds at once do no harm, and a killed one leaves none.
  const partial = await Deno.makeTempFile({ dir: TOOLS_DIR, prefix: `.${of_several}-` });
  const started_at_ms = performance.now();
  const elapsed = () => `${((performance.now() - started_at_ms) / 1000).toFixed(0)} s`;
  const tell = () => progress(`${of_several}: building it with Go, once (${elapsed()})`);
  const ticker = setInterval(tell, PROGRESS_INTERVAL_MS);
  tell();
  try {
    const { success, stderr } = await new Deno.Command(await findGo(of_several), {
      args: [
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-o",
        partial,
        ...(tags === undefined ? [] : ["-tags", tags]),
        package_path,
      ],
      cwd: module_dir,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: AbortSignal.any([stopping, AbortSignal.timeout(BUILD_DEADLINE_MS)]),
    }).output();
    stopping.throwIfAborted();
    if (!success) {
      const lines = new TextDecoder().decode(stderr).trim().split("\n").slice(-8);
      throw new StartFault(
        `Cannot build ${of_several} with Go, after ${elapsed()}:\n  ${lines.join("\n  ")}\n` +
          `Check the network and GOPROXY, and start again: what has been fetched is kept`,
      );
    }
    await Deno.chmod(partial, 0o755);
    await Deno.rename(partial, program);
  } finally {
    clearInterval(ticker);
    await Deno.remove(partial).catch(ignoreNotFound);
  }
  progress(`${of_several}: built in ${elapsed()}`);
  return program;
}

/**
 * A tool's program: the one on PATH where there is one, or else built.
 *
 * @param tool Which.
 * @param progress Told that it is being built, and for how long.
 * @param stopping Ends the build.
 */
export async function findGoTool(
  tool: GoTool,
  progress: Progress,
  stopping: AbortSignal,
): Promise<string> {
  const program = tool.program ?? tool.name;
  try {
    const { success } = await new Deno.Command(program, {
      args: ["--version"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) return program;
  } catch (error) {
    ignoreNotFound(error);
  }
  return await buildGoTool(tool, progress, stopping);
}

async function findGo(tool: string): Promise<string> {
  for (const go of ["go", GO_ELSEWHERE]) {
    try {
      await new Deno.Command(go, { args: ["version"], stdout: "null", stderr: "null" }).output();
      return go;
    } catch (error) {
      ignoreNotFound(error);
    }
  }
  throw new StartFault(
    `Cannot build ${tool}: there is no Go on this machine. Install Go 1.24 or newer ` +
      "(https://go.dev/doc/install; Debian: apt install golang; macOS: brew install go)",
  );
}
