/**
 * Configuration from a table: one row a setting, read from the environment, all faults at once.
 * This file and each service's config.ts are the only places that know variable names.
 */

/** One setting: where it is read, what it is, how its text becomes a value. */
export interface Setting<Value> {
  /** The variable; with aliases, the first one that is set counts. */
  variable: string;
  aliases?: readonly string[];
  /** Text that stands where the variable is not set; absent: the setting is then null. */
  default?: string;
  unit?: string;
  /** One sentence for README's table. */
  doc: string;
  /** Turns the text into the value; throws an Error that says what is wrong with it. */
  parse: (text: string) => Value;
  /** Masked wherever the configuration is shown. */
  secret?: boolean;
}

/** A table of settings by the name that code uses. */
export type SettingTable = { readonly [name: string]: Setting<unknown> };

/** The values of a table: null is possible only where a setting has no default. */
export type Config<Table extends SettingTable> = {
  readonly [Name in keyof Table]: Table[Name] extends { parse: (text: string) => infer Value }
    ? Table[Name] extends { default: string } ? Value : Value | null
    : never;
};

/** All that is wrong with the environment, a line each. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault(s):\n${faults.map((f) => `  ${f}`).join("\n")}`,
    );
    this.name = "ConfigError";
  }
}

/** The environment as names and values; what is not set is absent. */
export type Environment = { readonly [variable: string]: string | undefined };

/**
 * Reads a table of settings.
 *
 * @param table The settings.
 * @param environment Names and values (a service passes `variablesOf(table)` read one by one).
 * @returns The values by the table's names.
 * @throws ConfigError with every fault at once.
 */
export function readConfig<Table extends SettingTable>(
  table: Table,
  environment: Environment,
): Config<Table> {
  const faults: string[] = [];
  const values: { [name: string]: unknown } = {};
  for (const [name, setting] of Object.entries(table)) {
    const variable = [setting.variable, ...(setting.aliases ?? [])]
      .find((candidate) => (environment[candidate] ?? "") !== "") ?? setting.variable;
    const given = environment[variable] ?? "";
    const text = given !== "" ? given : setting.default;
    if (text === undefined) {
      values[name] = null;
      continue;
    }
    try {
      values[name] = setting.parse(text);
    } catch (error) {
      const shown = setting.secret ? "(secret)" : JSON.stringify(text);
      faults.push(`${variable}=${shown}: ${(error as Error).message}. ${setting.doc}`);
    }
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return values as Config<Table>;
}

/** The names of all variables that a table reads, aliases included. */
export function variablesOf(table: SettingTable): string[] {
  return Object.values(table).flatMap((setting) => [setting.variable, ...(setting.aliases ?? [])]);
}

/**
 * Reads a table's variables from the process, each by its name: a service may read no others.
 */
export function environmentOf(table: SettingTable): Environment {
  return Object.fromEntries(
    variablesOf(table).map((variable) => [variable, Deno.env.get(variable)]),
  );
}

/**
 * Finds variables that start with TAPELINE_ and that no table knows: most often a slip of the pen.
 *
 * @param tables Every table there is.
 * @param environment The whole environment.
 * @returns A fault for each, naming the nearest known variable.
 */
export function unknownVariables(
  tables: readonly SettingTable[],
  environment: Environment,
): string[] {
  const known = new Set(tables.flatMap(variablesOf));
  return Object.keys(environment)
    .filter((variable) => variable.startsWith("TAPELINE_") && !known.has(variable))
    .sort()
    .map((variable) => {
      const nearest = [...known].filter((name) => name.startsWith("TAPELINE_"))
        .sort((left, right) => distance(left, variable) - distance(right, variable))[0];
      const hint = nearest === undefined ? "" : ` (did you mean ${nearest}?)`;
      return `${variable} is not a variable that Tapeline knows${hint}: unset or rename it`;
    });
}

/** Levenshtein's distance, for the hint. */
function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      row[j] = Math.min(
        row[j - 1]! + 1,
        previous[j]! + 1,
        previous[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1),
      );
    }
    previous = row;
  }
  return previous[right.length]!;
}

/**
 * The configuration as it may be shown: secrets masked, URLs without their passwords
 * and without the values of their query, where keys and tokens are given too.
 *
 * @param table The settings.
 * @param config Their values.
 */
export function shownConfig<Table extends SettingTable>(
  table: Table,
  config: Config<Table>,
): { [name: string]: unknown } {
  return Object.fromEntries(
    Object.entries(table).map(([name, setting]) => {
      const value: unknown = config[name];
      if (setting.secret && value !== null) return [name, "***"];
      return [name, value instanceof URL ? withoutSecrets(value) : value];
    }),
  );
}

function withoutSecrets(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "***";
  for (const name of new Set(shown.searchParams.keys())) shown.searchParams.set(name, "***");
  return shown.href;
}

/** Any text that is not empty. */
export function text(): (given: string) => string {
  return (given) => given;
}

/**
 * A number within bounds, both included.
 *
 * @param min Least value taken.
 * @param max Greatest value taken.
 */
export function number(min: number, max: number): (given: string) => number {
  return (given) => {
    const value = given.trim() === "" ? NaN : Number(given);
    if (!(value >= min && value <= max)) throw new Error(`must be a number from ${min} to ${max}`);
    return value;
  };
}

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): (given: string) => number {
  return (given) => {
    const value = given.trim() === "" ? NaN : Number(given);
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

/** One of some words. */
export function choice<Word extends string>(...words: readonly Word[]): (given: string) => Word {
  return (given) => {
    const word = words.find((candidate) => candidate === given);
    if (word === undefined) throw new Error(`must be one of ${words.join(", ")}`);
    return word;
  };
}

/** true or false. */
export function flag(): (given: string) => boolean {
  const word = choice("true", "false");
  return (given) => word(given) === "true";
}

/**
 * A list of words parted by commas: not empty, none twice.
 *
 * @param item Judges each word.
 */
export function list<Value>(item: (given: string) => Value): (given: string) => Value[] {
  return (given) => {
    const words = given.split(",").map((word) => word.trim()).filter((word) => word !== "");
    if (words.length === 0) throw new Error("must name at least one");
    const twice = words.find((word, index) => words.indexOf(word) !== index);
    if (twice !== undefined) throw new Error(`names ${twice} twice`);
    return words.map(item);
  };
}

/** host:port, as Kafka's clients take it. */
export function hostAndPort(): (given: string) => string {
  return (given) => {
    const port = Number(/^(?:[\w.-]+|\[[0-9a-fA-F:]+\]):(\d{1,5})$/.exec(given)?.[1]);
    if (!(port >= 1 && port <= 65_535)) throw new Error(`must be host:port, not ${given}`);
    return given;
  };
}

/**
 * A URL of one of some schemes.
 *
 * @param schemes Without the colon: `postgres`, `wss`.
 */
export function url(...schemes: readonly string[]): (given: string) => URL {
  return (given) => {
    if (!URL.canParse(given)) throw new Error("must be a URL");
    const parsed = new URL(given);
    if (!schemes.includes(parsed.protocol.slice(0, -1))) {
      throw new Error(`must start with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`);
    }
    return parsed;
  };
}
