/** The project's own source files. */

const FOLDERS = ["contract", "runtime", "services", "infra", "dashboards", "load-tests"];
const NOT_OURS = ["node_modules", "generated", "target"];

/** The checkout's root, with a slash at its end. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** Lists TypeScript files below the source folders, by their paths from the root, sorted. */
export function sourceFiles(): string[] {
  return FOLDERS.flatMap((folder) => filesBelow(folder)).sort();
}

function filesBelow(folder: string): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(ROOT + folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return NOT_OURS.includes(entry.name) ? [] : filesBelow(path);
    return path.endsWith(".ts") ? [path] : [];
  });
}
