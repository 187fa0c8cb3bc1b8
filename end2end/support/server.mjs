// The real binary with a data folder of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const START_LIMIT_MS = 60_000;

export const ADMINISTRATOR = { email: "joe@example.com", password: "a quiet harbour at dawn" };
export const COLLEAGUE = { email: "ann@example.com", password: "nine green bottles of ink" };

export async function startServer({
  data = mkdtempSync(join(tmpdir(), "backups-console-")),
  demo = true,
  projectNames = ["acme"],
  configuration = undefined,
  port = 0,
} = {}) {
  const server = new Server(data, demo && !configuration, projectNames, configuration);
  await server.start({ port });
  return server;
}

class Server {
  /** `configuration` is the text of a configuration file, in place of demo and projects. */
  constructor(data, demo, projectNames, configuration) {
    this.configuration = configuration;
    this.data = data;
    this.demo = demo;
    this.projectNames = projectNames;
  }

  /** `port` is that of a former start, for clients that come back. */
  async start({ port = 0 } = {}) {
    const args = ["serve", ...this.projects(), "--data", this.data, "--listen", `127.0.0.1:${port}`];
    this.process = spawn(process.env.BACKUPS_CONSOLE_BINARY, args, {
      env: { ...process.env, LEPTOS_SITE_ROOT: process.env.BACKUPS_CONSOLE_SITE },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.log = "";
    this.process.stderr.on("data", (chunk) => (this.log += chunk));
    this.setupLink = undefined;
    const lines = createInterface({ input: this.process.stdout });
    const listening = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        const setup = line.match(/https?:\/\/\S+\/setup\?token=\S+/);
        if (setup) this.setupLink = setup[0];
        const console = line.match(/^The console is at (https?:\/\/\S+)$/);
        if (console) resolve(console[1].replace(/\/$/, ""));
      });
      this.process.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${this.log}`)));
      setTimeout(() => reject(new Error(`the server did not start: ${this.log}`)), START_LIMIT_MS).unref();
    });
    this.url = await listening;
  }

  /** The demo project with its samples, or empty projects of one environment, `prd`. */
  projects() {
    if (this.demo) return ["--demo"];
    const file = join(this.data, "backups-console.toml");
    const project = (name) => `[[projects]]\nname = "${name}"\nenvironments = ["prd"]\nproduction = ["prd"]\n`;
    writeFileSync(file, this.configuration ?? this.projectNames.map(project).join(""));
    return ["--config", file];
  }

  get port() {
    return new URL(this.url).port;
  }

  /** The base address of an environment's backup service, as the documentation has it but for scheme and domain. */
  service(environment) {
    return `http://backup-lfrjoebloggs-${environment}.localhost:${this.port}`;
  }

  async administer(command, input = "") {
    const [name, ...args] = command;
    const child = spawn(process.env.BACKUPS_CONSOLE_BINARY, [name, ...(this.demo ? [] : this.projects()), "--data", this.data, ...args]);
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk) => (out += chunk));
    child.stderr.on("data", (chunk) => (err += chunk));
    child.stdin.end(input);
    const [code] = await once(child, "close");
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${err}`);
    return out.trim();
  }

  async createAdministrator(person = ADMINISTRATOR) {
    await this.administer(["create-admin", "--email", person.email], `${person.password}\n`);
  }

  async createToken(person = ADMINISTRATOR) {
    return this.administer(["create-token", "--email", person.email]);
  }

  async stop(signal = "SIGTERM") {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exit = once(this.process, "exit");
      this.process.kill(signal);
      await exit;
    }
  }

  async remove() {
    await this.stop();
    rmSync(this.data, { recursive: true, force: true });
  }
}
