"""What goes wrong on purpose, and the statuses of what did not go right by itself."""

import email.utils
import pathlib
import time

import botocore.exceptions
from sandbox import ROOT, SHELL, SandboxTest, host, own

HOSTS = pathlib.Path(ROOT) / "hosts/lab"


class Calls(SandboxTest):
    def test_throttling_for_so_many_calls(self):
        own("Faults", throttle=[{"operation": "SendCommand", "calls": 2}])
        own("Counters", Reset=True)
        for _ in range(2):
            message = self.refused("ThrottlingException", "send_command", DocumentName=SHELL, InstanceIds=[host(0)])
            self.assertEqual(message, "Rate exceeded")
        self.ssm.list_commands()
        self.send("true")
        counters = own("Counters")
        self.assertEqual(counters["Calls"], {"SendCommand": 3, "ListCommands": 1})
        self.assertEqual(counters["Errors"], {"SendCommand": {"ThrottlingException": 2}})

    def test_throttling_for_a_time(self):
        own("Faults", throttle=[{"operation": "*", "seconds": 60}])
        self.refused("ThrottlingException", "list_commands")
        own("Advance", Seconds=60)
        self.ssm.list_commands()

    def test_access_denied(self):
        own("Faults", deny=[{"operation": "DescribeInstanceInformation"}])
        message = self.refused("AccessDeniedException", "describe_instance_information")
        self.assertIn("not authorized to perform: ssm:DescribeInstanceInformation", message)
        self.ssm.list_commands()

    def test_an_error_before_anything_is_done(self):
        before = self.command_ids()
        own("Faults", fail=[{"operation": "SendCommand", "calls": 1}])
        self.refused("InternalServerError", "send_command", DocumentName=SHELL)
        self.assertEqual(self.command_ids(), before)

    def test_an_error_after_acceptance(self):
        own("Faults", fail_after=[{"operation": "SendCommand", "calls": 1}])
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            self.send("true", Comment="after an error")
        self.assertEqual(caught.exception.response["ResponseMetadata"]["HTTPStatusCode"], 500)
        newest = self.ssm.list_commands()["Commands"][0]
        self.assertEqual(newest["Comment"], "after an error")
        self.assertEqual(self.end(newest["CommandId"])["Status"], "Success")

    def test_a_connection_cut_after_acceptance(self):
        own("Faults", cut_after=[{"operation": "SendCommand", "calls": 1}])
        with self.assertRaises(botocore.exceptions.HTTPClientError):
            self.send("true", Comment="cut")
        newest = self.ssm.list_commands()["Commands"][0]
        self.assertEqual(newest["Comment"], "cut")

    def test_a_connection_cut_before_anything_is_done(self):
        before = self.command_ids()
        own("Faults", cut=[{"operation": "SendCommand", "calls": 1}])
        with self.assertRaises(botocore.exceptions.HTTPClientError):
            self.send("true")
        self.assertEqual(self.command_ids(), before)

    def test_a_clock_that_is_wrong(self):
        own("Faults", clock_skew=-120)
        headers = self.ssm.list_commands()["ResponseMetadata"]["HTTPHeaders"]
        date = email.utils.parsedate_to_datetime(headers["date"]).timestamp()
        self.assertAlmostEqual(date - time.time(), -120, delta=5)

    def test_a_fault_that_is_none(self):
        with self.assertRaises(OSError) as caught:
            own("Faults", throtle=[])
        caught.exception.close()


