/** Source `http`: POST /ticks, answered when Kafka has acknowledged what was accepted. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Context, Hono } from "hono";
import { decodeJson, farFutureFault, type Fault, tickFault } from "../../../contract/tick.ts";
import { withDeadline } from "../../../runtime/backoff.ts";
import { errorFields } from "../../../runtime/log.ts";
import {
  exemplarOf,
  failSpan,
  openSpan,
  sampledContext,
  sampledOf,
  type Span,
  type SpanContext,
  within,
} from "../../../runtime/spans.ts";
import { serveApp } from "../../../runtime/operations_server.ts";
import type { Load } from "../load.ts";
import { bodyKind, decodeBody, readBody } from "./http_body.ts";
import type { Door, OpenSource, SourceContext } from "./source.ts";

const SOURCE = "http";
/** Requests whose bodies are being read or that wait for Kafka; more are told to come again. */
const REQUESTS_MAX = 1_000;
const BODY_DEADLINE_MS = 10_000;
/** A bad request names so many of its bad ticks, and counts the others. */
const REFUSED_SHOWN_MAX = 100;
const RETRY_AFTER_S = 1;
const ROUTES = ["/ticks", "/markers"];

/** What the HTTP door needs to know. */
export interface HttpDoorOptions {
  /** Bearer token that requests must carry; null: none. */
  token: string | null;
  body_bytes_max: number;
  /** Most ticks in a request: what the queue can hold. */
  request_ticks_max: number;
  /** How long to wait for Kafka. */
  confirm_deadline_ms: number;
  now?: () => number;
  /** Told of each request that was answered. */
  onAnswered?: (answered: AnsweredRequest) => void;
}

/** A request that was answered. */
export interface AnsweredRequest {
  route: string;
  status: number;
  duration_seconds: number;
  span: Span;
}

/** One bad tick of a request. */
interface Refused extends Fault {
  /** Its place among the request's ticks, from 0. */
  index: number;
}

/**
 * The HTTP door's routes, without a server: tests call `.request()` on it.
 *
 * @param door Where ticks are handed over.
 * @param options Token and limits.
 */
export function httpDoorApp(door: Door, options: HttpDoorOptions): Hono<RequestVariables> {
  const { token, now = Date.now } = options;
  const app = new Hono<RequestVariables>();
  let under_way = 0;

  // Outermost: who is turned away is measured too.
  app.use((context, next) => traced(context, next, options.onAnswered));
  app.use(async (context, next) => {
    if (token !== null && !carriesToken(context.req.header("authorization"), token)) {
      context.header("www-authenticate", "Bearer");
      return context.json({ error: "The bearer token is missing or is not the one set" }, 401);
    }
    if (under_way >= REQUESTS_MAX) return comeAgain(context, "too many requests are under way");
    under_way++;
    try {
      return await next();
    } finally {
      under_way--;
    }
  });

  app.post("/ticks", async (context) => {
    const body = await bodyOf(context, options.body_bytes_max);
    if (body instanceof Response) return body;
    const decoded = decodeBody(body.kind, body.bytes);
    if (decoded.length > options.request_ticks_max) {
      const most = options.request_ticks_max;
      return context.json({
        error: `The request holds ${decoded.length} ticks and may hold ${most}: send fewer at once`,
      }, 413);
    }
    const judged = judge(door, decoded);
    if (judged.ticks.length > 0) {
      const trace = context.get("trace");
      const answer = await confirm(context, (confirmed) => ({
        kind: "ticks",
        ticks: judged.ticks,
        confirmed,
        ...(trace === null ? {} : { trace }),
      }));
      if (answer) {
        if (answer.status === 429) door.countOverflow(judged.ticks.length);
        return answer;
      }
    }
    const accepted = judged.ticks.length;
    if (judged.refused.length === 0) return context.json({ accepted }, 202);
    return context.json({
      accepted,
      refused: judged.refused.slice(0, REFUSED_SHOWN_MAX),
      refused_count: judged.refused.length,
    }, 400);
  });

  app.post("/markers", async (context) => {
    const body = await bodyOf(context, options.body_bytes_max);
    if (body instanceof Response) return body;
    const decoded = decodeJson(body.bytes);
    const marker = "fault" in decoded ? decoded : readMarker(decoded.value, now());
    if ("fault" in marker) {
      return context.json({ error: marker.fault.message, reason: marker.fault.reason }, 400);
    }
    const answer = await confirm(context, (confirmed) => ({
      kind: "marker",
      source: SOURCE,
      ...marker,
      confirmed,
    }));
    return answer ?? context.json({ marked: true }, 202);
  });

  app.notFound((context) =>
    context.json({ error: "There is POST /ticks and POST /markers, and nothing else" }, 404)
  );

  /** Queues a load and waits for Kafka. Null when it is confirmed, else the answer to give. */
  async function confirm(
    context: Context,
    loadOf: (confirmed: () => void) => Load,
  ): Promise<Response | null> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (!door.offer(loadOf(resolve))) return comeAgain(context, "the queue is full");
    try {
      await withDeadline(promise, options.confirm_deadline_ms, "Sending to Kafka");
      return null;
    } catch (error) {
      return context.json({
        error: `The outcome is unknown: ${(error as Error).message}. What was sent may still be ` +
          "stored; sending it again may store it twice",
      }, 503);
    }
  }

  return app;
}

/** What a request's handlers know of it. */
interface RequestVariables {
  Variables: {
    /** The sampled trace that it belongs to. */
    trace: SpanContext | null;
  };
}

/**
 * Answers a request within its span, by the conventions for HTTP servers
 * (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). A caller's sampled trace goes on;
 * others are sampled by our ratio.
 */
