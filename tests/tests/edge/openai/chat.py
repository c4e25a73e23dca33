"""Texts by OpenAI's Python client: `chat.py URL KEY`."""

import re
import sys
import time
from typing import Annotated, Literal

from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel, Field

MODEL = "cortex-small"
QUESTION = [{"role": "user", "content": "What is 3 times 4?"}]
# Its ends are forbidden, so that it goes on until it may not.
ENDLESS = {"logit_bias": {"0": -100, "2": -100}, "temperature": 2}


def chats(client):
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION)
    (choice,) = answer.choices
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant"), answer
    assert "12" in choice.message.content, answer
    usage = answer.usage
    assert min(usage.prompt_tokens, usage.completion_tokens) > 0, usage
    assert usage.prompt_tokens + usage.completion_tokens == usage.total_tokens, usage
    return answer


def streams_the_same(client, whole):
    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, stream_options=options))
    *pieces, last = chunks
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert text == whole.choices[0].message.content, text
    assert len([piece for piece in pieces if piece.choices[0].delta.content]) > 1, "in pieces"
    assert [piece.choices[0].finish_reason for piece in pieces][-1] == "stop", chunks
    assert (last.choices, last.usage.total_tokens) == ([], whole.usage.total_tokens), last
    assert len({chunk.id for chunk in chunks}) == 1


class Person(BaseModel):
    name: Literal["Mia", "Leo"]
    age: Annotated[int, Field(ge=0, le=150)]
    asleep: bool


def keeps_to_a_schema(client):
    asked = {"model": MODEL, "messages": [{"role": "user", "content": "Mia is 7."}], "response_format": Person}
    whole = client.chat.completions.parse(**asked, temperature=1.5, seed=1)
    assert isinstance(whole.choices[0].message.parsed, Person), whole
    with client.chat.completions.stream(**asked, temperature=1.5, seed=1) as stream:
        streamed = stream.get_final_completion()
    assert streamed.choices[0].message.parsed == whole.choices[0].message.parsed, streamed


def gives_several_answers(client):
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, n=3, seed=5, max_tokens=40, **ENDLESS)
    assert [choice.index for choice in answer.choices] == [0, 1, 2], answer
    assert [choice.finish_reason for choice in answer.choices] == ["length"] * 3, answer
    assert len({choice.message.content for choice in answer.choices}) > 1, answer
    assert answer.usage.completion_tokens == 120, answer.usage


def tells_probabilities(client):
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, logprobs=True, top_logprobs=3)
    (choice,) = answer.choices
    tokens = choice.logprobs.content
    assert "".join(token.token for token in tokens) == choice.message.content, tokens
    for token in tokens:
        best = token.top_logprobs
        assert len(best) == 3 and best == sorted(best, key=lambda other: -other.logprob), token
        assert (best[0].token, best[0].logprob) == (token.token, token.logprob), token
        assert token.logprob <= 0 and bytes(token.bytes).decode() == token.token, token


def stops(client, whole):
    text = whole.choices[0].message.content
    end = text[len(text) // 2 :]
    (choice,) = client.chat.completions.create(model=MODEL, messages=QUESTION, stop=[end, "nowhere"]).choices
    assert (choice.message.content, choice.finish_reason) == (text.removesuffix(end), "stop"), choice


def repeats_a_seed(client):
    def said(seed):
        answer = client.chat.completions.create(model=MODEL, messages=QUESTION, seed=seed, max_tokens=40, **ENDLESS)
        return answer.choices[0].message.content

    assert said(7) == said(7) != said(8)


def completes(client):
    asked = {"model": MODEL, "prompt": "What is", "max_tokens": 8, "temperature": 0, "logit_bias": ENDLESS["logit_bias"]}
    whole = client.completions.create(**asked)
    assert (whole.choices[0].finish_reason, whole.usage.completion_tokens) == ("length", 8), whole
    streamed = client.completions.create(**asked, stream=True)
    assert "".join(piece.choices[0].text for piece in streamed) == whole.choices[0].text


def lists_its_models(client):
    assert MODEL in [model.id for model in client.models.list()]


def refuses(client):
    def refused(error, code, param, client=client, **asked):
        try:
            answer = client.chat.completions.create(**{"model": MODEL, "messages": QUESTION, **asked})
            list(answer)
        except error as caught:
            assert (caught.code, caught.param) == (code, param), caught.body
            return caught.body["message"]
        raise AssertionError(f"{asked} was not refused")

    assert MODEL in refused(NotFoundError, "unknown-model", "model", model="gpt-9")
    assert "`frob`" in refused(BadRequestError, "invalid-request", "frob", extra_body={"frob": 1})
    refused(BadRequestError, "invalid-request", "temperature", temperature=9)
    refused(AuthenticationError, "unauthenticated", None, client=client.with_options(api_key="wrong"))
    long = [{"role": "user", "content": "word " * 1000}]
    for stream in [False, True]:
        said = refused(BadRequestError, "invalid-request", "messages", messages=long, stream=stream)
        had, *_, fit = map(int, re.findall(r"\d+", said))
        assert had > fit, said


def leaves(client, url):
    stream = client.chat.completions.create(model=MODEL, messages=QUESTION, n=8, stream=True, **ENDLESS)
    next(iter(stream))
    job = stream.response.headers["cortex-job-id"]
    stream.close()

    # A call's job is written down once it has ended.
    def state():
        try:
            return client.get(f"{url}/api/v1/jobs/{job}", cast_to=dict)["state"]
        except NotFoundError:
            return None

    end = time.monotonic() + 30
    while (now := state()) != "CANCELLED":
        assert now is None and time.monotonic() < end, now
        time.sleep(0.02)


def main(url, key):
    client = OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
    whole = chats(client)
    streams_the_same(client, whole)
    keeps_to_a_schema(client)
    gives_several_answers(client)
    tells_probabilities(client)
    stops(client, whole)
    repeats_a_seed(client)
    completes(client)
    lists_its_models(client)
    refuses(client)
    leaves(client, url)
    print("ok")


main(*sys.argv[1:])
