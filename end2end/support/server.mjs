// The real binary with a data folder of its own. With BACKUPS_CONSOLE_SERVICE=separate each test server is two processes:
// a service that keeps the environments, and the console in front of it, so that every test also tries the way between.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const START_LIMIT_MS = 60_000;
const MASTER_TOKEN = "9c1f0f6e-6a52-4f0e-8c4c-5e0b7d1f2a33";
const DEMO = { name: "lfrjoebloggs", environments: ["dev", "uat", "prd"] };

/** Whether consoles here stand in front of services in processes of their own. */
export const IS_SEPARATE = process.env.BACKUPS_CONSOLE_SERVICE === "separate";

export const ADMINISTRATOR = { email: "joe@example.com", password: "a quiet harbour at dawn" };
export const COLLEAGUE = { email: "ann@example.com", password: "nine green bottles of ink" };

export async function startServer({
  data = mkdtempSync(join(tmpdir(), "backups-console-")),
  demo = true,
  projectNames = ["acme"],
  configuration = undefined,
  port = 0,
  separate = IS_SEPARATE,
} = {}) {
  const server = new Server(data, demo && !configuration, projectNames, configuration, separate);
  await server.start({ port });
  return server;
}

/** A process of the binary, from the line that says where it is to its end. */
class Running {
  constructor(args) {
    this.process = spawn(process.env.BACKUPS_CONSOLE_BINARY, args, {
      env: { ...process.env, LEPTOS_SITE_ROOT: process.env.BACKUPS_CONSOLE_SITE },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.log = "";
    this.process.stderr.on("data", (chunk) => (this.log += chunk));
    const lines = createInterface({ input: this.process.stdout });
    this.ready = new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        const setup = line.match(/https?:\/\/\S+\/setup\?token=\S+/);
        if (setup) this.setupLink = setup[0];
        const address = line.match(/^The (?:console is|backup services are) at (https?:\/\/\S+)$/);
        if (address) resolve(address[1].replace(/\/$/, ""));
      });
      this.process.once("exit", (code) => reject(new Error(`${args[0]} ended with ${code}: ${this.log}`)));
      setTimeout(() => reject(new Error(`${args[0]} did not start: ${this.log}`)), START_LIMIT_MS).unref();
    });
  }

  async stop(signal) {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exit = once(this.process, "exit");
      this.process.kill(signal);
      await exit;
    }
  }
}

class Server {
  /** `configuration` is the text of a configuration file, in place of demo and projects; it is one process always. */
  constructor(data, demo, projectNames, configuration, separate) {
    this.configuration = configuration;
    this.data = data;
    this.demo = demo;
    this.projects = demo ? [DEMO] : projectNames.map((name) => ({ name, environments: ["prd"] }));
    this.isSeparate = separate && !configuration;
    /** Where archives and backups are. */
    this.serviceData = this.isSeparate ? join(data, "service") : data;
    this.servicePort = 0;
  }

  /** `port` is that of a former start, for clients that come back. */
  async start({ port = 0 } = {}) {
    if (this.isSeparate) await this.startService();
    this.console = new Running(["serve", ...this.source(), "--data", this.data, "--listen", `127.0.0.1:${port}`]);
    this.url = await this.console.ready;
  }

  async startService() {
    if (this.demo && this.servicePort === 0) await this.addSamples();
    writeFileSync(join(this.data, "master.token"), MASTER_TOKEN, { mode: 0o600 });
    const file = join(this.data, "service.toml");
    const project = (project) => `${this.section(project)}master_token_file = "master.token"\n`;
    writeFileSync(file, this.projects.map(project).join(""));
    const listen = `127.0.0.1:${this.servicePort}`;
    this.keeper = new Running(["service", "--config", file, "--data", this.serviceData, "--listen", listen]);
    this.servicePort = Number(new URL(await this.keeper.ready).port);
  }

  /** Samples come with a console; afterwards the service has its folder. */
  async addSamples() {
    const brief = new Running(["serve", "--demo", "--data", this.serviceData, "--listen", "127.0.0.1:0"]);
    await brief.ready;
    await brief.stop("SIGTERM");
  }

  /** What the console is started with: the demo project with its samples, or empty projects of one environment, `prd`. */
  source() {
    if (this.demo && !this.isSeparate) return ["--demo"];
    const file = join(this.data, "backups-console.toml");
    writeFileSync(file, this.configuration ?? this.projects.map((project) => this.inFrontOf(project)).join(""));
    return ["--config", file];
  }

  section({ name, environments }) {
    return `[[projects]]\nname = "${name}"\nenvironments = ${JSON.stringify(environments)}\nproduction = ["prd"]\n`;
  }

  inFrontOf(project) {
    if (!this.isSeparate) return this.section(project);
    const service = (environment) =>
      `[[projects.services]]\nenvironment = "${environment}"\nmaster_token_file = "master.token"\n` +
      `url = "http://127.0.0.1:${this.servicePort}/services/${project.name}-${environment}"\n`;
    return this.section(project) + project.environments.map(service).join("");
  }

  get setupLink() {
    return this.console.setupLink;
  }

  get log() {
    return this.console.log + (this.keeper?.log ?? "");
  }

  get port() {
    return new URL(this.url).port;
  }

  /** The port that backup services answer on. */
  get apiPort() {
    return this.isSeparate ? this.servicePort : this.port;
  }

  /** Below it are the backup services of all environments. */
  get services() {
    return `http://localhost:${this.apiPort}/services`;
  }

  /** The base address of an environment's backup service, as the documentation has it but for scheme and domain. */
  service(environment) {
    return `http://backup-lfrjoebloggs-${environment}.localhost:${this.apiPort}`;
  }

  /** The headers of a call to a backup service, for a person with a token of theirs. */
  as(token, person = ADMINISTRATOR) {
    const headers = { "dxpcloud-authorization": `Bearer ${token}` };
    // A service alone knows no people: it is told for whom the holder of the master token asks.
    return this.isSeparate ? { ...headers, "backups-on-behalf-of": encodeURIComponent(person.email) } : headers;
  }

  async administer(command, input = "") {
    const [name, ...args] = command;
    const source = this.demo || this.isSeparate ? [] : this.source();
    const child = spawn(process.env.BACKUPS_CONSOLE_BINARY, [name, ...source, "--data", this.data, ...args]);
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

  /** A token that opens the backup services for a person, see `as`. */
  async createToken(person = ADMINISTRATOR) {
    return this.isSeparate ? MASTER_TOKEN : this.administer(["create-token", "--email", person.email]);
  }

  async stop(signal = "SIGTERM") {
    await Promise.all([this.console.stop(signal), this.keeper?.stop(signal)]);
  }

  async remove() {
    await this.stop();
    rmSync(this.data, { recursive: true, force: true });
  }
}
