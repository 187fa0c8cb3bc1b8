// nginx and Caddy with the configuration files of docs/operations, taken as they are but for addresses and certificates.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const HOST = "backups.example.com";
const DOCUMENTED = join(dirname(fileURLToPath(import.meta.url)), "../../docs/operations");
const START_LIMIT_MS = 30_000;
// Debian keeps nginx here, which is not in everybody's PATH.
const PATH = `${process.env.PATH}:/usr/sbin`;

/** Starts `name` in front of a console on `port`. */
export async function startProxy(name, port) {
  const proxy = new Proxy(await freePort());
  try {
    await { nginx, caddy }[name](proxy, port);
    await proxy.untilItListens();
  } catch (error) {
    await proxy.remove();
    throw error;
  }
  return proxy;
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Proxy {
  constructor(port) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), "backups-proxy-"));
    this.log = "";
  }

  path(name) {
    return join(this.folder, name);
  }

  run(program, args) {
    this.process = spawn(program, args, { env: { ...process.env, PATH, HOME: this.folder }, stdio: ["ignore", "pipe", "pipe"] });
    this.process.on("error", (error) => (this.log += `${error}\n`));
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (chunk) => (this.log += chunk));
    this.ended = new Promise((resolve) => this.process.once("close", resolve));
  }

  async untilItListens() {
    for (const begin = Date.now(); Date.now() - begin < START_LIMIT_MS; ) {
      const listens = await new Promise((resolve) => {
        const socket = connect(this.port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
        socket.on("close", () => resolve(false));
        setTimeout(() => socket.destroy(), 200);
      });
      if (listens) return;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the proxy did not start (cargo xtask setup installs it): ${this.log}`);
  }

  async remove() {
    if (this.process?.pid && this.process.exitCode === null) {
      this.process.kill("SIGTERM");
      await this.ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Puts the test's values where the documented ones stand; each must be there. */
function documented(file, replacements) {
  let text = readFileSync(join(DOCUMENTED, file), "utf8");
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`${file} no longer has ${from}`);
    text = text.replaceAll(from, to);
  }
  return text;
}

async function nginx(proxy, port) {
  const [certificate, key] = [proxy.path("fullchain.pem"), proxy.path("privkey.pem")];
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${HOST}`, "-addext", `subjectAltName=DNS:${HOST},DNS:*.${HOST}`, "-keyout", key, "-out", certificate],
  ], { stdio: "ignore" });
  proxy.certificate = certificate;
  const site = documented("nginx.conf", [
    ["listen 443 ssl;", `listen 127.0.0.1:${proxy.port} ssl;`],
    ["server 127.0.0.1:3000;", `server 127.0.0.1:${port};`],
    ["/etc/ssl/backups/fullchain.pem", certificate],
    ["/etc/ssl/backups/privkey.pem", key],
  ]);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `${kind}_temp_path ${proxy.path(kind)};`);
  writeFileSync(
    proxy.path("nginx.conf"),
    `daemon off; pid ${proxy.path("pid")}; error_log stderr warn; events {}
     http { access_log off; ${temporary.join(" ")} ${site} }`,
  );
  proxy.run("nginx", ["-e", "stderr", "-p", proxy.folder, "-c", proxy.path("nginx.conf")]);
}

async function caddy(proxy, port) {
  const site = documented("Caddyfile", [["127.0.0.1:3000", `127.0.0.1:${port}`]]);
  const options = [
    "admin off",
    "local_certs",
    "skip_install_trust",
    "auto_https disable_redirects",
    `http_port ${await freePort()}`,
    `https_port ${proxy.port}`,
    `storage file_system ${proxy.path("storage")}`,
  ];
  writeFileSync(proxy.path("Caddyfile"), `{\n${options.join("\n")}\n}\n${site}`);
  proxy.certificate = proxy.path("storage/pki/authorities/local/root.crt");
  proxy.run("caddy", ["run", "--config", proxy.path("Caddyfile"), "--adapter", "caddyfile"]);
}
