"""Reading back: lists, pages, filters and what instances there are."""

import datetime
import uuid

from sandbox import MANAGED, SHELL, WINDOWS, SandboxTest, host, own, raw


class Commands(SandboxTest):
    def test_counts_follow_the_invocations(self):
        command = self.send("[ $AWS_SSM_INSTANCE_ID != " + host(1) + " ]", instances=[host(n) for n in range(3)], MaxErrors="3")
        for n in range(3):
            self.end(command, host(n))
        shown = self.ssm.list_commands(CommandId=command)["Commands"][0]
        self.assertEqual((shown["TargetCount"], shown["CompletedCount"], shown["ErrorCount"]), (3, 3, 1))
        self.assertEqual((shown["Status"], shown["StatusDetails"]), ("Failed", "Incomplete"))

    def test_a_filter_is_no_list_of_its_members(self):
        for operation, member, bad in [
            ("ListCommands", "Filters", ["Status", "Success"]),
            ("ListCommandInvocations", "Filters", ["Status", "Success"]),
            ("DescribeInstanceInformation", "Filters", ["PingStatus", ["Online"]]),
            ("DescribeInstanceInformation", "InstanceInformationFilterList", ["PingStatus", ["Online"]]),
        ]:
            self.assertEqual(raw(operation, {member: [bad]})[:2], (400, "SerializationException"), operation)

    def test_newest_first_page_by_page(self):
        sent = [self.send("true", Comment=f"page {n}") for n in range(7)]
        pages = self.ssm.get_paginator("list_commands").paginate(
            Filters=[{"key": "DocumentName", "value": SHELL}], PaginationConfig={"PageSize": 3}
        )
        pages = list(pages)
        self.assertTrue(all(len(page["Commands"]) == 3 for page in pages[:-1]))
        ids = [command["CommandId"] for page in pages for command in page["Commands"]]
        self.assertEqual(len(ids), len(set(ids)))
        times = [command["RequestedDateTime"] for page in pages for command in page["Commands"]]
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(set(ids[:7]), set(sent))
        self.assertNotIn("NextToken", pages[-1])

    def test_a_new_command_does_not_disturb_the_pages(self):
        for _ in range(3):
            self.send("true")
        first = self.ssm.list_commands(MaxResults=2)
        self.send("true")
        second = self.ssm.list_commands(MaxResults=2, NextToken=first["NextToken"])
        seen = {command["CommandId"] for command in first["Commands"]}
        self.assertFalse(seen & {command["CommandId"] for command in second["Commands"]})

    def test_filters(self):
        command = self.send("exit 1", instances=[host(5)])
        self.end(command, host(5))
        now = datetime.datetime.now(datetime.timezone.utc)

        def ids(*filters, **options):
            filters = [{"key": key, "value": value} for key, value in filters]
            answer = self.ssm.list_commands(Filters=filters, **options) if filters else self.ssm.list_commands(**options)
            return [command["CommandId"] for command in answer["Commands"]]

        past, future = [(now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (-1, 1)]
        self.assertIn(command, ids(("InvokedAfter", past)))
        self.assertNotIn(command, ids(("InvokedAfter", future)))
        self.assertIn(command, ids(("InvokedBefore", future)))
        self.assertNotIn(command, ids(("InvokedBefore", past)))
        self.assertIn(command, ids(("Status", "Failed")))
        self.assertNotIn(command, ids(("Status", "Success")))
        self.assertIn(command, ids(("ExecutionStage", "Complete")))
        self.assertNotIn(command, ids(("ExecutionStage", "Executing")))
        self.assertNotIn(command, ids(("DocumentName", "AWS-RunPowerShellScript")))
        self.assertEqual(ids(InstanceId=host(5)), [command])
        self.assertEqual(ids(CommandId=command), [command])
        self.assertEqual(ids(CommandId=str(uuid.uuid4())), [])

    def test_filters_that_are_none(self):
        for key, value in [("Comment", "x"), ("Status", "Great"), ("ExecutionStage", "Soon"), ("InvokedAfter", "today"), ("Status", "")]:
            self.refused("ValidationException", "list_commands", Filters=[{"key": key, "value": value}])
        twice = [{"key": "Status", "value": "Success"}]
        self.refused("ValidationException", "list_commands", Filters=twice * 6)
        self.refused("ValidationException", "list_commands", Filters=[])

    def test_limits(self):
        for operation in ["list_commands", "list_command_invocations"]:
            for bad in [0, 51]:
                self.refused("ValidationException", operation, MaxResults=bad)
            self.refused("ValidationException", operation, CommandId="short")
            self.refused("ValidationException", operation, InstanceId="web-1")
            self.refused("InvalidNextToken", operation, NextToken="nonsense")

    def test_a_token_is_for_its_own_question(self):
        for _ in range(2):
            self.send("true")
        token = self.ssm.list_commands(MaxResults=1)["NextToken"]
        self.refused("InvalidNextToken", "list_commands", NextToken=token, InstanceId=host(0))
        self.refused("InvalidNextToken", "list_command_invocations", NextToken=token)


class Invocations(SandboxTest):
    def test_one_page_holds_fifty(self):
        instances = [host(n) for n in range(50)]
        command = self.send("echo $AWS_SSM_INSTANCE_ID", instances=instances)
        for instance in instances:
            self.end(command, instance)
        page = self.ssm.list_command_invocations(CommandId=command, Details=True, MaxResults=50)
        self.assertNotIn("NextToken", page)
        output = {i["InstanceId"]: i["CommandPlugins"][0]["Output"] for i in page["CommandInvocations"]}
        self.assertEqual(output, {instance: instance + "\n" for instance in instances})
        pages = self.ssm.get_paginator("list_command_invocations").paginate(
            CommandId=command, PaginationConfig={"PageSize": 20}
        )
        self.assertEqual([len(page["CommandInvocations"]) for page in pages], [20, 20, 10])

    def test_details_only_where_asked_for(self):
        command = self.send("true", Comment="a comment")
        self.end(command)
        invocation = self.ssm.list_command_invocations(CommandId=command)["CommandInvocations"][0]
        self.assertEqual(invocation["CommandPlugins"], [])
        self.assertEqual((invocation["Comment"], invocation["InstanceName"]), ("a comment", "web-0"))
        plugin = self.plugin(command)
        self.assertEqual((plugin["Name"], plugin["Status"]), ("aws:runShellScript", "Success"))
        self.assertGreaterEqual(plugin["ResponseFinishDateTime"], plugin["ResponseStartDateTime"])

    def test_an_unknown_command_is_an_empty_list(self):
        answer = self.ssm.list_command_invocations(CommandId=str(uuid.uuid4()))
        self.assertEqual(answer["CommandInvocations"], [])

    def test_the_execution_stage_is_for_commands_only(self):
        stage = [{"key": "ExecutionStage", "value": "Complete"}]
        self.refused("InvalidFilterKey", "list_command_invocations", Filters=stage)

    def test_by_instance_and_status(self):
        command = self.send("exit 9", instances=[host(6), host(7)])
        self.end(command, host(6))
        self.end(command, host(7))
        answer = self.ssm.list_command_invocations(
            InstanceId=host(6), Filters=[{"key": "Status", "value": "Failed"}]
        )
        self.assertEqual([i["CommandId"] for i in answer["CommandInvocations"]], [command])

    def test_by_time_and_document(self):
        command = self.send("true", instances=[host(8)])
        now = datetime.datetime.now(datetime.timezone.utc)

        def ids(key, value):
            answer = self.ssm.list_command_invocations(InstanceId=host(8), Filters=[{"key": key, "value": value}])
            return [invocation["CommandId"] for invocation in answer["CommandInvocations"]]

        past, future = [(now + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (-1, 1)]
        for key, value, found in [
            ("InvokedAfter", past, True),
            ("InvokedAfter", future, False),
            ("InvokedBefore", future, True),
            ("InvokedBefore", past, False),
            ("DocumentName", SHELL, True),
            ("DocumentName", "AWS-RunPowerShellScript", False),
        ]:
            self.assertEqual(command in ids(key, value), found, (key, value))

    def test_get_needs_an_invocation(self):
        command = self.send("true")
        self.refused("InvocationDoesNotExist", "get_command_invocation", CommandId=str(uuid.uuid4()), InstanceId=host(0))
        self.refused("InvocationDoesNotExist", "get_command_invocation", CommandId=command, InstanceId=host(1))
        self.refused("InvalidPluginName", "get_command_invocation", CommandId=command, InstanceId=host(0), PluginName="other")
        self.refused("ValidationException", "get_command_invocation", CommandId=command)
        named = self.ssm.get_command_invocation(CommandId=command, InstanceId=host(0), PluginName="aws:runShellScript")
        self.assertEqual(named["CommandId"], command)

    def test_the_stock_waiter(self):
        command = self.send("true")
        waiter = self.ssm.get_waiter("command_executed")
        waiter.wait(CommandId=command, InstanceId=host(0), WaiterConfig={"Delay": 1})


class Instances(SandboxTest):
    def describe(self, *filters, **options):
        if filters:
            options["Filters"] = [{"Key": key, "Values": values} for key, values in filters]
        pages = self.ssm.get_paginator("describe_instance_information").paginate(**options)
        return [instance for page in pages for instance in page["InstanceInformationList"]]

    def test_ten_on_a_page_unless_asked_for_more(self):
        page = self.ssm.describe_instance_information()
        self.assertEqual(len(page["InstanceInformationList"]), 10)
        page = self.ssm.describe_instance_information(MaxResults=50)
        self.assertEqual(len(page["InstanceInformationList"]), 50)
        self.assertEqual(len(self.describe()), 62)

    def test_what_a_host_is(self):
        (linux,) = self.describe(("InstanceIds", [host(3)]))
        self.assertEqual((linux["PingStatus"], linux["PlatformType"]), ("Online", "Linux"))
        self.assertEqual((linux["ComputerName"], linux["ResourceType"]), ("web-3", "EC2Instance"))
        self.assertRegex(linux["AgentVersion"], r"^\d+\.\d+\.\d+\.\d+$")
        (managed,) = self.describe(("ResourceType", ["ManagedInstance"]))
        self.assertEqual(managed["InstanceId"], MANAGED)

    def test_a_windows_host_is_known_and_never_online(self):
        (windows,) = self.describe(("PlatformType", ["Windows"]))
        self.assertEqual((windows["InstanceId"], windows["PingStatus"]), (WINDOWS, "ConnectionLost"))
        answer = own("Register", Instances=[{"InstanceId": WINDOWS, "Platform": "windows", "Environment": "standalone", "Host": WINDOWS}])
        self.assertIn("pwsh", answer["Instances"][0]["Reason"])

    def test_filters_join(self):
        ids = [host(n) for n in range(60)]
        found = self.describe(("InstanceIds", ids), ("PingStatus", ["Online"]))
        self.assertEqual(len(found), 60)
        self.assertEqual(self.describe(("InstanceIds", [host(0)]), ("PingStatus", ["ConnectionLost"])), [])
        self.assertEqual(self.describe(("tag:Role", ["web"])), [])

    def test_the_old_filters(self):
        answer = self.ssm.describe_instance_information(
            InstanceInformationFilterList=[{"key": "InstanceIds", "valueSet": [host(0), host(1)]}]
        )
        self.assertEqual(len(answer["InstanceInformationList"]), 2)

    def test_refused(self):
        def refuse(code, *filters, **options):
            options["Filters"] = [{"Key": key, "Values": values} for key, values in filters]
            self.refused(code, "describe_instance_information", **options)

        refuse("ValidationException", MaxResults=4)
        refuse("ValidationException", MaxResults=51)
        refuse("InvalidFilterKey", ("Colour", ["red"]))
        refuse("InvalidInstanceInformationFilterValue", ("PingStatus", ["Asleep"]))
        refuse("ValidationException", ("InstanceIds", []))
        refuse("ValidationException", ("InstanceIds", [host(0)] * 101))
        refuse("ValidationException", ("tag:Role", ["web"]), ("InstanceIds", [host(0)]))
        refuse("InvalidNextToken", NextToken="nonsense")
        old = [{"key": "InstanceIds", "valueSet": [host(0)]}]
        refuse("ValidationException", ("InstanceIds", [host(0)]), InstanceInformationFilterList=old)
