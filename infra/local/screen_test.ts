import assert from "node:assert/strict";
import { createScreen, PIPED_INTERVAL_MS } from "./screen.ts";

Deno.test("on a terminal, lines go above the living line, which never wraps", () => {
  let out = "";
  const screen = createScreen({
    is_terminal: true,
    columns: () => 11,
    now: () => 0,
    write: (text) => out += text,
  });
  screen.live("0123456789abc");
  screen.print("stays");
  screen.live("");
  assert.equal(
    out,
    "\r\x1b[2K0123456789" + "\r\x1b[2Kstays\n0123456789" + "\r\x1b[2K",
  );
});

Deno.test("where output is piped, the living line is a plain line now and then", () => {
  let [out, now] = ["", 0];
  const screen = createScreen({
    is_terminal: false,
    columns: () => 10,
    now: () => now,
    write: (text) => out += text,
  });
  screen.live("too soon");
  now = PIPED_INTERVAL_MS;
  screen.live("the first of ten seconds");
  now += PIPED_INTERVAL_MS - 1;
  screen.live("too soon again");
  screen.print("a line");
  assert.equal(out, "the first of ten seconds\na line\n");
});

Deno.test({
  name: "an output that takes nothing, such as a file on a full disk, ends nothing",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const start = new URL("./start.ts", import.meta.url).pathname;
    const script = 'exec "$0" run --allow-all "$1" --help >/dev/full';
    const { code, stderr } = await new Deno.Command("sh", {
      args: ["-c", script, Deno.execPath(), start],
    }).output();
    assert.equal(new TextDecoder().decode(stderr), "");
    assert.equal(code, 0);
  },
});
