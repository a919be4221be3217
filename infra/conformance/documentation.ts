/** Finds exported names without a docstring, by what `deno doc --json` says. */

/** What must say what it is; a constant or a type may speak for itself. */
const DOCUMENTED_KINDS = ["function", "class", "interface"];

/** The parts of `deno doc --json` that this reads; lines are counted from 0. */
interface DocumentedFile {
  symbols?: readonly DocumentedSymbol[];
}

interface DocumentedSymbol {
  name: string;
  declarations?: readonly {
    kind: string;
    declarationKind?: string;
    jsDoc?: { doc?: string };
    location: { filename: string; line: number };
  }[];
}

/**
 * Lists exported functions, classes and interfaces that have no docstring.
 *
 * @param files Modules to read.
 * @returns One line each: file:line, name and kind.
 * @throws Error when `deno doc` fails, with what it said.
 */
export async function undocumented(files: readonly string[]): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", ...files],
    env: { NO_COLOR: "1" },
  }).output();
  const told = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`deno doc failed: ${new TextDecoder().decode(stderr)}`);
  const { nodes } = JSON.parse(told) as { nodes: { [file: string]: DocumentedFile } };
  return Object.values(nodes).flatMap(({ symbols }) => (symbols ?? []).flatMap(faultsOf)).sort();
}

function faultsOf({ name, declarations }: DocumentedSymbol): string[] {
  return (declarations ?? [])
    .filter(({ kind, declarationKind, jsDoc }) =>
      declarationKind === "export" && DOCUMENTED_KINDS.includes(kind) && !jsDoc?.doc
    )
    .map(({ kind, location }) =>
      `${location.filename.replace(/^file:\/\//, "")}:${
        location.line + 1
      } ${kind} ${name} has no docstring`
    );
}
