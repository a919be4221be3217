/** Checks a dashboard's JSON as Grafana gets it, whoever has made it. Pure. */

/** As much of Grafana's model as is checked. */
export interface BoardJson {
  uid: string;
  panels: PanelJson[];
  annotations?: { list?: unknown[] };
  templating: { list: { name: string; type: string }[] };
}

interface PanelJson {
  id?: number;
  type: string;
  title?: string;
  description?: string;
  datasource?: { uid: string };
  gridPos?: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit?: string } };
  targets?: { expr?: string; rawSql?: string }[];
}

const DATASOURCES = ["${prometheus}", "${postgres}"];
const GRID_WIDTH = 24;
/** A window of its own is too short for another scrape interval, or hides what is between. */
const OTHER_WINDOW = /\b(rate|increase|irate)\([^)]*\[(?!\$__rate_interval\])/;

/**
 * Looks for what makes a board hard to read or wrong.
 *
 * @returns What is wrong, a sentence each.
 */
export function boardFaults({ panels, annotations, templating }: BoardJson): string[] {
  const faults: string[] = [];
  const drawn = panels.filter(({ type }) => type !== "row");
  for (const panel of drawn) faults.push(...panelFaults(panel));
  const ids = panels.map(({ id }) => id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) {
    faults.push(`two panels have the id ${id}`);
  }
  for (const [index, panel] of panels.entries()) {
    for (const other of panels.slice(index + 1)) {
      if (overlaps(panel, other)) faults.push(`${panel.title} and ${other.title} overlap`);
    }
  }
  const text = JSON.stringify([panels, annotations]);
  for (const { name } of templating.list) {
    if (!text.includes(`$${name}`) && !text.includes(`\${${name}}`)) {
      faults.push(`nothing asks for the variable ${name}`);
    }
  }
  return faults;
}

function panelFaults(panel: PanelJson): string[] {
  const { title, description, datasource, gridPos, fieldConfig, targets = [] } = panel;
  const faults: string[] = [];
  if (!title) faults.push("a panel has no title");
  if (!description) faults.push(`${title} has no description`);
  if (!fieldConfig?.defaults.unit) faults.push(`${title} has no unit`);
  if (targets.length === 0) faults.push(`${title} asks nothing`);
  if (!DATASOURCES.includes(datasource?.uid ?? "")) {
    faults.push(`${title} has not the board's datasource`);
  }
  if (gridPos === undefined || gridPos.x + gridPos.w > GRID_WIDTH) {
    faults.push(`${title} does not fit into the grid`);
  }
  for (const { expr = "", rawSql } of targets) {
    // Without it every refresh reads the whole table.
    if (rawSql !== undefined && !rawSql.includes("$__timeFilter(")) {
      faults.push(`${title} asks for all times: ${rawSql}`);
    }
    if (OTHER_WINDOW.test(expr)) faults.push(`${title} has a window of its own: ${expr}`);
  }
  return faults;
}

function overlaps({ gridPos: one }: PanelJson, { gridPos: other }: PanelJson): boolean {
  if (one === undefined || other === undefined) return false;
  return one.x < other.x + other.w && other.x < one.x + one.w &&
    one.y < other.y + other.h && other.y < one.y + one.h;
}
