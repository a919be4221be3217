/** The ledger at the end of `--until-drained`. */
import type { Environment } from "../../runtime/config.ts";
import type { Logger } from "../../runtime/log.ts";
import { audit } from "../ledger/audit.ts";
import { auditOptions } from "../ledger/config.ts";
import { formatReport } from "../ledger/report.ts";
import { exitCode } from "../ledger/summary.ts";
import type { Screen } from "./screen.ts";

/**
 * Judges and prints the ledger, as `deno task audit` does.
 *
 * @param environment With the servers in it.
 * @param log For the Kafka client.
 * @param screen Where it is printed.
 * @returns The exit code: 0 only if it balances.
 */
export async function printLedger(
  environment: Environment,
  log: Logger,
  screen: Screen,
): Promise<number> {
  const report = await audit(auditOptions(environment, log));
  screen.print(formatReport(report));
  return exitCode(report);
}
