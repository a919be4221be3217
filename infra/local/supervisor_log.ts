/** What the supervisor says: on the screen for the person, in logs/supervisor.log for later. */
import { createLogger, type Logger } from "../../runtime/log.ts";
import { openLogFile } from "./log_file.ts";
import type { Screen } from "./screen.ts";
import { LOG_BYTES_MAX } from "./server_process.ts";

/** The supervisor's log. */
export interface SupervisorLog extends Disposable {
  logger: Logger;
  /** Shows a line, and logs it. */
  show(line: string): void;
}

/**
 * Opens the log.
 *
 * @param data_dir It is in `logs/` there.
 * @param screen Where lines are shown.
 */
export async function openSupervisorLog(
  data_dir: string,
  screen: Screen,
): Promise<SupervisorLog> {
  await Deno.mkdir(`${data_dir}/logs`, { recursive: true });
  const file = openLogFile(`${data_dir}/logs/supervisor.log`, LOG_BYTES_MAX, screen.print);
  const logger = createLogger("supervisor", "info", (line) => file.write(`${line}\n`));
  return {
    logger,
    show(line) {
      screen.print(line);
      logger.info(line);
    },
    [Symbol.dispose]: () => file.close(),
  };
}
