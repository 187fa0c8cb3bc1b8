// A TCP proxy that misbehaves: connections through it are cut, reset or stalled after some bytes, or slowed down.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const SLOW_CHUNK = 64 * 1024;

/**
 * `faults` is taken one for each connection, then connections are faithful: { kind, after } with bytes sent to the server.
 * With `bytesPerSecond` each of those sends no faster than that, until `setSpeed` says otherwise; what waits is lost when
 * its sender hangs up.
 */
export async function startFaultProxy(targetPort, faults = [], { bytesPerSecond = Infinity } = {}) {
  const pending = [...faults];
  const awaited = [];
  const sockets = new Set();
  let speed = bytesPerSecond;
  let relayed = 0;
  const server = createServer((client) => {
    let fault = pending.shift();
    const upstream = connect(targetPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    const relay = (chunk) => {
      relayed += chunk.length;
      upstream.write(chunk);
    };
    const waiting = [];
    let isPacing = false;
    const pace = async () => {
      isPacing = true;
      for (let chunk = waiting.shift(); chunk; chunk = waiting.shift()) {
        relay(chunk);
        if (speed !== Infinity) await sleep((chunk.length / speed) * 1000);
      }
      isPacing = false;
    };
    let sent = 0;
    client.on("data", (chunk) => {
      if (!fault && awaited.length > 0 && sent + chunk.length >= awaited[0].after) {
        fault = { ...awaited.shift(), after: sent + chunk.length };
        for (const earlier of waiting.splice(0)) relay(earlier);
      }
      sent += chunk.length;
      if (!fault) {
        waiting.push(chunk);
        if (!isPacing) pace();
        return;
      }
      const rest = fault.kind === "slow" ? Infinity : Math.max(0, fault.after - (sent - chunk.length));
      if (rest > 0) relay(chunk.subarray(0, Math.min(chunk.length, rest)));
      if (fault.kind === "slow") {
        client.pause();
        setTimeout(() => client.resume(), (chunk.length / SLOW_CHUNK) * fault.delay);
      } else if (chunk.length >= rest) {
        if (fault.kind === "cut") {
          client.destroy();
          upstream.end();
        } else if (fault.kind === "reset") {
          client.resetAndDestroy();
          upstream.resetAndDestroy();
        } else {
          // Stalled: nothing goes on, and nobody is told.
          client.pause();
          setTimeout(() => client.destroy(), fault.until).unref();
        }
      }
    });
    client.on("end", () => {
      if (waiting.length > 0) upstream.destroy();
      else upstream.end();
      waiting.length = 0;
    });
    client.on("close", () => (waiting.length = 0));
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: server.address().port,
    faultsLeft: () => pending.length + awaited.length,
    /** From now on these faults, one after the other, meet whichever connection has sent so many bytes. */
    misbehave: (more) => awaited.push(...more),
    /** Bytes that went to the server. */
    relayed: () => relayed,
    setSpeed: (bytes) => (speed = bytes),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
