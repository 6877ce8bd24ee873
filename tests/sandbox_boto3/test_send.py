"""SendCommand: what the service accepts, what it refuses, and with which words."""

import email.utils
import hashlib
import json
import os
import socket
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from botocore import UNSIGNED
from sandbox import ENDPOINT, MANAGED, SHELL, WINDOWS, SandboxTest, client, host, raw

UNKNOWN = "i-0fedcba9876543210"


class Accepted(SandboxTest):
    def test_the_answer_is_the_command_before_it_went_anywhere(self):
        answer = self.ssm.send_command(
            DocumentName=SHELL,
            InstanceIds=[host(1), host(0)],
            Comment="fleet/production/r/1.1-1",
            Parameters={"commands": ["true"], "executionTimeout": ["60"]},
            TimeoutSeconds=120,
            MaxConcurrency="10%",
            MaxErrors="100%",
        )
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 200)
        command = answer["Command"]
        self.assertEqual(len(command["CommandId"]), 36)
        self.assertEqual((command["Status"], command["StatusDetails"]), ("Pending", "Pending"))
        self.assertEqual(command["Comment"], "fleet/production/r/1.1-1")
        self.assertEqual(command["InstanceIds"], [host(1), host(0)])
        self.assertEqual(command["Parameters"]["executionTimeout"], ["60"])
        self.assertEqual((command["MaxConcurrency"], command["MaxErrors"]), ("10%", "100%"))
        self.assertEqual((command["TargetCount"], command["CompletedCount"]), (2, 0))
        total = command["ExpiresAfter"] - command["RequestedDateTime"]
        self.assertEqual(total.total_seconds(), 180)

    def test_defaults(self):
        command = self.ssm.send_command(
            DocumentName=SHELL, InstanceIds=[host(0)], Parameters={"commands": ["true"]}
        )["Command"]
        self.assertEqual((command["MaxConcurrency"], command["MaxErrors"]), ("50", "0"))
        self.assertEqual((command["TimeoutSeconds"], command["Comment"]), (3600, ""))
        total = command["ExpiresAfter"] - command["RequestedDateTime"]
        self.assertEqual(total.total_seconds(), 7200)

    def test_an_execution_timeout_below_the_agents_limit_becomes_an_hour(self):
        for given, used in [("4", 3600), ("5", 5), ("172800", 172800)]:
            command = self.ssm.send_command(
                DocumentName=SHELL,
                InstanceIds=[host(0)],
                Parameters={"commands": ["true"], "executionTimeout": [given]},
                TimeoutSeconds=30,
            )["Command"]
            total = command["ExpiresAfter"] - command["RequestedDateTime"]
            self.assertEqual(total.total_seconds(), 30 + used)

    def test_fifty_instances(self):
        instances = [host(n) for n in range(50)]
        command = self.send("true", instances=instances)
        for instance in instances:
            self.assertEqual(self.end(command, instance)["Status"], "Success")

    def test_managed_instances(self):
        self.assertEqual(self.run_script("true", instances=[MANAGED])["Status"], "Success")

    def test_a_document_by_arn_and_version(self):
        arn = "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript"
        for version in ["$DEFAULT", "$LATEST", "1"]:
            command = self.send("true", DocumentName=arn, DocumentVersion=version)
            self.assertEqual(self.get(command)["DocumentName"], SHELL)

    def test_targets_by_instance_id(self):
        command = self.ssm.send_command(
            DocumentName=SHELL,
            Targets=[{"Key": "InstanceIds", "Values": [host(0), host(2)]}],
            Parameters={"commands": ["true"]},
        )["Command"]
        self.assertEqual((command["TargetCount"], command["InstanceIds"]), (2, []))
        self.assertEqual(self.end(command["CommandId"], host(2))["Status"], "Success")

    def test_targets_that_match_nobody(self):
        command = self.ssm.send_command(
            DocumentName=SHELL,
            Targets=[{"Key": "tag:Role", "Values": ["web"]}],
            Parameters={"commands": ["true"]},
        )["Command"]
        self.assertEqual((command["TargetCount"], command["StatusDetails"]), (0, "NoInstancesInTag"))

    def test_the_longest_comment(self):
        command = self.send("true", Comment="ä" * 100)
        shown = [
            self.get(command),
            self.ssm.list_commands(CommandId=command)["Commands"][0],
            self.ssm.list_command_invocations(CommandId=command)["CommandInvocations"][0],
        ]
        self.assertEqual([each["Comment"] for each in shown], ["ä" * 100] * 3)

    def test_shares_of_every_form(self):
        for concurrency, errors in [("1", "0"), ("1234567", "1234567"), ("1%", "0%"), ("99%", "99%"), ("100%", "100%")]:
            command = self.send("true", MaxConcurrency=concurrency, MaxErrors=errors)
            shown = self.ssm.list_commands(CommandId=command)["Commands"][0]
            self.assertEqual((shown["MaxConcurrency"], shown["MaxErrors"]), (concurrency, errors))

    def test_what_is_off_or_has_no_effect(self):
        self.send("true", CloudWatchOutputConfig={"CloudWatchOutputEnabled": False})
        self.send("true", OutputS3Region="eu-west-1")

    def test_a_call_of_nearly_64_kb(self):
        script = "# " + "x" * 60_000
        self.assertEqual(self.run_script(script)["Status"], "Success")


