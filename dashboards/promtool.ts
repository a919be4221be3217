/** promtool, for tests: it judges rules as Prometheus does. */
import { buildGoTool } from "../infra/local/go_tool.ts";

/** Its program. */
export const PROMTOOL = {
  name: "prometheus",
  program: "promtool",
  package_path: "github.com/prometheus/prometheus/cmd/promtool",
  tags: "remove_all_sd",
};

/**
 * Runs promtool.
 *
 * @param args Its arguments.
 * @returns What it wrote, and whether it was content.
 */
export async function promtool(
  args: readonly string[],
): Promise<{ success: boolean; output: string }> {
  const program = await buildGoTool(PROMTOOL, () => {});
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
