/** Holds docker-compose.yml against what the project says elsewhere. Pure. */
import { SERVICE_NAMES, type ServiceName } from "../../contract/pipeline.ts";
import { type SettingTable, variablesOf } from "../../runtime/config.ts";
import { serviceCommand } from "../service_command.ts";
import type { ComposeModel, ComposeService } from "./compose_model.ts";

/** Where the image has the repository; the brokers that Kafka names are the ones it is found by. */
const IMAGE_ROOT = "/app/";

/** What is to be known beside the file. */
export interface ComposeContext {
  /** Tables of services by name, and of the step that makes the topics. */
  tables: { readonly [service: string]: SettingTable };
  /** Whether a file or a directory of the repository is there, by its absolute path. */
  exists(path: string): boolean;
  /** The repository's root, with a slash at its end. */
  root: string;
  /** host:port of all that Prometheus scrapes, with its label `service`. */
  targets: readonly { address: string; service: string }[];
}

/**
 * What is wrong with the file.
 *
 * @param model The file, as Compose reads it.
 * @param context What is to be known beside it.
 * @returns A sentence each.
 */
export function composeFaults({ services }: ComposeModel, context: ComposeContext): string[] {
  const missing = SERVICE_NAMES.filter((name) => !(name in services))
    .map((name) => `service ${name} of contract/pipeline.ts is not there`);
  const of_services = Object.entries(services).flatMap(([name, service]) =>
    [
      ...imageFaults(service),
      ...privilegeFaults(service),
      ...limitFaults(service),
      ...orderFaults(service, services),
      ...mountFaults(service, context),
      ...portFaults(service),
      ...(isOneShot(name, services) || service.profiles?.length || hasHealthCheck(service)
        ? []
        : ["has no health check"]),
      ...(name in context.tables
        ? ownFaults(name, service, context.tables[name]!, context.root)
        : []),
    ].map((fault) => `${name} ${fault}`)
  );
  return [...missing, ...of_services, ...targetFaults(services, context)];
}

function imageFaults({ image }: ComposeService): string[] {
  const tag = /:([\w.-]+)$/.exec(image ?? "")?.[1];
  return tag === undefined || tag === "latest" ? [`is of no certain release: ${image}`] : [];
}

function privilegeFaults(service: ComposeService): string[] {
  return [
    ...(service.cap_drop?.includes("ALL") ? [] : ["keeps capabilities"]),
    ...(service.security_opt?.includes("no-new-privileges:true") ? [] : ["may gain privileges"]),
    ...(service.privileged ? ["is privileged"] : []),
  ];
}

function limitFaults({ mem_limit, cpus, pids_limit }: ComposeService): string[] {
  return Object.entries({ mem_limit, cpus, pids_limit })
    .filter(([, limit]) => !(parseFloat(String(limit)) > 0))
    .map(([name]) => `has no ${name}`);
}

function orderFaults(
  { depends_on = {} }: ComposeService,
  services: ComposeModel["services"],
): string[] {
  return Object.entries(depends_on)
    .filter(([name, { condition }]) =>
      condition === "service_healthy" && !hasHealthCheck(services[name])
    )
    .map(([name]) => `waits for the health of ${name}, which has no health check`);
}

function mountFaults({ volumes = [] }: ComposeService, { exists }: ComposeContext): string[] {
  return volumes.filter(({ type }) => type === "bind").flatMap(({ source, read_only }) => [
    ...(exists(source) ? [] : [`mounts ${source}, which is not there`]),
    ...(read_only ? [] : [`may write to ${source}`]),
  ]);
}

function portFaults({ ports = [] }: ComposeService): string[] {
  return ports.filter(({ host_ip }) => host_ip !== "127.0.0.1")
    .map(({ published }) => `is open to the network on port ${published}`);
}

/** One of ours: what it is told, and what it may do. */
function ownFaults(
  name: string,
  service: ComposeService,
  table: SettingTable,
  root: string,
): string[] {
  const { environment = {}, command, read_only } = service;
  const known = variablesOf(table);
  const faults = [
    ...Object.keys(environment).filter((variable) => !known.includes(variable))
      .map((variable) => `is given ${variable}, which it does not know`),
    ...(read_only ? [] : ["can write to its own files"]),
    ...(command?.some((word) => /^(-A|--allow-all|--allow-run|--allow-ffi)/.test(word))
      ? ["may do everything"]
      : []),
  ];
  if (!(SERVICE_NAMES as readonly string[]).includes(name)) return faults;
  const wanted = containerCommand(name as ServiceName, environment, root);
  if (JSON.stringify(wanted) === JSON.stringify(command)) return faults;
  const lines = wanted.map((word) => `      - ${word}`).join("\n");
  return [...faults, `has another command than its environment calls for:\n${lines}`];
}

/**
 * A service's command in its container.
 *
 * @param name Which service.
 * @param environment What it is given.
 * @param root The repository's root here, with a slash at its end.
 */
export function containerCommand(
  name: ServiceName,
  environment: { readonly [variable: string]: string | null },
  root: string,
): string[] {
  const given = Object.fromEntries(
    Object.entries(environment).map(([variable, value]) => [variable, value ?? undefined]),
  );
  const [, ...words] = serviceCommand(name, given, []).command;
  return ["deno", ...words.map((word) => word.replaceAll(root, IMAGE_ROOT))];
}

function targetFaults(
  services: ComposeModel["services"],
  { targets }: ComposeContext,
): string[] {
  const scraped = targets.map(({ service }) => service);
  return [
    ...SERVICE_NAMES.filter((name) => !scraped.includes(name))
      .map((name) => `${name} is not scraped`),
    ...targets.flatMap(({ address, service }) => {
      const [host, port] = address.split(":");
      const found = services[host!];
      if (found === undefined) return [`${address} is scraped, and there is no service ${host}`];
      const is_ours = (SERVICE_NAMES as readonly string[]).includes(host!);
      return [
        ...(listensOn(found).has(Number(port)) ? [] : [`${host} does not listen on ${port}`]),
        ...(is_ours && host !== service ? [`${host} is scraped as ${service}`] : []),
      ];
    }),
  ];
}

/** The ports that the file shows a service to listen on. */
function listensOn({ ports = [], healthcheck, environment = {} }: ComposeService): Set<number> {
  const asked = [...healthcheck?.test?.join(" ").matchAll(/127\.0\.0\.1:(\d+)/g) ?? []];
  const agent = /-javaagent:[^=]+=(\d+):/.exec(environment.KAFKA_OPTS ?? "");
  return new Set([
    ...ports.map(({ target }) => target),
    ...asked.map(([, port]) => Number(port)),
    ...(agent === null ? [] : [Number(agent[1])]),
    Number(environment.TAPELINE_OPERATIONS_PORT ?? NaN),
  ]);
}

function hasHealthCheck(service: ComposeService | undefined): boolean {
  const { test = [], disable } = service?.healthcheck ?? {};
  return disable !== true && test.length > 1;
}

/** Whether others wait for its end: it has no health. */
function isOneShot(name: string, services: ComposeModel["services"]): boolean {
  return Object.values(services).some(({ depends_on }) =>
    depends_on?.[name]?.condition === "service_completed_successfully"
  );
}
