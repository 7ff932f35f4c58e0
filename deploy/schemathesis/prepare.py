"""Signs an operator in and makes one of each thing, so that calls reach more than "there is no such thing".

usage: prepare.py BASE_URL EMAIL CODE FRIEND_EMAIL FRIEND_CODE CONFIG

The codes are what `stadion operator add EMAIL` printed. Prints an access token; writes to CONFIG, for schemathesis,
which ids there are. What cannot be made is left out: then those calls are tried with ids that nothing has.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.error
import urllib.request

PASSWORD = "a long walk along the river Ile 7"
FEED = """<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><item>
<g:id>shoe-1</g:id><g:title>Trail shoe</g:title><g:description>Light</g:description><g:link>https://shop.example/1</g:link>
<g:image_link>https://shop.example/1.jpg</g:image_link><g:price>19990 KZT</g:price><g:availability>in_stock</g:availability>
<g:brand>Ile</g:brand></item></channel></rss>"""


class Door:
    """The public surface, as one caller sees it."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.token = ""

    def call(self, method: str, path: str, body=None, raw=b"", kind="application/json", headers=None) -> dict:
        data = json.dumps(body).encode() if body is not None else raw
        sent = {"Content-Type": kind, **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.base + path, data or None, sent, method=method)
        with urllib.request.urlopen(request, timeout=40) as answer:
            text = answer.read()
            return json.loads(text) if text else {}


def gpx() -> bytes:
    """An hour's thousandth of a run: 200 points, a second apart, 3 m each."""
    points = (
        f'<trkpt lat="{43.2 + i * 0.000027:.6f}" lon="76.9"><ele>{800 + i % 7}</ele>'
        f"<time>2026-05-01T01:{i // 60:02}:{i % 60:02}Z</time></trkpt>"
        for i in range(200)
    )
    head = '<?xml version="1.0"?><gpx version="1.1" creator="stadion" xmlns="http://www.topografix.com/GPX/1/1">'
    return f"{head}<trk><type>running</type><trkseg>{''.join(points)}</trkseg></trk></gpx>".encode()


def signed(key_id: str, secret: str, body: bytes) -> dict:
    """Headers as Standard Webhooks has them."""
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    name, at = "msg_prepare", str(int(time.time()))
    mac = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(mac).decode()
    return {"Stadion-Key": key_id, "webhook-id": name, "webhook-timestamp": at, "webhook-signature": signature}


def signed_in(base: str, email: str, code: str) -> tuple[Door, str]:
    """Somebody's door, and who they are."""
    door = Door(base)
    door.call("POST", "/v1/password-resets/confirm", {"email": email, "code": code, "password": PASSWORD})
    session = door.call("POST", "/v1/sessions", {"email": email, "password": PASSWORD})
    door.token = session["access_token"]
    return door, session["account_id"]


def social(door: Door, account: str, friend: Door, other: str) -> dict:
    """A friend in a group, and a challenge that both take part in."""
    door.call("PUT", f"/v1/me/friends/{other}")
    friend.call("PUT", f"/v1/me/friends/{account}?if=received")
    group = door.call("POST", "/v1/groups", {"name": "Ile runners", "kind": "open", "sports": ["running"]})["id"]
    friend.call("PUT", f"/v1/groups/{group}/members/me")
    challenge = {
        "name": {"en": "Around the Ile"},
        "metric": "distance_m",
        "sports": ["running"],
        "window": {"start": "2026-05-01T00:00:00", "end": "2027-05-01T00:00:00", "clock": "local"},
        "public": True,
        "rewards": [{"places": [1, 3], "points": 500}],
    }
    challenge = door.call("POST", "/v1/challenges", challenge)["id"]
    door.call("POST", f"/v1/challenges/{challenge}/open")
    for one in (door, friend):
        one.call("PUT", f"/v1/challenges/{challenge}/participants/me", {"show_as": "name"})
    return {
        **{f"/v1/me/{edge}/{{account_id}}": {"account_id": other} for edge in ("friends", "follows", "followers")},
        "/v1/groups/{id}": {"id": group, "account_id": other},
        "/v1/challenges/{id}": {"id": challenge},
        "/v1/boards/{challenge_id}": {"challenge_id": challenge},
    }


def made(door: Door, account: str) -> dict:
    """Path → what its parameters may be: the id of something that is there."""
    return {path: {"id": one} for path, one in things(door, account).items()}


def things(door: Door, account: str) -> dict:
    """Path → id of something that is there."""
    ids = {"/v1/people/{id}": account}
    upload = door.call("POST", "/v1/uploads?filename=run.gpx&wait_s=20", raw=gpx(), kind="application/gpx+xml")
    ids["/v1/uploads/{id}"] = upload["id"]
    ids["/v1/activities/{id}"] = upload["activity_ids"][0]
    door.call("PUT", f"/v1/accounts/{account}/roles/marketer", {"regions": ["KZ-75"]})
    partner = door.call("POST", "/v1/partners", {"name": "Ile Sport", "regions": ["KZ-75"]})
    feed = FEED.encode()
    door.call(
        "PUT",
        "/partner/v1/feeds/main",
        raw=feed,
        kind="application/xml",
        headers=signed(partner["key_id"], partner["secret"], feed),
    )
    ids["/v1/products/{id}"] = door.call("GET", "/v1/products")["items"][0]["id"]
    promo = {
        "name": {"en": "First run"},
        "partner_id": partner["id"],
        "regions": ["KZ-75"],
        "trigger": {"badge_unlocked": "first_run"},
        "eligibility": {"region_in": ["KZ-75"]},
        "offer": {"kind": "percent_off", "percent": 15, "product_ids": ["shoe-1"], "valid_days": 14},
        "budget": {"limit": {"amount_minor": 5000000, "currency": "KZT"}},
        "schedule": {"start": "2026-05-01T09:00:00", "end": "2027-05-01T09:00:00", "clock": "region"},
    }
    ids["/v1/promos/{id}"] = door.call("POST", "/v1/promos", promo)["id"]
    achievements = door.call("GET", "/v1/me/achievements")["items"]
    if achievements:
        ids["/v1/achievements/{id}"] = achievements[0]["id"]
    return ids


def main() -> None:
    base, email, code, friend_email, friend_code, config = sys.argv[1:]
    door, account = signed_in(base, email, code)
    there = {}
    for make in (lambda: made(door, account), lambda: social(door, account, *signed_in(base, friend_email, friend_code))):
        try:
            there.update(make())
        except urllib.error.HTTPError as error:
            print(f"not everything could be made: {error.url}: {error.status} {error.read().decode()}", file=sys.stderr)
    with open(config, "w", encoding="utf-8") as file:
        for path, parameters in there.items():
            pattern = "^" + path.replace("{", r"\{").replace("}", r"\}") + "(/|$)"
            given = ", ".join(f'"path.{name}" = "{one}"' for name, one in parameters.items())
            file.write(f"[[operations]]\ninclude-path-regex = '{pattern}'\nparameters = {{ {given} }}\n\n")
    print(door.token)


main()