class Deliveries(SandboxTest):
    def test_a_lost_command_ends_only_by_its_timeouts(self):
        own("Faults", lose=[{"times": 1}])
        command = self.send("true", TimeoutSeconds=30, parameters={"executionTimeout": ["5"]})
        invocation = self.get(command)
        self.assertEqual((invocation["Status"], invocation["ResponseCode"]), ("InProgress", -1))
        own("Advance", Seconds=34)
        self.assertEqual(self.get(command)["Status"], "InProgress")
        own("Advance", Seconds=1)
        invocation = self.get(command)
        self.assertEqual((invocation["Status"], invocation["StatusDetails"]), ("TimedOut", "DeliveryTimedOut"))
        shown = self.ssm.list_commands(CommandId=command)["Commands"][0]
        self.assertEqual((shown["DeliveryTimedOutCount"], shown["ErrorCount"], shown["CompletedCount"]), (1, 0, 1))

    def test_a_command_may_run_although_its_delivery_timed_out(self):
        command = self.send(
            f"touch {HOSTS}/web-0/slow-started",
            f"while [ -d $FLEET_ROOT ] && [ ! -e {HOSTS}/web-0/slow ]; do sleep 0.05; done; touch {HOSTS}/web-0/ran",
            TimeoutSeconds=30,
            parameters={"executionTimeout": ["30"]},
        )
        self.wait((HOSTS / "web-0/slow-started").exists)
        own("Advance", Seconds=60)
        self.assertEqual(self.get(command)["StatusDetails"], "DeliveryTimedOut")
        (HOSTS / "web-0/slow").touch()
        self.wait((HOSTS / "web-0/ran").exists)
        time.sleep(0.2)
        self.assertEqual(self.get(command)["StatusDetails"], "DeliveryTimedOut")

    def test_a_command_delivered_twice_runs_twice_and_answers_once(self):
        own("Faults", duplicate=[{"instances": [host(2)], "times": 1}])
        command = self.send("echo ran >>$FLEET_ROOT/twice; echo one answer", instances=[host(2)])
        self.assertEqual(self.end(command, host(2))["StandardOutputContent"], "one answer\n")
        self.wait(lambda: (HOSTS / "web-2/twice").read_text() == "ran\nran\n")

    def test_eventual_consistency(self):
        own("Faults", list_delay=60)
        command = self.send("true")
        self.refused("InvocationDoesNotExist", "get_command_invocation", CommandId=command, InstanceId=host(0))
        self.assertEqual(self.ssm.list_command_invocations(CommandId=command)["CommandInvocations"], [])
        self.assertEqual(self.ssm.list_commands(CommandId=command)["Commands"], [])
        own("Advance", Seconds=60)
        self.assertEqual(len(self.ssm.list_commands(CommandId=command)["Commands"]), 1)
        self.assertEqual(self.end(command)["Status"], "Success")

    def test_a_late_delivery(self):
        own("Faults", delivery_delay=60)
        command = self.send("true", TimeoutSeconds=90)
        time.sleep(0.2)
        self.assertEqual(self.get(command)["Status"], "Pending")
        own("Advance", Seconds=60)
        self.assertEqual(self.end(command)["Status"], "Success")

    def test_an_offline_host_gets_it_when_it_is_back(self):
        own("Faults", offline=[host(3)])
        command = self.send("true", instances=[host(3)])
        time.sleep(0.2)
        invocation = self.get(command, host(3))
        self.assertEqual((invocation["Status"], invocation["ResponseCode"]), ("InProgress", -1))
        (shown,) = self.ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [host(3)]}])["InstanceInformationList"]
        self.assertEqual(shown["PingStatus"], "ConnectionLost")
        own("Faults")
        self.assertEqual(self.end(command, host(3))["Status"], "Success")

    def test_an_offline_host_that_is_back_too_late_runs_nothing(self):
        own("Faults", offline=[host(4)])
        command = self.send("touch $FLEET_ROOT/too-late", instances=[host(4)], TimeoutSeconds=30, parameters={"executionTimeout": ["60"]})
        own("Advance", Seconds=30)
        own("Faults")
        time.sleep(0.3)
        self.assertEqual(self.get(command, host(4))["Status"], "Pending")
        own("Advance", Seconds=60)
        self.assertEqual(self.get(command, host(4))["StatusDetails"], "DeliveryTimedOut")
        self.assertFalse((HOSTS / "web-4/too-late").exists())

    def test_a_stopped_host_is_not_in_a_valid_state(self):
        own("Faults", stopped=[host(5)])
        self.assertIn(host(5), self.refused("InvalidInstanceId", "send_command", DocumentName=SHELL, InstanceIds=[host(5)], Parameters={"commands": ["true"]}))
        found = self.ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [host(5), host(6)]}])
        self.assertEqual([i["InstanceId"] for i in found["InstanceInformationList"]], [host(6)])

    def test_truncated_output(self):
        own("Faults", truncate=4)
        command = self.send("echo 0123456789")
        self.assertEqual(self.end(command)["StandardOutputContent"], "0123")
        self.assertEqual(self.plugin(command)["Output"], "0123")


