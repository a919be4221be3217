/** Puts functions of ours in place of kafkajs' own, before anything of it has bound them. */
import module from "node:module";

/**
 * Puts something in place of what a CommonJS module exports. The cache is reached by Node's own name
 * for it, since `createRequire` would need the permission to read node_modules.
 *
 * @param path The module, within kafkajs' sources.
 * @param binder A module that takes its exports once, when it is loaded.
 * @param replacement What it is to take instead.
 * @throws Error where it has been taken already, or kafkajs has moved its files.
 */
export function replaceExports(path: string, binder: string, replacement: unknown): void {
  const { _cache } = module as unknown as { _cache: { [file: string]: { exports: unknown } } };
  const fileOf = (name: string) =>
    Object.keys(_cache).find((file) => file.endsWith(`/kafkajs/src/${name}`));
  const loaded = fileOf(path);
  if (loaded === undefined) throw new Error(`Cannot replace kafkajs/src/${path}: it is not loaded`);
  if (fileOf(binder) !== undefined) {
    throw new Error(
      `Cannot replace kafkajs/src/${path}: kafkajs/src/${binder} has taken it already; ` +
        "import runtime/kafka.ts before anything of kafkajs",
    );
  }
  _cache[loaded]!.exports = replacement;
}
