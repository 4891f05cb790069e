"""OpenAI's own client against `ordinate serve`: python3 openai_sdk.py BASE_URL KEY.

The server serves the run of crates/ordinate/tests/support/desk_of_two.rs, whose task is `moves`, whose candidates tell a
story of 60 pieces, and whose first breaks as a prompt asks it to; and that of parcels.rs, whose task is `parcels`, and whose
policy stands on the embeddings of an API. Ends with a line of JSON that says what was tried.
"""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1], api_key=sys.argv[2], max_retries=0, timeout=20)
done = []


def case(f):
    f()
    done.append(f.__name__)


def conversation(text):
    return [{"role": "system", "content": "Tell a story."}, {"role": "user", "content": text}]


def ask(text, **more):
    return client.chat.completions.create(model="ordinate/moves", messages=conversation(text), **more)


def refused(kind, status, f):
    try:
        f()
    except kind as error:
        assert error.status_code == status, (error.status_code, status)
        return error
    raise AssertionError(f"no {kind.__name__}")


@case
def models():
    assert [model.id for model in client.models.list()] == ["ordinate/moves", "ordinate/parcels"]
    assert client.models.retrieve("ordinate/moves").owned_by == "ordinate"


@case
def chat():
    answer = client.chat.completions.create(
        model="ordinate/moves", messages=[{"role": "user", "content": "item 4 of sixty"}]
    )
    assert answer.choices[0].message.content == "up", answer
    assert answer.usage.total_tokens > 0
    with_headers = client.chat.completions.with_raw_response.create(
        model="ordinate/moves", messages=[{"role": "user", "content": "item 5 of sixty"}], extra_body={"ordinate": {}}
    )
    assert with_headers.parse().choices[0].message.content == "down"
    assert with_headers.headers["x-ordinate-candidate"] == "first"


@case
def streaming():
    chunks = list(ask("go", stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(chunks) > 50 and text.startswith("It was a dark"), text
    assert chunks[-1].usage.completion_tokens > 0
    # An answer that is read as a whole comes as a stream too.
    item = [{"role": "user", "content": "item 4 of sixty"}]
    chunks = list(client.chat.completions.create(model="ordinate/moves", messages=item, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "up"


@case
def tools():
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    assert ask("go", tools=[tool], tool_choice="auto").choices[0].message.content.startswith("It was")


@case
def completions():
    answer = client.completions.create(model="ordinate/moves", prompt="item 5 of sixty")
    assert answer.choices[0].text == "down", answer
    told = client.completions.create(model="ordinate/moves", prompt="go", suffix="The end.", stream=True)
    assert "".join(part.choices[0].text for part in told).startswith("It was a dark")


@case
def responses():
    answer = client.responses.create(model="ordinate/moves", input="item 4 of sixty")
    assert answer.output_text == "up" and answer.usage.output_tokens == 1, answer
    story = {"model": "ordinate/moves", "input": "go", "instructions": "Tell a story."}
    assert client.responses.create(**story).output_text.startswith("It was a dark")
    # Both a stream that is passed on, and one that is made of a whole answer: the client puts them together again.
    for asked, begins in [(story, "It was a dark"), ({"model": "ordinate/moves", "input": "item 4 of sixty"}, "up")]:
        with client.responses.stream(**asked) as told:
            assert told.until_done().get_final_response().output_text.startswith(begins)
    try:
        for _ in client.responses.create(**{**story, "input": "go fault:cut-after-21"}, stream=True):
            pass
    except openai.APIError as error:
        assert error.code == "upstream_error", error.code
    else:
        raise AssertionError("a part was taken for the whole")


@case
def embeddings():
    # The client asks for base64 and unpacks it.
    answer = client.embeddings.create(model="ordinate/parcels", input=["parcel 7", "parcel 8"])
    assert len(answer.data) == 2 and len(answer.data[0].embedding) == len(answer.data[1].embedding), answer


@case
def stand_in():
    assert ask("go fault:500").model == "second-model"
    assert "".join(c.choices[0].delta.content or "" for c in ask("go fault:cut-before-headers", stream=True))


@case
def a_stream_that_breaks_off_is_an_error():
    told = []
    try:
        for chunk in ask("go fault:cut-after-21", stream=True):
            told.append(chunk.choices[0].delta.content)
    except openai.APIError as error:
        assert error.code == "upstream_error", error.code
    else:
        raise AssertionError("a part was taken for the whole")
    assert len(told) >= 20, told


@case
def errors():
    create = client.chat.completions.create
    refused(openai.NotFoundError, 404, lambda: create(model="gpt-4", messages=conversation("go")))
    refused(openai.PermissionDeniedError, 403, lambda: create(model="first", messages=conversation("go")))
    error = refused(openai.BadRequestError, 400, lambda: create(model="ordinate/moves", messages=[]))
    assert error.param == "messages", error.param
    stranger = client.with_options(api_key="nobody")
    refused(openai.AuthenticationError, 401, lambda: stranger.models.list())
    slow = client.with_options(timeout=0.2)
    try:
        slow.chat.completions.create(
            model="ordinate/moves", messages=conversation("go fault:stall-headers"), extra_body={"ordinate": {"prompt": "own"}}
        )
    except openai.APITimeoutError:
        pass
    else:
        raise AssertionError("no time-out")


print(json.dumps({"openai": openai.__version__, "tried": done}))
