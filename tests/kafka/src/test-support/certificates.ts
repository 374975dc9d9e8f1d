import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** An authority of a test's own, and a broker's certificate by it for 127.0.0.1: paths of PEM files. */
export function makeCertificates(folder: string): { readonly ca: string; readonly keyStore: string } {
  const at = (name: string) => join(folder, name);
  const openssl = (...args: readonly string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const key = ["-newkey", "rsa:2048", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2", "-subj", "/CN=tests");
  openssl("req", ...key, "-keyout", at("broker.key"), "-out", at("broker.csr"), "-subj", "/CN=127.0.0.1");
  writeFileSync(at("names.cnf"), "subjectAltName=IP:127.0.0.1\n");
  const signing = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("names.cnf")];
  openssl("x509", "-req", "-in", at("broker.csr"), "-out", at("broker.pem"), "-days", "2", ...signing);
  const parts = ["broker.key", "broker.pem", "ca.pem"].map((name) => readFileSync(at(name), "utf8"));
  writeFileSync(at("keystore.pem"), parts.join(""));
  return { ca: at("ca.pem"), keyStore: at("keystore.pem") };
}