class Refused(SandboxTest):
    def reject(self, code, **request):
        request = {
            "DocumentName": SHELL,
            "InstanceIds": [host(0)],
            "Parameters": {"commands": ["true"]},
            **request,
        }
        request = {key: value for key, value in request.items() if value is not None}
        return self.refused(code, "send_command", **request)

    def test_more_than_fifty_instances(self):
        message = self.reject("ValidationException", InstanceIds=[host(n) for n in range(51)])
        self.assertRegex(message, "^1 validation error detected: Value '.*' at 'instanceIds' failed")
        self.assertIn("Member must have length less than or equal to 50", message)

    def test_ids_that_are_none(self):
        for bad in ["", "i-123", "web-1", "i-0123456789", "mi-0123abcd", "i-0123abc?"]:
            message = self.reject("ValidationException", InstanceIds=[bad])
            self.assertIn("regular expression pattern", message)

    def test_the_same_instance_twice(self):
        self.assertEqual(self.reject("DuplicateInstanceId", InstanceIds=[host(0), host(1), host(0)]), "")

    def test_one_unknown_instance_fails_the_call_and_is_named(self):
        before = self.command_ids()
        other = "mi-0fedcba9876543210"
        message = self.reject("InvalidInstanceId", InstanceIds=[host(0), UNKNOWN, host(1), other])
        self.assertRegex(message, r"^Instances \[\[(.*)\]\] not in a valid state for account \d{12}$")
        self.assertIn(UNKNOWN, message)
        self.assertIn(other, message)
        self.assertNotIn(host(0), message)
        self.assertEqual(self.command_ids(), before)

    def test_neither_instances_nor_targets_or_both(self):
        self.reject("ValidationException", InstanceIds=None)
        targets = [{"Key": "InstanceIds", "Values": [host(0)]}]
        self.reject("ValidationException", Targets=targets)
        self.reject("ValidationException", InstanceIds=None, Targets=targets * 6)

    def test_timeouts_out_of_range(self):
        for bad in [0, 29, 2_592_001]:
            message = self.reject("ValidationException", TimeoutSeconds=bad)
            self.assertIn("'timeoutSeconds'", message)

    def test_a_comment_that_is_too_long(self):
        self.reject("ValidationException", Comment="x" * 101)

    def test_shares_that_are_none(self):
        for bad in ["", "0", "101%", "x", "05", "12345678"]:
            self.reject("ValidationException", MaxConcurrency=bad)
        for bad in ["", "-1", "101%", "x"]:
            self.reject("ValidationException", MaxErrors=bad)

    def test_several_violations_are_told_at_once(self):
        message = self.reject("ValidationException", Comment="x" * 101, TimeoutSeconds=1)
        self.assertTrue(message.startswith("2 validation errors detected: "), message)

    def test_documents_that_do_not_exist(self):
        self.reject("InvalidDocument", DocumentName="AWS-RunRemoteScript")
        self.reject("ValidationException", DocumentName="x")
        self.reject("ValidationException", DocumentName="with space")
        self.reject("ValidationException", DocumentName=None)
        self.reject("InvalidDocumentVersion", DocumentVersion="2")
        self.reject("ValidationException", DocumentVersion="zero")

    def test_a_hash_of_another_document(self):
        other = hashlib.sha256(b"other").hexdigest()
        self.reject("InvalidDocument", DocumentHash=other, DocumentHashType="Sha256")
        self.reject("ValidationException", DocumentHash=other, DocumentHashType="Md5")
        self.reject("ValidationException", DocumentHash="x" * 257)

    def test_parameters(self):
        for bad in [
            {},
            {"commands": []},
            {"commands": ["true"], "unknown": ["x"]},
            {"commands": ["true"], "workingDirectory": ["/a", "/b"]},
            {"commands": ["true"], "workingDirectory": ["x" * 4097]},
            {"commands": ["true"], "executionTimeout": ["0"]},
            {"commands": ["true"], "executionTimeout": ["172801"]},
            {"commands": ["true"], "executionTimeout": ["ten"]},
            {"commands": ["echo {{ ssm:name }}"]},
        ]:
            self.reject("InvalidParameters", Parameters=bad)
        self.reject("InvalidParameters", Parameters=None)
        message = self.reject("InvalidParameters", Parameters={"commands": ["x"], "oops": ["y"]})
        self.assertEqual(message, f"document {SHELL} does not support parameters.")

    def test_a_document_of_another_account(self):
        for account in ["123456789012", "999999999999"]:
            arn = f"arn:aws:ssm:eu-west-1:{account}:document/AWS-RunShellScript"
            self.reject("InvalidDocument", DocumentName=arn)

    def test_types(self):
        good = {"DocumentName": SHELL, "InstanceIds": [host(0)], "Parameters": {"commands": ["true"]}}
        self.assertEqual(raw("SendCommand", good)[0], 200)
        for bad in [
            {"TimeoutSeconds": "soon"},
            {"TimeoutSeconds": 30.5},
            {"InstanceIds": host(0)},
            {"InstanceIds": [1]},
            {"Parameters": {"commands": "true"}},
            {"Parameters": {"commands": [["true"]]}},
            {"Parameters": ["true"]},
            {"Comment": ["x"]},
            {"Targets": [{"Key": "InstanceIds", "Values": host(0)}]},
            {"CloudWatchOutputConfig": "on"},
            # A structure is no list of its members.
            {"Targets": [["InstanceIds", [host(0)]]]},
            {"CloudWatchOutputConfig": [True]},
            {"NotificationConfig": ["arn", ["All"], "Command"]},
            {"AlarmConfiguration": [[{"Name": "alarm"}]]},
        ]:
            self.assertEqual(raw("SendCommand", {**good, **bad})[:2], (400, "SerializationException"), bad)
        for body in [b"null", b"[]", b"{", b'{"DocumentName": "\xff"}', b"[" * 100_000]:
            self.assertEqual(raw("SendCommand", body)[:2], (400, "SerializationException"), body[:9])

    def test_more_than_64_kb(self):
        self.reject("MaxDocumentSizeExceeded", Parameters={"commands": ["x" * 65_536]})

    def test_a_shell_script_on_windows(self):
        message = self.reject("UnsupportedPlatformType", InstanceIds=[host(0), WINDOWS])
        self.assertEqual(
            message, f"Cannot perform operation for instance id {WINDOWS} of platform type Windows"
        )

    def test_powershell_on_linux_ends_before_it_runs(self):
        command = self.send("echo x", DocumentName="AWS-RunPowerShellScript")
        invocation = self.end(command)
        self.assertEqual((invocation["Status"], invocation["StatusDetails"]), ("Failed", "InvalidPlatform"))
        self.assertEqual(invocation["ResponseCode"], -1)
        self.assertEqual(invocation["PluginName"], "aws:runPowerShellScript")

    def test_what_other_services_would_have_to_do(self):
        self.reject("InvalidOutputFolder", OutputS3BucketName="logs")
        self.reject("InvalidNotificationConfig", NotificationConfig={"NotificationArn": "arn"})
        self.reject("ValidationException", CloudWatchOutputConfig={"CloudWatchOutputEnabled": True})
        self.reject("InvalidOutputFolder", OutputS3KeyPrefix="logs")
        self.reject("InvalidNotificationConfig", ServiceRoleArn="arn:aws:iam::123456789012:role/sns")
        self.reject("ValidationException", AlarmConfiguration={"Alarms": [{"Name": "any"}]})

    def test_nothing_refused_has_left_a_command(self):
        before = self.command_ids()
        self.reject("InvalidParameters", Parameters={})
        self.assertEqual(self.command_ids(), before)


