// A TCP proxy that misbehaves: connections through it are cut, reset or stalled after some bytes, or slowed down.
import { once } from "node:events";
import { connect, createServer } from "node:net";

const SLOW_CHUNK = 64 * 1024;

/** `faults` is taken one for each connection, then connections are faithful: { kind, after } with bytes sent to the server. */
export async function startFaultProxy(targetPort, faults = []) {
  const pending = [...faults];
  const sockets = new Set();
  const server = createServer((client) => {
    const fault = pending.shift();
    const upstream = connect(targetPort, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    let sent = 0;
    client.on("data", (chunk) => {
      const rest = fault && fault.kind !== "slow" ? Math.max(0, fault.after - sent) : Infinity;
      if (rest > 0) upstream.write(chunk.subarray(0, Math.min(chunk.length, rest)));
      sent += chunk.length;
      if (fault?.kind === "slow") {
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
    client.on("end", () => upstream.end());
    upstream.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: server.address().port,
    faultsLeft: () => pending.length,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
