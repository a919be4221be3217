/** For tests: whether the rules that the real Prometheus evaluates see what they ask for. */
import { query } from "./test_prometheus.ts";

/** A part of a parsed expression: /api/v1/parse_query's tree. */
interface ExpressionNode {
  type?: string;
  name?: string;
  matchers?: { name: string; type: string; value: string }[];
  [part: string]: unknown;
}

interface Rule {
  name: string;
  query: string;
  health: string;
  lastError?: string;
}

/** Longer than any test runs: whatever was there at any time counts. */
const SEEN_WITHIN = "15m";

/**
 * Rules that failed at their last evaluation, and what rules ask for that has never been there: a
 * comparison that does not hold is rightly empty, a series that nobody tells is not.
 *
 * @returns A sentence each.
 */
export async function blindRules(prometheus: string): Promise<string[]> {
  const { groups } = await data<{ groups: { rules: Rule[] }[] }>(prometheus, "rules");
  const rules = groups.flatMap(({ rules }) => rules);
  const faults: string[] = rules.length === 0 ? ["Prometheus has no rules"] : [];
  for (const { name, query: expression, health, lastError } of rules) {
    if (health !== "ok") faults.push(`${name} is ${health}: ${lastError || "not evaluated yet"}`);
    const tree = await data<ExpressionNode>(
      prometheus,
      `parse_query?query=${encodeURIComponent(expression)}`,
    );
    const selectors = selectorsOf(tree);
    if (selectors.length === 0) faults.push(`${name} asks for no series`);
    for (const selector of selectors) {
      const found = await query(prometheus, `present_over_time(${selector}[${SEEN_WITHIN}])`);
      if (found.length === 0) faults.push(`${name} asks for ${selector}, which nobody tells`);
    }
  }
  return faults;
}

/** The series that an expression asks for, each as PromQL writes it, without offsets and ranges. */
function selectorsOf(node: unknown): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { type, matchers = [], ...parts } = node as ExpressionNode;
  if (type === "vectorSelector" || type === "matrixSelector") {
    const written = matchers.map(({ name, type, value }) =>
      `${name}${type}${JSON.stringify(value)}`
    );
    return [`{${written.join(",")}}`];
  }
  return Object.values(parts).flatMap((part) =>
    Array.isArray(part) ? part.flatMap(selectorsOf) : selectorsOf(part)
  );
}

async function data<Data>(prometheus: string, path: string): Promise<Data> {
  const response = await fetch(`${prometheus}/api/v1/${path}`, {
    signal: AbortSignal.timeout(5_000),
  });
  const answer = await response.json();
  if (answer.status !== "success") throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer.data;
}
