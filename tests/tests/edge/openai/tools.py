"""Tools by OpenAI's Python client: `tools.py URL KEY`."""

import sys
from typing import Annotated, Literal

from openai import BadRequestError, OpenAI, pydantic_function_tool
from pydantic import BaseModel, Field

MESSAGES = [{"role": "user", "content": "Weather in Bern?"}]


class Weather(BaseModel):
    city: Literal["Bern", "Oslo"]
    days: Annotated[int, Field(ge=1, le=9)]


ASKED = {
    "model": "cortex-small",
    "messages": MESSAGES,
    "tools": [pydantic_function_tool(Weather)],
    "tool_choice": "required",
    "parallel_tool_calls": False,
}


def calls(client):
    answer = client.chat.completions.parse(**ASKED)
    (choice,) = answer.choices
    (call,) = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None), answer
    assert (call.type, call.function.name) == ("function", "Weather") and call.id, call
    assert isinstance(call.function.parsed_arguments, Weather), call
    named = {"type": "function", "function": {"name": "Weather"}}
    (again,) = client.chat.completions.create(**{**ASKED, "tool_choice": named}).choices
    assert again.message.tool_calls[0].function.name == "Weather", again
    return choice.message


def calls_in_pieces(client, whole):
    stream = client.chat.completions.create(**ASKED, stream=True)
    choices = [choice for piece in stream for choice in piece.choices]
    first, *rest = [call for choice in choices for call in choice.delta.tool_calls or []]
    assert (first.index, first.type, first.function.name) == (0, "function", "Weather") and first.id, first
    assert all(call.index == 0 and call.function.name is None for call in rest), rest
    arguments = "".join(call.function.arguments or "" for call in [first, *rest])
    assert arguments == whole.tool_calls[0].function.arguments, arguments
    assert not any(choice.delta.content for choice in choices), choices
    assert choices[-1].finish_reason == "tool_calls", choices


def goes_on(client, called):
    (call,) = called.tool_calls
    function = {"name": call.function.name, "arguments": call.function.arguments}
    messages = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": call.id, "content": "rain"},
    ]
    def prompt_tokens(messages):
        asked = {**ASKED, "messages": messages, "tool_choice": "auto"}
        return client.chat.completions.create(**asked, max_tokens=1).usage.prompt_tokens

    assert prompt_tokens(messages) > prompt_tokens(MESSAGES), "the prompt contains the call and its result"
    (answer,) = client.chat.completions.create(**{**ASKED, "messages": messages, "tool_choice": "none"}).choices
    assert (answer.message.tool_calls, answer.finish_reason) == (None, "stop"), answer
    assert isinstance(answer.message.content, str), answer


def refuses(client):
    unknown = {"type": "function", "function": {"name": "Time"}}
    for asked, param in [
        ({"tool_choice": unknown}, "tool_choice.function.name"),
        ({"tools": []}, "tool_choice"),
        ({"messages": [{"role": "tool", "content": "rain"}]}, "messages[0].tool_call_id"),
    ]:
        try:
            client.chat.completions.create(**{**ASKED, **asked})
        except BadRequestError as caught:
            assert (caught.code, caught.param) == ("invalid-request", param), caught.body
        else:
            raise AssertionError(asked)


def main(url, key):
    client = OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    called = calls(client)
    calls_in_pieces(client, called)
    goes_on(client, called)
    refuses(client)
    print("ok")


main(*sys.argv[1:])
