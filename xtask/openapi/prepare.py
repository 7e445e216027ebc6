"""Signs a seller with a gig up, by the document's own examples, and prints the session: the value of its cookie.

usage: prepare.py BASE NAME
       prepare.py BASE --alive SESSION    fails unless that session goes on
"""

import http.cookiejar
import json
import sys
import time
import urllib.error
import urllib.request

base, name = sys.argv[1:3]
if name == "--alive":
    mine = urllib.request.Request(f"{base}/api/gateway/v1/auth/currentuser", headers={"Cookie": f"session={sys.argv[3]}"})
    try:
        urllib.request.urlopen(mine).close()
    except urllib.error.HTTPError as error:
        sys.exit(f"the session ended midway: {error.code} {error.read().decode()}")
    sys.exit()
cookies = http.cookiejar.CookieJar()
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
with urllib.request.urlopen(f"{base}/openapi.json") as answer:
    document = json.load(answer)


def example(path, method):
    content = document["paths"][f"/api/gateway/v1{path}"][method]["requestBody"]["content"]["application/json"]
    if "example" in content:
        return content["example"]
    return document["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[-1]]["example"]


def call(method, path, body):
    request = urllib.request.Request(
        f"{base}/api/gateway/v1{path}",
        method=method.upper(),
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    # What was just made may be on its way to the next service.
    for _ in range(60):
        try:
            with browser.open(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            if error.code != 503:
                sys.exit(f"{method} {path}: {error.code} {text}")
            time.sleep(0.5)
    sys.exit(f"{method} {path}: {text}")


person = example("/auth/signup", "post") | {"username": name, "email": f"{name.lower()}@example.com"}
call("post", "/auth/signup", person)
call("post", "/seller/create", example("/seller/create", "post"))
call("post", "/gig/create", example("/gig/create", "post"))
print(next(cookie.value for cookie in cookies if cookie.name == "session"))
