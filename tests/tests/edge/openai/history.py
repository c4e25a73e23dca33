"""Answers go back as history, from every helper of OpenAI's Python client: `history.py URL KEY`."""

import asyncio
import sys
from typing import Annotated, Literal

from openai import AsyncOpenAI, BadRequestError, OpenAI, pydantic_function_tool
from openai.lib.streaming.chat import ChatCompletionStreamState
from pydantic import BaseModel, Field

MODEL = "cortex-small"
QUESTION = [{"role": "user", "content": "Weather in Bern?"}]


class Weather(BaseModel):
    city: Literal["Bern", "Oslo"]
    days: Annotated[int, Field(ge=1, le=9)]


TOOLS = [pydantic_function_tool(Weather)]
PLAIN = {"model": MODEL, "messages": QUESTION}
SHAPED = {**PLAIN, "response_format": Weather}
CALLING = {**PLAIN, "tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
LOOSE = [{"type": "function", "function": {"name": "Weather", "parameters": Weather.model_json_schema()}}]


def accumulated(client, asked, **options):
    state = ChatCompletionStreamState(**options)
    for chunk in client.chat.completions.create(**asked, stream=True):
        state.handle_chunk(chunk)
    return state.get_final_completion()


def streamed(client, asked):
    with client.chat.completions.stream(**asked) as stream:
        return stream.get_final_completion()


async def parsed_later(url, key, asked):
    async with AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0) as client:
        whole = await client.chat.completions.parse(**asked)
        async with client.chat.completions.stream(**asked) as stream:
            return [whole, await stream.get_final_completion()]


def answers(client, url, key):
    """Yields an answer from each helper."""
    completions = client.chat.completions
    yield "create", completions.create(**PLAIN)
    yield "create, a call", completions.create(**CALLING)
    yield "create, a loose call", completions.create(**{**CALLING, "tools": LOOSE})
    yield "raw", completions.with_raw_response.create(**CALLING).parse()
    yield "parse, plain", completions.parse(**PLAIN)
    yield "parse", completions.parse(**SHAPED)
    yield "parse, a call", completions.parse(**CALLING)
    yield "pieces", accumulated(client, PLAIN)
    yield "pieces of a call", accumulated(client, CALLING, input_tools=TOOLS)
    yield "stream, plain", streamed(client, PLAIN)
    yield "stream", streamed(client, SHAPED)
    yield "stream, a call", streamed(client, CALLING)
    for answer in asyncio.run(parsed_later(url, key, CALLING)):
        yield "async", answer


def ways_back(message):
    """Yields an answer in each form that a client sends back: the object, all fields, and only the fields that are set."""
    yield message
    yield message.model_dump()
    yield message.model_dump(mode="json", exclude_unset=True)
    yield message.to_dict()


def next_turn(client, name, message):
    calls = message.tool_calls or []
    said = [{"role": "tool", "tool_call_id": call.id, "content": "rain"} for call in calls]
    for sent in ways_back(message):
        messages = [*QUESTION, sent, *(said or [{"role": "user", "content": "And in Oslo?"}])]
        asked = {"model": MODEL, "messages": messages, "tools": TOOLS, "tool_choice": "none", "max_tokens": 8.0}
        (choice,) = client.chat.completions.create(**asked).choices
        assert isinstance(choice.message.content, str), (name, sent)


def prompt_tokens(client, arguments):
    function = {"name": "Weather", "arguments": arguments}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": function}]}
    messages = [*QUESTION, call, {"role": "tool", "tool_call_id": "c", "content": "rain"}]
    asked = {"model": MODEL, "messages": messages, "tools": TOOLS, "tool_choice": "none", "max_tokens": 1}
    return client.chat.completions.create(**asked).usage.prompt_tokens


def refuses(client):
    half = '{"model": "cortex-small", "messages": [{"role": "user", "content": "\\ud83d"}]}'
    headers = {"content-type": "application/json"}
    try:
        client.post("/chat/completions", content=half.encode(), cast_to=object, options={"headers": headers})
    except BadRequestError as caught:
        assert caught.code == "malformed-json" and "half of a surrogate pair" in str(caught), caught.body
    else:
        raise AssertionError(half)


def main(url, key):
    client = OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    for name, answer in answers(client, url, key):
        next_turn(client, name, answer.choices[0].message)
    assert prompt_tokens(client, "") == prompt_tokens(client, "{}") < prompt_tokens(client, '{"city": "Bern"}')
    refuses(client)
    print("ok")


main(*sys.argv[1:])
