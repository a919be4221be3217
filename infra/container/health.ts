/**
 * A container's health check: exit 0 where the URL of the first argument answers that it is ready,
 * 1 where it does not. What it answers is printed, for `docker inspect` to show.
 */
const DEADLINE_MS = 3_000;

const [url = ""] = Deno.args;
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(DEADLINE_MS) });
  console.log(await response.text());
  Deno.exit(response.ok ? 0 : 1);
} catch (error) {
  console.log(`${url} does not answer: ${(error as Error).message}`);
  Deno.exit(1);
}
