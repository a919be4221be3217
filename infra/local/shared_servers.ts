/** For tests: servers that all tests of a file share, started before its first and stopped at its end. */
import { type TestServerOptions, type TestServers, withServers } from "./test_servers.ts";

/**
 * Has the servers started for the tests of this file: those of a test alone cost more than the test.
 *
 * @param options Which servers.
 * @returns Gives them, within a test.
 */
export function sharedServers(options: TestServerOptions): () => TestServers {
  const started = Promise.withResolvers<TestServers>();
  const over = Promise.withResolvers<void>();
  let servers: TestServers;
  let run: Promise<void>;
  Deno.test.beforeAll(async () => {
    run = withServers(options, async (each) => {
      started.resolve(each);
      await over.promise;
    });
    run.catch(started.reject);
    servers = await started.promise;
  });
  Deno.test.afterAll(async () => {
    over.resolve();
    await run;
  });
  return () => servers;
}
