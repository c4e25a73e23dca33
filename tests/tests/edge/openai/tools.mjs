// Tools by OpenAI's JavaScript client: `tools.mjs URL KEY`.

import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodFunction } from "openai/helpers/zod";
import { z } from "zod";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: "Weather in Bern?" }];
const Weather = z.object({ city: z.enum(["Bern", "Oslo"]), days: z.int().min(1).max(9) });
const asked = {
  model: "cortex-small",
  messages,
  tools: [zodFunction({ name: "Weather", parameters: Weather })],
  tool_choice: "required",
  parallel_tool_calls: false,
};

async function calls() {
  const answer = await client.chat.completions.parse(asked);
  const [{ finish_reason, message }] = answer.choices;
  assert.deepEqual([finish_reason, message.content, message.tool_calls.length], ["tool_calls", null, 1]);
  const [call] = message.tool_calls;
  assert.deepEqual([call.type, call.function.name], ["function", "Weather"]);
  assert.deepEqual(Weather.parse(call.function.parsed_arguments), call.function.parsed_arguments);
  return call;
}

async function callsInPieces(whole) {
  const pieces = [];
  const runner = client.chat.completions.stream(asked);
  runner.on("chunk", (chunk) => pieces.push(...(chunk.choices[0]?.delta.tool_calls ?? [])));
  const { choices } = await runner.finalChatCompletion();
  assert.deepEqual(choices[0].message.tool_calls[0].function.arguments, whole.function.arguments);
  assert(pieces[0].id && pieces[0].function.name === "Weather");
  assert(pieces.slice(1).every((piece) => piece.index === 0 && piece.id === undefined));
  assert.equal(choices[0].finish_reason, "tool_calls");
}

async function goesOn({ id, function: { name, arguments: text } }) {
  const answer = await client.chat.completions.create({
    ...asked,
    tool_choice: "none",
    messages: [
      ...messages,
      { role: "assistant", tool_calls: [{ id, type: "function", function: { name, arguments: text } }] },
      { role: "tool", tool_call_id: id, content: "rain" },
    ],
  });
  const [{ finish_reason, message }] = answer.choices;
  assert.deepEqual([finish_reason, typeof message.content, message.tool_calls], ["stop", "string", undefined]);
}

const called = await calls();
await callsInPieces(called);
await goesOn(called);
console.log("ok");
