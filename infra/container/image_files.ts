/** What of the repository gets into the image, by .dockerignore and the Dockerfile. Pure. */

/**
 * Whether .dockerignore lets a file through: the last line that fits it decides.
 *
 * @param ignore The text of .dockerignore.
 * @param path The file, from the root.
 */
export function isSent(ignore: string, path: string): boolean {
  let sent = true;
  for (const line of ignore.split("\n")) {
    const pattern = line.trim().replace(/^!/, "");
    if (pattern === "" || pattern.startsWith("#")) continue;
    if (fits(pattern, path)) sent = line.trim().startsWith("!");
  }
  return sent;
}

/** A pattern fits a path, and all that is below it; `**` stands for any directories. */
function fits(pattern: string, path: string): boolean {
  const source = pattern.replace(
    /\*\*\/|[*.+()]/g,
    (part) => part === "**/" ? "(?:.*/)?" : part === "*" ? "[^/]*" : `\\${part}`,
  );
  return new RegExp(`^${source}(/.*)?$`).test(path);
}

/**
 * Whether the Dockerfile copies a file from the repository.
 *
 * @param dockerfile Its text.
 * @param path The file, from the root.
 */
export function isCopied(dockerfile: string, path: string): boolean {
  const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)]
    .flatMap(([, words]) => words!.split(" "));
  return sources.some((source) => path === source || path.startsWith(`${source}/`));
}

/** The base images of a Dockerfile, by the stage's name. */
export function baseImages(dockerfile: string): { [stage: string]: string } {
  return Object.fromEntries(
    [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, image, stage]) => [stage, image]),
  );
}
