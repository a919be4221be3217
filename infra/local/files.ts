/** Small things about files that the local stack needs in several places. */

/**
 * Writes a file so that a reader sees the old content or the new, never a part. Where it can't be
 * written, on a full disk for one, nothing is left beside it.
 *
 * @param path The file.
 * @param text Its content.
 * @param mode Its permission bits.
 */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const partial = `${path}.${crypto.randomUUID()}.partial`;
  try {
    await Deno.writeTextFile(partial, text, { mode });
    await Deno.rename(partial, path);
  } catch (error) {
    await Deno.remove(partial).catch(ignoreNotFound);
    throw error;
  }
}

/** For `catch`: what is not there need not be removed; any other fault goes on. */
export function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Whether there is a file or directory of that name. */
export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    ignoreNotFound(error);
    return false;
  });
}

/** Eight hexadecimal digits that change with a text: for names of what is made from it. */
export async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 8);
}
