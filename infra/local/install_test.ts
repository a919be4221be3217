/** The readers of what other programs print, and the names of links. */
import assert from "node:assert/strict";
import { downloadedBytes, javaMajorVersion } from "./kafka_install.ts";
import { serverProperties } from "./kafka_server.ts";
import { obstacleIn } from "./local_server.ts";
import { relativeTo } from "./postgres_binaries.ts";

Deno.test("the major version of Java is read from old and new ways of telling it", () => {
  assert.equal(javaMajorVersion('openjdk version "17.0.15" 2025-04-15'), 17);
  assert.equal(javaMajorVersion('java version "1.8.0_292"'), 8);
  assert.equal(javaMajorVersion('openjdk version "21" 2023-09-19'), 21);
  assert.equal(javaMajorVersion("no such thing"), null);
});

Deno.test("what Maven has fetched is read from its lines", () => {
  const line = (size: string): string =>
    `[INFO] Downloaded from central: https://x/y.jar (${size})`;
  assert.equal(downloadedBytes(line("25 kB at 32 kB/s")), 25_000);
  assert.equal(downloadedBytes(line("5.3 MB at 1.1 MB/s")), 5_300_000);
  assert.equal(downloadedBytes(line("512 B at 1 kB/s")), 512);
  assert.equal(downloadedBytes("[INFO] Downloading from central: https://x/y.jar"), null);
});

Deno.test("what kept a server from starting is read from its log", () => {
  assert.equal(obstacleIn("java.net.BindException: Address already in use"), "port");
  assert.equal(obstacleIn("FATAL:  could not create any TCP/IP sockets"), "port");
  assert.equal(obstacleIn("FATAL:  pre-existing shared memory block (key 1)"), "dying");
  assert.equal(obstacleIn("something else"), "unknown");
});

Deno.test("a link names its destination from its own directory", () => {
  assert.equal(relativeTo("native/lib", "native/lib/libpq.so.5.17"), "libpq.so.5.17");
  assert.equal(relativeTo("native/bin", "native/lib/x.so"), "../lib/x.so");
});

Deno.test("Kafka listens on loopback only, at the ports it is given", () => {
  const listeners = /^listeners=(.*)$/m.exec(serverProperties("/d", 1, 2))?.[1];
  assert.equal(listeners, "PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2");
});