async function traced(
  context: Context<RequestVariables>,
  next: () => Promise<void>,
  onAnswered: HttpDoorOptions["onAnswered"],
): Promise<void> {
  const started_at_ms = performance.now();
  const { method, path } = context.req;
  const caller = sampledContext(context.req.header("traceparent"));
  const route = ROUTES.includes(path) ? path : "other";
  const span = openSpan(`${method} ${route}`, {
    kind: "SERVER",
    parent: caller ?? undefined,
    attributes: { "http.request.method": method, "http.route": route },
  });
  context.set("trace", sampledOf(span));
  await within(span, async () => {
    await next();
    const { status } = context.res;
    span.setAttribute("http.response.status_code", status);
    if (status >= 500) failSpan(span, new Error(`answered ${status}`));
    const duration_seconds = (performance.now() - started_at_ms) / 1_000;
    onAnswered?.({ route, status, duration_seconds, span });
  });
}

function comeAgain(context: Context, why: string): Response {
  context.header("retry-after", String(RETRY_AFTER_S));
  return context.json({ error: `Nothing was taken: ${why}. Send it again later` }, 429);
}

/** Digests have one length, and comparing them tells nothing by its duration. */
function carriesToken(authorization: string | undefined, token: string): boolean {
  const given = /^bearer +(.+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

async function bodyOf(
  context: Context,
  bytes_max: number,
): Promise<{ kind: "json" | "ndjson"; bytes: Uint8Array } | Response> {
  const kind = bodyKind(context.req.header("content-type") ?? null);
  if (kind === null) {
    return context.json({
      error: "The content type must be application/json or application/x-ndjson",
    }, 415);
  }
  const too_large = (): Response =>
    context.json({ error: `The body has more than ${bytes_max} bytes: send fewer at once` }, 413);
  if (Number(context.req.header("content-length") ?? 0) > bytes_max) return too_large();
  try {
    const { body } = context.req.raw;
    const bytes = await readBody(body, bytes_max, AbortSignal.timeout(BODY_DEADLINE_MS));
    return bytes === null ? too_large() : { kind, bytes };
  } catch (error) {
    const message = (error as Error).message;
    return context.json({ error: `The body could not be read: ${message}` }, 408);
  }
}

function judge(
  door: Door,
  decoded: ReturnType<typeof decodeBody>,
): { ticks: ReturnType<Door["admit"]>["ticks"]; refused: Refused[] } {
  const values: unknown[] = [];
  const places: number[] = [];
  const refused: Refused[] = [];
  decoded.forEach((entry, index) => {
    if ("fault" in entry) {
      refused.push({ index, ...entry.fault });
    } else {
      values.push(entry.value);
      places.push(index);
    }
  });
  door.countMalformed(refused);
  const admission = door.admit(SOURCE, values);
  for (const { index, fault } of admission.refused) {
    refused.push({ index: places[index]!, ...fault });
  }
  refused.sort((left, right) => left.index - right.index);
  return { ticks: admission.ticks, refused };
}

/**
 * `{"event_time": ms}`. Callers come and go and share one source, which never ends: after an end
 * every later tick of it would be late.
 */
function readMarker(
  value: unknown,
  now_ms: number,
): { event_time: number; ended: false } | { fault: Fault } {
  const refuse = (message: string): { fault: Fault } => ({
    fault: { reason: "marker_malformed", message },
  });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse('A marker must be an object: {"event_time": ms}');
  }
  const { event_time, ended } = value as { [field: string]: unknown };
  if (ended !== undefined) {
    return refuse(
      `The source ${SOURCE} never ends, so that ended can't be said of it: send {"event_time": ms} ` +
        "with the time that no later tick will be before, which closes the windows up to there",
    );
  }
  if (event_time === undefined) {
    return refuse('A marker must say what event time is reached: {"event_time": ms}');
  }
  // A marker's time is bound by what a tick's is: it moves watermarks as a tick does.
  const fault =
    tickFault({ symbol: "-", price: 1, volume: 0, timestamp: event_time, source: "-" }) ??
      farFutureFault(event_time as number, now_ms);
  if (fault) return refuse(fault.message.replace("timestamp", "event_time"));
  return { event_time: event_time as number, ended: false };
}

/** Listens for ticks. */
export const openHttp: OpenSource = (context: SourceContext) => {
  const { config, door, log, stopping } = context;
  const app = httpDoorApp(door, {
    token: config.http_token,
    body_bytes_max: config.http_body_bytes_max,
    request_ticks_max: config.queue_ticks,
    confirm_deadline_ms: config.http_confirm_deadline_ms,
    onAnswered({ route, status, duration_seconds, span }) {
      context.metrics.http_duration.observe({
        labels: { route, status: String(status) },
        value: duration_seconds,
        ...(sampledOf(span) === null ? {} : exemplarOf(span)),
      });
    },
  });
  app.onError((error, answer) => {
    context.metrics.errors.inc({ kind: "http_request" });
    log.error("a request failed", { event: "request_failed", ...errorFields(error) });
    return answer.json({ error: "The request failed here; the log says why" }, 500);
  });
  const server = serveApp(app, config.http_host, config.http_port);
  log.info("listening", { event: "listening", door: SOURCE, url: server.url });
  return Promise.resolve({
    missing: () => [],
    async run() {
      if (!stopping.aborted) {
        await new Promise<void>((resolve) =>
          stopping.addEventListener("abort", () => resolve(), { once: true })
        );
      }
      // Requests under way get their answers: the queue is sent on meanwhile.
      await server.stop();
    },
  });
};
