/**
 * Real servers behind proxies, for fault tests: services → Toxiproxy (a bad network) → a proxy that
 * reads the protocol (faults at a chosen moment) → the server. Whoever judges the outcome goes to
 * the servers themselves.
 */
import { type LocalKafka, startKafka } from "../local/kafka_server.ts";
import { type LocalPostgres, startPostgres } from "../local/postgres_server.ts";
import { withTestDirectory } from "../local/test_servers.ts";
import { LOOPBACK } from "../local/free_port.ts";
import { type KafkaProxy, startKafkaProxy } from "./kafka_proxy.ts";
import { startStatementProxy, type StatementProxy } from "./statement_proxy.ts";
import { startToxiproxy, type ToxicProxy } from "./toxiproxy.ts";

/** The servers, and what can be done to them. */
export interface FaultServers {
  data_dir: string;
  kafka: LocalKafka;
  postgres: LocalPostgres;
  /** host:port of Kafka as the services see it. */
  proxied_bootstrap: string;
  frames: KafkaProxy;
  statements: StatementProxy;
  kafka_network: ToxicProxy;
  postgres_network: ToxicProxy;
  /** A database URL as the services see it. */
  proxiedUrl(database_url: string): string;
}

const NEVER = new AbortController().signal;

/**
 * Runs a test with servers behind proxies, and stops all of it whatever comes of it.
 *
 * @param test What to do with them.
 * @param progress Told what is fetched or built first.
 */
export async function withFaultServers<Result>(
  test: (servers: FaultServers) => Promise<Result>,
  progress: (text: string) => void = () => {},
): Promise<Result> {
  return await withTestDirectory(async (data_dir) => {
    await using opened = new AsyncDisposableStack();
    const toxiproxy = await startToxiproxy(data_dir, progress);
    opened.defer(() => toxiproxy.stop());

    let kafka: LocalKafka | null = null;
    // The broker's second listener is anywhere, and elsewhere after each restart.
    const frames = startKafkaProxy(() => kafka!.proxied_port()!);
    opened.defer(() => frames.close());
    const kafka_network = await toxiproxy.proxy("kafka", frames.port);
    kafka = await startKafka({
      data_dir,
      port: null,
      advertised_port: kafka_network.port,
      progress,
      stopping: NEVER,
    });
    opened.defer(() => kafka!.stop());

    const postgres = await startPostgres({ data_dir, port: null });
    opened.defer(() => postgres.stop());
    const statements = startStatementProxy(postgres.port);
    opened.defer(() => statements.close());
    const postgres_network = await toxiproxy.proxy("postgres", statements.port);

    return await test({
      data_dir,
      kafka,
      postgres,
      proxied_bootstrap: `${LOOPBACK}:${kafka_network.port}`,
      frames,
      statements,
      kafka_network,
      postgres_network,
      proxiedUrl(database_url) {
        const url = new URL(database_url);
        url.port = String(postgres_network.port);
        return url.href;
      },
    });
  });
}
