"""Embeddings by OpenAI's Python client: `embeddings.py URL KEY`."""

import sys

from openai import AuthenticationError, NotFoundError, OpenAI

url, key = sys.argv[1:]
client = OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
answer = client.embeddings.create(model="all-MiniLM-L6-v2", input=["a cat", "a kitten", "tax law"])
vectors = [item.embedding for item in answer.data]
assert [len(vector) for vector in vectors] == [384] * 3, vectors
cosine = lambda a, b: sum(x * y for x, y in zip(a, b))
assert cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.3
assert answer.usage.total_tokens > 0
floats = client.embeddings.create(model="all-MiniLM-L6-v2", input="a cat", encoding_format="float")
assert max(abs(a - b) for a, b in zip(floats.data[0].embedding, vectors[0])) < 1e-5
assert "all-MiniLM-L6-v2" in [model.id for model in client.models.list()]
for error, call in [
    (NotFoundError, lambda: client.embeddings.create(model="gpt-9", input="x")),
    (AuthenticationError, lambda: client.with_options(api_key="wrong").models.list()),
]:
    try:
        call()
    except error as caught:
        assert caught.message, caught
    else:
        raise AssertionError(error)
print("ok")
