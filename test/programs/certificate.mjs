/** A certificate that signs itself, made by openssl for both ends' addresses. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Writes key.pem and cert.pem into `folder`; returns their contents and names. */
export function makeCertificate(folder) {
  const keyFile = join(folder, "key.pem");
  const certFile = join(folder, "cert.pem");
  const names = "subjectAltName=IP:10.77.0.1,IP:10.77.0.2,IP:127.0.0.1,IP:fd77::1,IP:fd77::2,DNS:localhost";
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const what = ["-x509", ...curve, "-nodes", "-days", "2", "-subj", "/CN=usertcp.test", "-addext", names];
  execFileSync("openssl", ["req", ...what, "-keyout", keyFile, "-out", certFile], { stdio: "pipe" });
  return { key: readFileSync(keyFile), cert: readFileSync(certFile), keyFile, certFile };
}
