// docs/openapi.json as other programs read it: against the schema that OpenAPI 3.1 publishes, every reference followed. The
// tests of the service compare it with what is answered.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Validator } from "@seriousme/openapi-schema-validator";

const FILE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "docs", "openapi.json");
const description = () => JSON.parse(readFileSync(FILE, "utf8"));

/** What is wrong with a description; nothing where all is well. */
async function faults(document) {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(document);
  if (!valid) return JSON.stringify(errors);
  if (validator.version !== "3.1") return `it is version ${validator.version}`;
  try {
    validator.resolveRefs();
  } catch (error) {
    return String(error);
  }
}

describe("openapi.json", () => {
  test("is OpenAPI 3.1", async () => {
    assert.equal(await faults(description()), undefined);
  });

  test("would not be with a mistake in it", async () => {
    const mistakes = {
      "another version": (document) => (document.openapi = "3.0.3"),
      "no title": ({ info }) => delete info.title,
      "an answer without a description": ({ paths }) => delete paths["/backup/list"].get.responses["200"].description,
      "a reference to nothing": ({ paths }) => {
        paths["/backup/list"].get.responses["200"].content["application/json"].schema = { $ref: "#/components/schemas/Nothing" };
      },
      "a parameter from nowhere": ({ paths }) => (paths["/backup/list"].get.parameters[0].in = "thought"),
      "a path without its slash": ({ paths }) => (paths["backup"] = paths["/backup/list"]),
      "a word that is none": ({ paths }) => (paths["/backup/list"].get.reponses = {}),
    };
    for (const [mistake, make] of Object.entries(mistakes)) {
      const document = description();
      make(document);
      assert.ok(await faults(document), `${mistake} was not noticed`);
    }
  });
});
