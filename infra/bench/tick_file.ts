/** Ticks as a file: what our replay reads, and the bare loops that are held against it. */
import { makeTicks, type TickShape } from "./tick_topic.ts";

const HEADER = "symbol,timestamp,price,volume,trade_id\n";
const PIECE_LINES = 10_000;

/** Writes ticks as a CSV file that `--source replay` takes. */
export async function writeTicks(path: string, shape: TickShape): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  const encoder = new TextEncoder();
  let text = HEADER;
  let lines = 0;
  for (const { symbol, timestamp, price, volume, trade_id } of makeTicks(shape)) {
    text += `${symbol},${timestamp},${price},${volume},${trade_id}\n`;
    if (++lines % PIECE_LINES !== 0) continue;
    await writer.write(encoder.encode(text));
    text = "";
  }
  await writer.write(encoder.encode(text));
}
