import { deepStrictEqual, doesNotMatch, strictEqual } from "node:assert/strict";
import { exporterEnvironment } from "./postgres_exporter.ts";

const query = (database_url: string): URLSearchParams =>
  new URL(exporterEnvironment(database_url).DATA_SOURCE_NAME!).searchParams;

Deno.test("user and password are not in the URL that the exporter may log", () => {
  const urls = [
    "postgres://some%20one:ge%3Ahe%2Cim%20@db.example:5433/market",
    "postgres://db.example:5433/market?user=some+one&password=ge%3Ahe%2Cim+",
  ];
  for (const url of urls) {
    const { DATA_SOURCE_NAME, PGUSER, PGPASSWORD } = exporterEnvironment(url);
    deepStrictEqual({ PGUSER, PGPASSWORD }, { PGUSER: "some one", PGPASSWORD: "ge:he,im " });
    doesNotMatch(DATA_SOURCE_NAME!, /some|ge%3A|ge:|@/);
    const { protocol, host, pathname } = new URL(DATA_SOURCE_NAME!);
    deepStrictEqual([protocol, host, pathname], ["postgres:", "db.example:5433", "/market"]);
  }
});

Deno.test("TLS is as our own client has it: none where none is asked for", () => {
  strictEqual(query("postgres://a:b@c/d").get("sslmode"), "disable");
  strictEqual(query("postgres://a:b@c/d?sslmode=verify-full").get("sslmode"), "verify-full");
  strictEqual(query("postgres://a:b@c/d?sslmode=prefer").get("sslmode"), "require");
});

Deno.test("the exporter's sessions can't write, nor wait for long, whatever the URL says", () => {
  const parameters = query("postgres://a:b@c/d?statement_timeout=0&sslrootcert=/ca.pem");
  strictEqual(parameters.get("default_transaction_read_only"), "on");
  strictEqual(parameters.get("statement_timeout"), "2000");
  strictEqual(parameters.get("sslrootcert"), "/ca.pem");
});

Deno.test("a comma does not part the URL into two, which the exporter would take it for", () => {
  doesNotMatch(exporterEnvironment("postgres://a:b@c/d,e").DATA_SOURCE_NAME!, /,/);
});
