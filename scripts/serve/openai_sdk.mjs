// OpenAI's own JavaScript client against `ordinate serve`: node openai_sdk.mjs FOLDER BASE_URL KEY, where the client lies in
// FOLDER/node_modules.
//
// The server serves the runs of crates/ordinate/tests/support/desk_of_two.rs and parcels.rs, as for openai_sdk.py. Ends with a line of
// JSON that says what was tried.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, baseURL, apiKey] = process.argv.slice(2);
const { OpenAI } = await import(pathToFileURL(createRequire(`${folder}/`).resolve("openai")));
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 20_000 });
const tried = [];

const conversation = (text) => [
  { role: "system", content: "Tell a story." },
  { role: "user", content: text },
];
const ask = (text, more = {}) =>
  client.chat.completions.create({ model: "ordinate/moves", messages: conversation(text), ...more });

async function collect(stream, part) {
  let text = "";
  for await (const event of stream) text += part(event) ?? "";
  return text;
}

const cases = {
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, ["ordinate/moves", "ordinate/parcels"]);
  },

  async chat() {
    const messages = [{ role: "user", content: "item 4 of sixty" }];
    const { data, response } = await client.chat.completions.create({ model: "ordinate/moves", messages }).withResponse();
    assert.equal(data.choices[0].message.content, "up");
    assert.equal(response.headers.get("x-ordinate-candidate"), "first");
  },

  async streaming() {
    const told = await collect(await ask("go", { stream: true }), (event) => event.choices[0]?.delta.content);
    assert.ok(told.startsWith("It was a dark"), told);
  },

  async tools() {
    const tools = [{ type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } }];
    assert.ok((await ask("go", { tools })).choices[0].message.content.startsWith("It was"));
  },

  async completions() {
    const answer = await client.completions.create({ model: "ordinate/moves", prompt: "item 5 of sixty" });
    assert.equal(answer.choices[0].text, "down");
  },

  async responses() {
    const answer = await client.responses.create({ model: "ordinate/moves", input: "item 4 of sixty" });
    assert.equal(answer.output_text, "up");
    const asked = { model: "ordinate/moves", input: "go", instructions: "Tell a story.", stream: true };
    const told = await collect(await client.responses.create(asked), (event) =>
      event.type === "response.output_text.delta" ? event.delta : "",
    );
    assert.ok(told.startsWith("It was a dark"), told);
  },

  async embeddings() {
    // The client asks for base64 and unpacks it.
    const answer = await client.embeddings.create({ model: "ordinate/parcels", input: ["parcel 7", "parcel 8"] });
    assert.equal(answer.data.length, 2);
    assert.equal(answer.data[0].embedding.length, answer.data[1].embedding.length);
  },

  async errors() {
    await assert.rejects(ask("go", { model: "gpt-4" }), (error) => error instanceof OpenAI.NotFoundError);
    await assert.rejects(ask("go", { messages: [] }), (error) => error.status === 400 && error.param === "messages");
    const stranger = new OpenAI({ baseURL, apiKey: "nobody", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), (error) => error instanceof OpenAI.AuthenticationError);
  },

  async a_stream_that_breaks_off_is_an_error() {
    const stream = await ask("go fault:cut-after-21", { stream: true });
    await assert.rejects(collect(stream, () => ""), (error) => error instanceof OpenAI.APIError);
  },

  async timeouts() {
    const slow = client.withOptions({ timeout: 200 });
    const asked = { model: "ordinate/moves", messages: conversation("go fault:stall-headers") };
    await assert.rejects(slow.chat.completions.create(asked), (error) => error instanceof OpenAI.APIConnectionTimeoutError);
  },
};

for (const [name, run] of Object.entries(cases)) {
  await run();
  tried.push(name);
}
console.log(JSON.stringify({ tried }));
