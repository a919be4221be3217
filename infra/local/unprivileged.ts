/** Running a program as somebody who is not root: Postgres refuses root. */
import { StartFault } from "./start_fault.ts";

/** As whom programs are run. */
export interface Unprivileged {
  /** What to put before a command; empty where we are not root. */
  prefix: string[];
  /** Makes a file or directory theirs. */
  own(path: string): Promise<void>;
}

/** The user that every Unix has for programs that should own nothing else. */
const USER = "nobody";

/**
 * Finds out as whom to run a program. An ordinary user runs it as himself. Root runs it as `nobody`;
 * where the checkout or the data lie below a directory that only root can enter (a temporary
 * directory, /root), the program keeps one right of root's, to pass through directories
 * (CAP_DAC_OVERRIDE), and no other.
 *
 * @param program The program that is to be run.
 * @param data_dir The directory that it writes to; it exists.
 * @throws StartFault if root can't do that here.
 */
export async function unprivileged(program: string, data_dir: string): Promise<Unprivileged> {
  if (Deno.uid() !== 0) return { prefix: [], own: () => Promise.resolve() };
  const [uid, gid] = [await numberOf("-u"), await numberOf("-g")];
  const own = (path: string): Promise<void> => Deno.chown(path, uid, gid);
  const plain = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const passing = [...plain, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
  for (const prefix of [plain, passing]) {
    if (await canReach(prefix, program, data_dir)) return { prefix, own };
  }
  throw new StartFault(
    `Cannot start Postgres: it does not run as root, and ${USER} can't reach ${program} and ` +
      `${data_dir}. Run as an ordinary user, or keep the checkout and --data-dir below directories ` +
      `that everybody may enter (such as /srv or /opt), or bring your own with DATABASE_URL`,
  );
}

async function canReach(prefix: string[], program: string, data_dir: string): Promise<boolean> {
  const [command, ...args] = prefix;
  try {
    const { success } = await new Deno.Command(command!, {
      args: [...args, "sh", "-c", 'test -x "$0" && test -x "$1"', program, data_dir],
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new StartFault(
      "Cannot start Postgres as root: it runs as another user, which needs `setpriv` (util-linux). " +
        "Run as an ordinary user, or bring your own server with DATABASE_URL",
    );
  }
}

async function numberOf(option: "-u" | "-g"): Promise<number> {
  const { success, stdout } = await new Deno.Command("id", {
    args: [option, USER],
    stderr: "null",
  }).output();
  const id = Number(new TextDecoder().decode(stdout).trim());
  if (!success || !Number.isInteger(id)) {
    throw new StartFault(
      `Cannot start Postgres as root: there is no user "${USER}" to run it as. Run as an ordinary ` +
        "user, or bring your own server with DATABASE_URL",
    );
  }
  return id;
}
