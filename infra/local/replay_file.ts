/** The file of a replay, looked at before anything is started. */
import { StartFault } from "./start_fault.ts";

/**
 * Makes sure that the file to replay can be read.
 *
 * @param environment TAPELINE_REPLAY_FILE names it; nothing is looked at where that is not set.
 * @throws StartFault if it can't.
 */
export async function assertReplayFile(
  environment: { readonly [variable: string]: string },
): Promise<void> {
  const path = environment.TAPELINE_REPLAY_FILE;
  if (path === undefined || path === "") return;
  try {
    using file = await Deno.open(path);
    if ((await file.stat()).isFile) return;
  } catch (error) {
    throw new StartFault(
      `Cannot read the file to replay, ${path}: ${
        (error as Error).message
      }. Name another with --file`,
    );
  }
  throw new StartFault(`Cannot replay ${path}: it is not a file. Name one with --file`);
}
