/** Finds processes that tests have left behind. */
import { ROOT } from "../conformance/source_files.ts";

/** Servers and services are all started from files of this checkout, by their whole paths. */
const MARKS = [ROOT];

/**
 * Lists processes whose command line names this checkout.
 *
 * @param marks Texts that mark a command line as ours.
 * @returns "pid command", one a process; empty where the system has no /proc (macOS).
 */
export async function leftProcesses(marks: readonly string[] = MARKS): Promise<string[]> {
  const lines: string[] = [];
  for (const pid of await processIds()) {
    const command = await commandOf(pid);
    if (pid !== Deno.pid && marks.some((mark) => command.includes(mark))) {
      lines.push(`${pid} ${command.slice(0, 200)}`);
    }
  }
  return lines;
}

async function processIds(): Promise<number[]> {
  const ids: number[] = [];
  try {
    for await (const { name } of Deno.readDir("/proc")) if (/^\d+$/.test(name)) ids.push(+name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return ids;
}

/** The command line; empty where the process has ended since the listing. */
async function commandOf(pid: number): Promise<string> {
  try {
    return (await Deno.readTextFile(`/proc/${pid}/cmdline`)).replaceAll("\0", " ");
  } catch (error) {
    const is_gone = error instanceof Deno.errors.NotFound ||
      error instanceof Error && error.message.includes("No such process");
    if (!is_gone) throw error;
    return "";
  }
}
