/** What the supervisor takes from a service's log lines: where it listens, warnings and errors. */

/** A service listens. `operations` is its operations server; other doors have names of their own. */
export interface Announcement {
  door: string;
  url: string;
}

/** Most lines of one service that are shown in a span of time; the log file has them all. */
const SHOWN_LINES_MAX = 10;
const SHOWN_SPAN_MS = 10_000;

/**
 * Makes a reader of a service's lines.
 *
 * @param name The service.
 * @param show Shows a line to the person at the keyboard.
 * @param onAnnounced Told where the service listens.
 * @param now Milliseconds that only grow: given by tests.
 * @returns Takes one line.
 */
export function createLineReader(
  name: string,
  show: (line: string) => void,
  onAnnounced: (announcement: Announcement) => void,
  now: () => number = () => performance.now(),
): (line: string) => void {
  let span_started_at_ms = -Infinity;
  let shown = 0;

  function showBounded(text: string): void {
    if (now() - span_started_at_ms > SHOWN_SPAN_MS) [span_started_at_ms, shown] = [now(), 0];
    shown++;
    if (shown <= SHOWN_LINES_MAX) show(`${name}: ${text}`);
    else if (shown === SHOWN_LINES_MAX + 1) show(`${name}: more lines follow in its log`);
  }

  return (line) => {
    const fields = logLine(line);
    // What is no log line comes from Deno itself: an uncaught error, a refused permission.
    if (fields === null) {
      // The lines of its stack are for the log file.
      if (line.trim() !== "" && !line.startsWith("    at ")) showBounded(line);
      return;
    }
    const announcement = announcementIn(fields);
    if (announcement !== null) onAnnounced(announcement);
    if (fields.level === "warn" || fields.level === "error") showBounded(lineText(fields));
  };
}

type Fields = { readonly [name: string]: unknown };

function logLine(line: string): Fields | null {
  if (!line.startsWith("{")) return null;
  try {
    return JSON.parse(line) as Fields;
  } catch {
    // A brace begins other text too.
    return null;
  }
}

function announcementIn(fields: Fields): Announcement | null {
  if (fields.event !== "listening") return null;
  if (typeof fields.operations_url === "string") {
    return { door: "operations", url: fields.operations_url };
  }
  if (typeof fields.door === "string" && typeof fields.url === "string") {
    return { door: fields.door, url: fields.url };
  }
  return null;
}

function lineText(fields: Fields): string {
  const error = typeof fields.error === "string" ? `: ${fields.error}` : "";
  return `${fields.level} ${fields.message}${error}`;
}
