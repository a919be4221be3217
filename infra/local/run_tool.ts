/** Runs a server's own tool that prepares its data directory: it ends by itself, or at a deadline. */
import { StartFault } from "./start_fault.ts";

/** A slow disk and a busy machine are waited for; both tools take about a second. */
const DEADLINE_MS = 60_000;

/** What to run. */
export interface Tool {
  /** Says what it does, for the error: "format …". */
  doing: string;
  command: readonly string[];
  env?: Record<string, string>;
  /** Ends it. */
  stopping: AbortSignal | undefined;
}

/**
 * Runs a tool to its end.
 *
 * @param tool What to run.
 * @throws StartFault with all that it printed, if it fails or does not end within a minute; the
 *   signal's reason if that ended it.
 */
export async function runTool({ doing, command, env = {}, stopping }: Tool): Promise<void> {
  const [program, ...args] = command;
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  const { success, stdout, stderr } = await new Deno.Command(program!, {
    args,
    env,
    stdin: "null",
    signal: stopping === undefined ? deadline : AbortSignal.any([stopping, deadline]),
  }).output();
  if (success) return;
  stopping?.throwIfAborted();
  const decoder = new TextDecoder();
  const late = deadline.aborted ? ` within ${DEADLINE_MS / 1_000} s` : "";
  throw new StartFault(
    `Cannot ${doing}${late}:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`.trimEnd(),
  );
}
