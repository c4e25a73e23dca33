// Answers go back as history, from every helper of OpenAI's JavaScript client: `history.mjs URL KEY`.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { ChatCompletionStream } from "openai/lib/ChatCompletionStream";
import { z } from "zod";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const completions = client.chat.completions;
const model = "cortex-small";
const messages = [{ role: "user", content: "Weather in Bern?" }];
const Weather = z.object({ city: z.enum(["Bern", "Oslo"]), days: z.int().min(1).max(9) });
const weather = zodFunction({ name: "Weather", parameters: Weather, function: ({ city }) => `rain in ${city}` });
const loose = { type: "function", function: { name: "Weather", parameters: weather.function.parameters } };
const plain = { model, messages };
const shaped = { ...plain, response_format: zodResponseFormat(Weather, "weather") };
const calling = { ...plain, tools: [weather], tool_choice: "required", parallel_tool_calls: false };
// It may only break the line, at which it stops: an empty answer.
const silent = { ...plain, max_tokens: 1, stop: ["\n"], response_format: { type: "regex", regex: "\n" } };

// What each helper makes of an answer.
async function* answers() {
  const first = ({ choices }) => choices[0].message;
  yield ["create", first(await completions.create(plain))];
  yield ["create, a call", first(await completions.create(calling))];
  yield ["parse", first(await completions.parse(shaped))];
  yield ["parse, plain", first(await completions.parse(plain))];
  yield ["parse, a call", first(await completions.parse(calling))];
  const unchecked = { ...calling, tools: [loose] };
  for (const [name, asked] of Object.entries({ plain, shaped, calling, unchecked, silent })) {
    yield [`stream, ${name}`, first(await completions.stream(asked).finalChatCompletion())];
    yield [`the message of a stream, ${name}`, await completions.stream(asked).finalMessage()];
  }
  const relayed = ChatCompletionStream.fromReadableStream(completions.stream(calling).toReadableStream());
  yield ["a stream that was handed on", await relayed.finalMessage()];
}

async function nextTurn(name, message) {
  const said = (message.tool_calls ?? []).map(({ id }) => ({ role: "tool", tool_call_id: id, content: "rain" }));
  const rest = said.length > 0 ? said : [{ role: "user", content: "And in Oslo?" }];
  const asked = { model, messages: [...messages, message, ...rest], tools: [loose], tool_choice: "none", max_tokens: 8 };
  const answer = await completions.create(asked);
  assert.equal(typeof answer.choices[0].message.content, "string", name);
}

// A runner sends its own answers back; its messages are good for another turn.
async function runsTools(stream) {
  const asked = { ...calling, stream };
  const runner = completions.runTools(asked, { maxChatCompletions: 2 });
  await runner.done();
  const roles = runner.messages.map(({ role }) => role);
  assert.deepEqual(roles, ["user", "assistant", "tool", "assistant", "tool"]);
  assert.match(runner.messages[2].content, /^rain in (Bern|Oslo)$/);
  const answer = await completions.create({ ...calling, messages: runner.messages, tool_choice: "none", max_tokens: 8 });
  assert.equal(typeof answer.choices[0].message.content, "string");
}

async function refusesHalfACharacter() {
  const half = [{ role: "user", content: "\u{1f642}".slice(0, 1) }];
  const error = await completions.create({ ...plain, messages: half }).then(assert.fail, (error) => error);
  assert(error instanceof OpenAI.BadRequestError && error.code === "malformed-json", String(error));
  assert.match(error.message, /half of a surrogate pair/);
}

for await (const [name, message] of answers()) await nextTurn(name, message);
await runsTools(false);
await runsTools(true);
await refusesHalfACharacter();
console.log("ok");
