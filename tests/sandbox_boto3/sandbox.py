"""A boto3 client of the sandbox, and what its tests share."""

import json
import os
import time
import unittest
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["SANDBOX_ENDPOINT"]
ROOT = os.environ["SANDBOX_ROOT"]
SHELL = "AWS-RunShellScript"
MANAGED = "mi-0123456789abcdef0"
WINDOWS = "i-0123abcd"


def host(number):
    """The instance id of the host web-<number>."""
    return f"i-{number:017x}"


def client(**config):
    """One attempt per call; the service checks, not the client."""
    settings = Config(retries={"total_max_attempts": 1}, parameter_validation=False, **config)
    return boto3.client(
        "ssm",
        endpoint_url=ENDPOINT,
        region_name="eu-west-1",
        aws_access_key_id="anything",
        aws_secret_access_key="anything",
        config=settings,
    )


def own(operation, **body):
    """Calls an operation that only the sandbox has."""
    request = urllib.request.Request(
        ENDPOINT,
        json.dumps(body).encode(),
        {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"FleetSandbox.{operation}"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def raw(operation, body):
    """Sends bytes that boto3 would not, and returns the status, the error's type and its message."""
    request = urllib.request.Request(
        ENDPOINT,
        body if isinstance(body, bytes) else json.dumps(body).encode(),
        {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonSSM.{operation}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=any/20200101/eu-west-1/ssm/aws4_request, Signature=any",
        },
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, None, ""
    except urllib.error.HTTPError as error:
        with error:
            told = json.load(error)
            return error.code, told["__type"], told.get("message", told.get("Message", ""))


class SandboxTest(unittest.TestCase):
    """Starts without faults."""

    def setUp(self):
        self.ssm = client()
        own("Faults")

    def send(self, *lines, instances=(host(0),), parameters=None, **options):
        """Sends a script, and returns the command's id."""
        parameters = {"commands": list(lines), **(parameters or {})}
        request = {"DocumentName": SHELL, "InstanceIds": list(instances), "Parameters": parameters}
        return self.ssm.send_command(**{**request, **options})["Command"]["CommandId"]

    def get(self, command, instance=host(0)):
        return self.ssm.get_command_invocation(CommandId=command, InstanceId=instance)

    def end(self, command, instance=host(0), patience=30):
        """Waits for the end of a command on an instance."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            invocation = self.get(command, instance)
            if invocation["Status"] not in ("Pending", "InProgress", "Delayed", "Cancelling"):
                return invocation
            time.sleep(0.02)
        self.fail(f"still {invocation['StatusDetails']} after {patience} s")

    def run_script(self, *lines, **options):
        """Sends a script and waits for its end."""
        instance = options.get("instances", (host(0),))[0]
        return self.end(self.send(*lines, **options), instance)

    def plugin(self, command, instance=host(0)):
        """What ListCommandInvocations tells of a command's only step."""
        page = self.ssm.list_command_invocations(CommandId=command, InstanceId=instance, Details=True)
        return page["CommandInvocations"][0]["CommandPlugins"][0]

    def command_ids(self):
        """Every command that there is."""
        pages = self.ssm.get_paginator("list_commands").paginate()
        return [command["CommandId"] for page in pages for command in page["Commands"]]

    def refused(self, code, operation, **request):
        """Calls an operation that must fail, and returns the message."""
        with self.assertRaises(ClientError) as caught:
            getattr(self.ssm, operation)(**request)
        error = caught.exception.response["Error"]
        self.assertEqual(error["Code"], code, error)
        return error["Message"]

    def wait(self, condition, patience=30):
        """Waits until something is so."""
        deadline = time.monotonic() + patience
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it never was so")
            time.sleep(0.02)