class Control(SandboxTest):
    def test_max_concurrency(self):
        instances = [host(n) for n in range(10, 14)]
        script = "echo $AWS_SSM_INSTANCE_ID >>%s/turns; while [ -d $FLEET_ROOT ] && [ ! -e %s/next ]; do sleep 0.05; done" % (HOSTS, HOSTS)
        command = self.send(script, instances=instances, MaxConcurrency="50%")
        turns = HOSTS / "turns"
        self.wait(lambda: turns.exists() and len(turns.read_text().split()) == 2)
        time.sleep(0.2)
        self.assertEqual(len(turns.read_text().split()), 2)
        statuses = [self.get(command, instance)["Status"] for instance in instances]
        self.assertEqual((statuses.count("InProgress"), statuses.count("Pending")), (2, 2))
        (HOSTS / "next").touch()
        for instance in instances:
            self.assertEqual(self.end(command, instance)["Status"], "Success")

    def test_max_errors_ends_what_has_not_begun(self):
        instances = [host(n) for n in range(20, 24)]
        command = self.send("exit 1", instances=instances, MaxConcurrency="1", MaxErrors="1")
        ends = [self.end(command, instance)["StatusDetails"] for instance in instances]
        self.assertEqual(sorted(ends), ["Failed", "Failed", "Terminated", "Terminated"])
        shown = self.ssm.list_commands(CommandId=command)["Commands"][0]
        self.assertEqual((shown["Status"], shown["ErrorCount"], shown["CompletedCount"]), ("Failed", 2, 4))

    def test_max_errors_of_all_lets_every_host_have_its_turn(self):
        instances = [host(n) for n in range(24, 28)]
        command = self.send("exit 1", instances=instances, MaxConcurrency="1", MaxErrors="100%")
        self.assertEqual({self.end(command, i)["StatusDetails"] for i in instances}, {"Failed"})

    def test_cancelling_what_was_not_delivered(self):
        own("Faults", offline=[host(30), host(31)])
        command = self.send("true", instances=[host(30), host(31)])
        self.ssm.cancel_command(CommandId=command, InstanceIds=[host(30)])
        self.assertEqual(self.get(command, host(30))["Status"], "Cancelled")
        self.assertEqual(self.get(command, host(31))["Status"], "InProgress")
        self.ssm.cancel_command(CommandId=command)
        shown = self.ssm.list_commands(CommandId=command)["Commands"][0]
        self.assertEqual((shown["Status"], shown["CompletedCount"]), ("Cancelled", 2))
        own("Faults")
        time.sleep(0.2)
        self.assertEqual(self.get(command, host(31))["ResponseCode"], -1)

    def test_cancelling_what_has_ended_changes_nothing(self):
        command = self.send("true")
        self.end(command)
        self.ssm.cancel_command(CommandId=command)
        self.assertEqual(self.get(command)["Status"], "Success")

    def test_cancelling_what_is_not_there(self):
        unknown = "00000000-0000-4000-8000-000000000000"
        self.refused("InvalidCommandId", "cancel_command", CommandId=unknown)
        command = self.send("true")
        self.refused("InvalidInstanceId", "cancel_command", CommandId=command, InstanceIds=[host(1)])
        self.refused("DuplicateInstanceId", "cancel_command", CommandId=command, InstanceIds=[host(0)] * 2)
        self.refused("ValidationException", "cancel_command")
