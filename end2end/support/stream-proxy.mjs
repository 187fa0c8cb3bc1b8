// A proxy that knows which tabs listen to the stream of events, and can take the streams away from them.
//
// Browsers send the address of the page along, so a page that is opened with `?tab=…` is told apart from others.
import { once } from "node:events";
import { createServer, request } from "node:http";

export async function startStreamProxy(targetPort) {
  const streams = new Set();
  const opened = [];
  let refuses = false;
  const server = createServer((incoming, outgoing) => {
    const { pathname, searchParams } = new URL(incoming.url, "http://localhost");
    const isStream = pathname === "/events";
    if (isStream && refuses) {
      outgoing.destroy();
      return;
    }
    const onward = request(
      // With a connection for each, because those of a server that was restarted are dead.
      { agent: false, port: targetPort, host: "127.0.0.1", method: incoming.method, path: incoming.url, headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(outgoing);
        answer.on("error", () => outgoing.destroy());
      },
    );
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
    outgoing.on("close", () => onward.destroy());
    if (isStream) {
      const tab = new URL(incoming.headers.referer ?? "http://localhost").searchParams.get("tab");
      const stream = { tab, after: searchParams.get("after"), lastEventId: incoming.headers["last-event-id"], outgoing };
      opened.push(stream);
      streams.add(stream);
      outgoing.on("close", () => streams.delete(stream));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://localhost:${server.address().port}`,
    /** The tabs that listen now, in order. */
    listening: () => [...streams].map((stream) => stream.tab).sort(),
    /** Every stream that was ever opened: by which tab, and after which event. */
    opened: () => [...opened],
    /** Breaks all streams, and every new one until `restore`. */
    cut: () => {
      refuses = true;
      for (const { outgoing } of streams) outgoing.destroy();
    },
    restore: () => (refuses = false),
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
