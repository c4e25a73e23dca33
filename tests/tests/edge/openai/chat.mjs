// Texts by OpenAI's JavaScript client: `chat.mjs URL KEY`.

import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const [url, key] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const model = "cortex-small";
const messages = [{ role: "user", content: "What is 3 times 4?" }];
// Its ends are forbidden, so that it goes on until it may not.
const endless = { logit_bias: { 0: -100, 2: -100 }, temperature: 2 };

const collected = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
};

async function chats() {
  const answer = await client.chat.completions.create({ model, messages });
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.match(answer.choices[0].message.content, /12/);
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
  assert.equal(prompt_tokens + completion_tokens, total_tokens);
  return answer;
}

async function streamsTheSame(whole) {
  const asked = { model, messages, stream: true, stream_options: { include_usage: true } };
  const pieces = await collected(await client.chat.completions.create(asked));
  const last = pieces.pop();
  const texts = pieces.map((piece) => piece.choices[0].delta.content).filter(Boolean);
  assert.equal(texts.join(""), whole.choices[0].message.content);
  assert(texts.length > 1, "in pieces");
  assert.equal(pieces.at(-1).choices[0].finish_reason, "stop");
  assert.deepEqual([last.choices, last.usage.total_tokens], [[], whole.usage.total_tokens]);
}

async function keepsToASchema() {
  const Person = z.object({ name: z.enum(["Mia", "Leo"]), age: z.int().min(0).max(150), asleep: z.boolean() });
  const asked = {
    model,
    messages: [{ role: "user", content: "Mia is 7." }],
    response_format: zodResponseFormat(Person, "person"),
    temperature: 1.5,
    seed: 1,
  };
  const whole = await client.chat.completions.parse(asked);
  const parsed = whole.choices[0].message.parsed;
  assert.deepEqual(Person.parse(parsed), parsed);
  const streamed = await client.chat.completions.stream(asked).finalChatCompletion();
  assert.deepEqual(streamed.choices[0].message.parsed, parsed);
}

async function givesSeveralAnswers() {
  const answer = await client.chat.completions.create({ model, messages, n: 3, seed: 5, max_tokens: 40, ...endless });
  assert.deepEqual(answer.choices.map((choice) => [choice.index, choice.finish_reason]), [
    [0, "length"],
    [1, "length"],
    [2, "length"],
  ]);
  assert(new Set(answer.choices.map((choice) => choice.message.content)).size > 1);
}

async function tellsProbabilities() {
  const answer = await client.chat.completions.create({ model, messages, logprobs: true, top_logprobs: 3 });
  const [{ message, logprobs }] = answer.choices;
  assert.equal(logprobs.content.map((token) => token.token).join(""), message.content);
  for (const token of logprobs.content) {
    assert.equal(token.top_logprobs.length, 3);
    assert.equal(token.top_logprobs[0].token, token.token);
    assert(token.logprob <= 0);
  }
}

async function stops(whole) {
  const text = whole.choices[0].message.content;
  const stop = text.slice(text.length / 2);
  const answer = await client.chat.completions.create({ model, messages, stop });
  const [{ message, finish_reason }] = answer.choices;
  assert.deepEqual([message.content, finish_reason], [text.slice(0, -stop.length), "stop"]);
}

async function repeatsASeed() {
  const said = async (seed) => {
    const answer = await client.chat.completions.create({ model, messages, seed, max_tokens: 40, ...endless });
    return answer.choices[0].message.content;
  };
  const [first, again, other] = await Promise.all([7, 7, 8].map(said));
  assert.equal(first, again);
  assert.notEqual(first, other);
}

async function completes() {
  const asked = { model, prompt: "What is", max_tokens: 8, logit_bias: endless.logit_bias };
  const whole = await client.completions.create(asked);
  assert.deepEqual([whole.choices[0].finish_reason, whole.usage.completion_tokens], ["length", 8]);
  const pieces = await collected(await client.completions.create({ ...asked, stream: true }));
  assert.equal(pieces.map((piece) => piece.choices[0].text).join(""), whole.choices[0].text);
}

async function listsItsModels() {
  const names = (await collected(client.models.list())).map((listed) => listed.id);
  assert(names.includes(model));
}

async function refuses() {
  const refused = async (kind, code, param, asked, by = client) => {
    const error = await by.chat.completions.create({ model, messages, ...asked }).then(
      () => assert.fail(`${JSON.stringify(asked)} was not refused`),
      (error) => error,
    );
    assert(error instanceof kind, String(error));
    assert.deepEqual([error.code, error.param], [code, param]);
    return error.error.message;
  };
  const { AuthenticationError, BadRequestError, NotFoundError } = OpenAI;
  assert.match(await refused(NotFoundError, "unknown-model", "model", { model: "gpt-9" }), /cortex-small/);
  assert.match(await refused(BadRequestError, "invalid-request", "frob", { frob: 1 }), /`frob`/);
  await refused(BadRequestError, "invalid-request", "temperature", { temperature: 9 });
  const stranger = client.withOptions({ apiKey: "wrong" });
  await refused(AuthenticationError, "unauthenticated", null, {}, stranger);
  const long = [{ role: "user", content: "word ".repeat(1000) }];
  for (const stream of [false, true]) {
    const said = await refused(BadRequestError, "invalid-request", "messages", { messages: long, stream });
    const numbers = said.match(/\d+/g).map(Number);
    assert(numbers.at(0) > numbers.at(-1), said);
  }
}

async function leaves() {
  const asked = { model, messages, n: 8, stream: true, ...endless };
  const { data, response } = await client.chat.completions.create(asked).withResponse();
  for await (const _ of data) break;
  const job = `${url}/api/v1/jobs/${response.headers.get("cortex-job-id")}`;
  // A call's job is written down once it has ended.
  const state = async () => {
    try {
      return (await client.get(job)).state;
    } catch (error) {
      if (error instanceof OpenAI.NotFoundError) return undefined;
      throw error;
    }
  };
  const end = Date.now() + 30_000;
  for (let now; now !== "CANCELLED"; now = await state()) {
    assert(now === undefined && Date.now() < end, now);
    await setTimeout(20);
  }
}

const whole = await chats();
await streamsTheSame(whole);
await keepsToASchema();
await givesSeveralAnswers();
await tellsProbabilities();
await stops(whole);
await repeatsASeed();
await completes();
await listsItsModels();
await refuses();
await leaves();
console.log("ok");
