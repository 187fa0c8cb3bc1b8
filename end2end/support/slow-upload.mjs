// An upload that stays in the middle: a raw request whose body hardly goes on until told.
import { request } from "node:http";

import { archive } from "./archives.mjs";
import { ADMINISTRATOR } from "./server.mjs";

/** Well below the silence after which a service gives an upload up. */
const A_BYTE_EVERY_MILLISECONDS = 10_000;

/** Starts an upload over the API and resolves when its first half is sent. */
export async function startSlowUpload(server, environment, token, project = "lfrjoebloggs", person = ADMINISTRATOR) {
  const credentials = server.as(token, person);
  const part = (name, content) => [
    Buffer.from(`--XX\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\n\r\n`),
    content,
    Buffer.from("\r\n"),
  ];
  const body = Buffer.concat([
    ...part("database", archive("database", 2_000_000)),
    ...part("volume", archive("volume", 2_000_000)),
    Buffer.from("--XX--\r\n"),
  ]);
  let sent = Math.floor(body.length / 2);
  const call = request(`${server.services}/${project}-${environment}/backup/upload`, {
    method: "POST",
    headers: {
      ...credentials,
      "content-type": "multipart/form-data; boundary=XX",
      "content-length": body.length,
    },
  });
  const answered = new Promise((resolve) => {
    call.on("response", (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    });
    call.on("error", (error) => resolve({ error }));
  });
  call.write(body.subarray(0, sent));
  const trickle = setInterval(() => {
    call.write(body.subarray(sent, sent + 1));
    sent += 1;
  }, A_BYTE_EVERY_MILLISECONDS);
  answered.finally(() => clearInterval(trickle));
  // The upload holds the environment once another one is refused.
  for (;;) {
    const response = await fetch(`${server.services}/${project}-${environment}/backup/create`, {
      method: "POST",
      headers: credentials,
    });
    if (response.status === 409) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    answered,
    finish: () => {
      clearInterval(trickle);
      call.end(body.subarray(sent));
      return answered;
    },
    cut: () => {
      clearInterval(trickle);
      call.destroy();
      return answered;
    },
  };
}
