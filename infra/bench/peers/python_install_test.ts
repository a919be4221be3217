import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { peerFile, versionOf } from "./python_install.ts";

const PEERS = { quix: "quixstreams", faust: "faust-streaming", pyflink: "apache-flink" };

Deno.test("a package's version is that of its own line", () => {
  const requirements = "apache-flink-libraries==2.2.0\napache-flink==2.2.1\nfaust==1\n";
  strictEqual(versionOf(requirements, "apache-flink"), "2.2.1");
  strictEqual(versionOf(requirements, "apache"), null);
});

Deno.test("every package of a Python peer is pinned to one version, the peer's own among them", async () => {
  for (const [peer, own] of Object.entries(PEERS)) {
    const text = await Deno.readTextFile(peerFile(peer, "requirements.txt"));
    const lines = text.trim().split("\n");
    for (const line of lines) match(line, /^[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*$/, peer);
    const names = lines.map((line) => line.split("==")[0]!.toLowerCase());
    deepStrictEqual(names.length, new Set(names).size, peer);
    strictEqual(names.includes(own), true, peer);
  }
});
