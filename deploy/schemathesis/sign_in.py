"""Sets the password of an operator with the code that `stadion operator add` printed, and prints an access token.

usage: sign_in.py BASE_URL EMAIL CODE
"""

import json
import sys
import urllib.request

PASSWORD = "a long walk along the river Ile 7"


def post(url: str, body: dict) -> bytes:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


def main() -> None:
    base, email, code = sys.argv[1:]
    post(f"{base}/v1/password-resets/confirm", {"email": email, "code": code, "password": PASSWORD})
    session = json.loads(post(f"{base}/v1/sessions", {"email": email, "password": PASSWORD}))
    print(session["access_token"])


main()
