/** Finds processes that tests have left behind. */

/** What the command lines of our servers and services hold, when a test has started them. */
const TEST_MARK = "tapeline-test-";

/**
 * Lists processes whose command line names a test's directory.
 *
 * @returns "pid command", one a process; empty where the system has no /proc (macOS).
 */
export async function leftProcesses(): Promise<string[]> {
  const lines: string[] = [];
  try {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const command = (await Deno.readTextFile(`/proc/${name}/cmdline`)).replaceAll("\0", " ");
        if (command.includes(TEST_MARK)) lines.push(`${name} ${command.slice(0, 200)}`);
      } catch (error) {
        // A process may end between the listing and the look.
        if (!(error instanceof Deno.errors.NotFound) && !isGone(error)) throw error;
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return lines;
}

function isGone(error: unknown): boolean {
  return error instanceof Error && error.message.includes("No such process");
}
