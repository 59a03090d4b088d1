"""schema/openapi.yaml as something to hold requests and answers against."""
import re
from pathlib import Path

import jsonschema
import yaml

TOP = Path(__file__).resolve().parents[2]
METHODS = ("get", "post", "put", "delete")


def closed(schema):
    """SCHEMA with every object that lists its members closed: in the test's view a member that is not documented is a fault."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if result.get("type") == "object" and "properties" in result:
        result.setdefault("additionalProperties", False)
    return result


class Contract:
    def __init__(self):
        self.document = yaml.safe_load((TOP / "schema/openapi.yaml").read_text())
        self.resolver = jsonschema.RefResolver("", closed(self.document))
        self.seen = set()  # (daemon, METHOD, path) that answered with 2xx, and was right

    def operations(self, daemon):
        """{(METHOD, path with {} for its parameters): operation} of one daemon: gate, keys."""
        return {(method.upper(), re.sub(r"\{[a-z]+\}", "{}", path)): operation
                for path, item in self.document["paths"].items()
                for method, operation in item.items() if method in METHODS and daemon in operation["tags"]}

    def roles(self, operation):
        """The roles that may ask; None among them: no certificate is needed (loopback port)."""
        return {alternative["mutualTLS"][0] if alternative else None for alternative in operation["security"]}

    def find(self, daemon, method, path):
        """The operation that serves METHOD PATH, and its path; as a router would.  Arguments of a query must be documented."""
        path, _, query = path.partition("?")
        for (verb, template), operation in self.operations(daemon).items():
            if verb == method and re.fullmatch(re.escape(template).replace(r"\{\}", "[^/]+"), path):
                known = {item["name"] for item in map(self.resolve, operation.get("parameters", [])) if item["in"] == "query"}
                unknown = {pair.partition("=")[0] for pair in query.split("&") if pair} - known
                assert not unknown, f"{method} {template}: {unknown} not documented"
                return template, operation
        raise AssertionError(f"{method} {path} is not documented")

    def validate(self, schema, value):
        validator = jsonschema.Draft202012Validator(closed(schema), resolver=self.resolver)
        errors = [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(value)]
        assert not errors, errors

    def resolve(self, item):
        return self.resolver.resolve(item["$ref"])[1] if "$ref" in item else item

    def check_request(self, daemon, method, path, body):
        """BODY (parsed) is what the document says of a request; for parts, each line."""
        _, operation = self.find(daemon, method, path)
        content = operation["requestBody"]["content"]
        for value in body if isinstance(body, list) else [body]:
            self.validate(next(iter(content.values()))["schema"], value)

    def check_answer(self, daemon, method, path, answer):
        """ANSWER (of requests) has a documented status, content type and body."""
        template, operation = self.find(daemon, method, path)
        responses = operation["responses"]
        status = str(answer.status_code)
        assert status in responses or answer.status_code >= 400, f"{method} {template}: status {status} is not documented"
        response = self.resolve(responses.get(status, responses["default"]))
        if "content" not in response:
            assert answer.content == b"", f"{method} {template}: {status} has a body"
        else:
            kind = answer.headers["Content-Type"].partition(";")[0]
            assert kind in response["content"], f"{method} {template}: {status} has content of type {kind}"
            if kind.endswith("json"):
                self.validate(response["content"][kind]["schema"], answer.json())
                if kind.startswith("application/problem"):
                    assert answer.json()["status"] == answer.status_code
        if answer.status_code < 300:
            self.seen.add((daemon, method, template))
