#!/usr/bin/env python3
"""LangChain's and LiteLLM's clients against `ordinate serve`: python3 scripts/serve/clients.py target/release/ordinate

Runs `examples/triage`, serves it with a key, installs both clients from PyPI into an environment of its own (.venv/clients), and asks
through each: an answer, a stream, an error. Prints a line for each; docs/serve.md has them.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGES = ["langchain-openai==1.7.4", "litellm==1.110.2"]
TEXT = "the app crashes since the update"

ASKS = r'''
import json, sys
base, key, text = sys.argv[1:]


def tell(client, what, said):
    print(json.dumps({"client": client, "what": what, "said": said}), flush=True)


import importlib.metadata as metadata
from langchain_openai import ChatOpenAI

name = "langchain-openai " + metadata.version("langchain-openai")
model = ChatOpenAI(model="ordinate/triage", base_url=base, api_key=key, max_retries=0, timeout=20)
answer = model.invoke(text)
tell(name, "invoke", answer.content)
tell(name, "stream", "".join(part.content for part in model.stream(text)))
tell(name, "batch", [one.content for one in model.batch([text, "where is my invoice?"])])
try:
    ChatOpenAI(model="ordinate/nothing", base_url=base, api_key=key, max_retries=0).invoke(text)
except Exception as error:
    tell(name, "error", [type(error).__name__, error.status_code])

import litellm

name = "litellm " + metadata.version("litellm")
at = {"api_base": base, "api_key": key, "num_retries": 0, "timeout": 20}
messages = [{"role": "user", "content": text}]
answer = litellm.completion(model="openai/ordinate/triage", messages=messages, **at)
tell(name, "completion", answer.choices[0].message.content)
parts = litellm.completion(model="openai/ordinate/triage", messages=messages, stream=True, **at)
tell(name, "stream", "".join(part.choices[0].delta.content or "" for part in parts))
try:
    litellm.completion(model="openai/ordinate/triage", messages=messages, **{**at, "api_key": "wrong"})
except Exception as error:
    tell(name, "error", [type(error).__name__, error.status_code])
'''


def python():
    """The interpreter of an environment that has both clients."""
    folder = ROOT / ".venv" / "clients"
    own = folder / "bin" / "python"
    if not own.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([own, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return own


def main():
    ordinate = pathlib.Path(sys.argv[1]).resolve()
    own = python()
    with tempfile.TemporaryDirectory() as folder:
        task = ROOT / "examples" / "triage" / "ordinate.toml"
        run = ["run", task, "--quiet", "--out", "run"]
        subprocess.run([ordinate, *run], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        keys = ["serve", "--keys", "keys.toml", "--new-key", "clients"]
        key = subprocess.run([ordinate, *keys], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
        serve = [ordinate, "serve", "run", "--keys", "keys.toml", "--bind", "127.0.0.1:0"]
        server = subprocess.Popen(serve, cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            for line in server.stderr:
                if "listening on " in line:
                    break
            base = line.split("listening on ")[1].strip() + "/v1"
            script = pathlib.Path(folder) / "asks.py"
            script.write_text(ASKS)
            # LiteLLM fetches a table of prices as it is imported, unless it is told to take its own.
            environment = {**os.environ, "NO_PROXY": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
            asked = subprocess.run(
                [own, script, base, key, TEXT], env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
        finally:
            server.terminate()
            server.wait()
    # LiteLLM writes advice between them.
    lines = [json.loads(line) for line in asked.stdout.splitlines() if line.startswith("{")]
    for line in lines:
        print(json.dumps(line))
    answers = {line["said"] for line in lines if line["what"] in ("invoke", "stream", "completion")}
    assert len(answers) == 1, lines
    errors = [line["said"][1] for line in lines if line["what"] == "error"]
    assert errors == [404, 401], errors


if __name__ == "__main__":
    main()
