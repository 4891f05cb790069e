#!/usr/bin/env python3
"""llama-cpp-python's own server, with a ledger: what it says of the tokens of every chat answer, a line of JSON each.

    python serve.py LEDGER DELAY_S ARGUMENT...      # the arguments are those of `python -m llama_cpp.server`

The delay before each answer leaves time to kill the server in the middle of a run.
"""
import json
import sys
import time

import llama_cpp
from llama_cpp.server.__main__ import main

LEDGER, DELAY = sys.argv[1], float(sys.argv[2])
asked = llama_cpp.Llama.create_chat_completion


def create_chat_completion(self, *arguments, **named):
    time.sleep(DELAY)
    answer = asked(self, *arguments, **named)
    if isinstance(answer, dict):  # a stream has no counts
        with open(LEDGER, "a") as ledger:
            ledger.write(json.dumps(answer["usage"]) + "\n")
    return answer


llama_cpp.Llama.create_chat_completion = create_chat_completion
sys.argv[1:] = sys.argv[3:]
main()