class Protocol(SandboxTest):
    def test_operations_that_a_sandbox_does_not_have(self):
        self.refused("UnknownOperationException", "list_documents")

    def test_a_call_needs_a_signature_and_takes_any(self):
        self.ssm = client(signature_version=UNSIGNED)
        self.refused("MissingAuthenticationToken", "list_commands")

    def test_every_answer_has_the_time_and_an_id(self):
        headers = self.ssm.list_commands()["ResponseMetadata"]["HTTPHeaders"]
        date = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
        self.assertLess(abs(date - time.time()), 3)
        self.assertEqual(headers["content-type"], "application/x-amz-json-1.1")
        self.assertEqual(len(headers["x-amzn-requestid"]), 36)

    def test_an_error_is_a_400_with_its_type(self):
        with self.assertRaises(self.ssm.exceptions.InvalidDocument) as caught:
            self.send("true", DocumentName="no-such-document")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 400)

    def test_a_page_in_a_browser_gets_nowhere(self):
        body = json.dumps({"Instances": []}).encode()
        for headers in [
            {"X-Amz-Target": "FleetSandbox.Register"},
            {
                "X-Amz-Target": "FleetSandbox.Register",
                "Content-Type": "application/x-amz-json-1.1",
                "Host": "attacker.example",
            },
        ]:
            request = urllib.request.Request(ENDPOINT, body, headers)
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request)
            self.assertEqual(caught.exception.code, 400)
            caught.exception.close()

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_another_user_of_the_machine_gets_no_answer(self):
        address = urllib.parse.urlsplit(ENDPOINT)
        request = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"

        def answered():
            with socket.create_connection((address.hostname, address.port), 5) as stream:
                try:
                    stream.sendall(request)
                    return stream.recv(1) != b""
                except ConnectionError:
                    return False

        self.assertTrue(answered())
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            os._exit(1 if answered() else 0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
