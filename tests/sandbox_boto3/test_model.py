"""Every constraint of the service's own model: broken alone, and only just kept. botocore has the model."""

from botocore.exceptions import ClientError
from sandbox import SHELL, SandboxTest, host

COMMAND = "00000000-0000-4000-8000-000000000000"

# A call of each operation that breaks nothing.
CALLS = {
    "SendCommand": {"DocumentName": SHELL, "InstanceIds": [host(0)], "Parameters": {"commands": ["true"]}},
    "ListCommands": {},
    "ListCommandInvocations": {},
    "GetCommandInvocation": {"CommandId": COMMAND, "InstanceId": host(0)},
    "DescribeInstanceInformation": {},
    "CancelCommand": {"CommandId": COMMAND},
}

# Members that are refused whatever stands in them: test_send has them.
ELSEWHERE = {"NotificationConfig", "CloudWatchOutputConfig", "AlarmConfiguration"}

# Values of shapes whose form the model only describes by a pattern or in words.
KNOWN = {
    "InstanceId": host(0),
    "DocumentARN": SHELL,
    "DocumentVersion": "1",
    "MaxConcurrency": "1",
    "MaxErrors": "1",
    "TargetKey": "InstanceIds",
    "CommandId": COMMAND,
    "InstanceInformationStringFilterKey": "PingStatus",
    "InstanceInformationFilterValue": "Online",
    "CommandFilterValue": "2020-01-01T00:00:00Z",
}


def valid(shape):
    """A value that keeps every constraint of a shape."""
    if shape.name in KNOWN:
        return KNOWN[shape.name]
    if shape.type_name == "structure":
        names = shape.required_members or shape.members
        return {name: valid(shape.members[name]) for name in names}
    if shape.type_name == "list":
        return [valid(shape.member)]
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
    return shape.metadata.get("min", 1)


def edges(shape):
    """Values of a shape, each with the place below it and whether the model lets it through."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name == "string":
        if shape.enum:
            yield "Other", "", False
        if "pattern" in shape.metadata:
            yield "§ §", "", False
        if most is not None:
            yield "x" * (most + 1), "", False
        if least:
            yield "x" * (least - 1), "", False
        if not shape.enum and "pattern" not in shape.metadata and shape.name not in KNOWN:
            for length in filter(None, (least, most)):
                yield "x" * length, "", True
    elif shape.type_name == "integer":
        yield from ((least - 1, "", False), (least, "", True), (most, "", True), (most + 1, "", False))
    elif shape.type_name == "list":
        if most is not None:
            yield [valid(shape.member)] * (most + 1), "", False
        if least:
            yield [], "", False
        for value, place, holds in edges(shape.member):
            yield [value], ".1.member" + place, holds
    elif shape.type_name == "structure":
        for name, member in shape.members.items():
            whole = valid(shape)
            for value, place, holds in edges(member):
                yield {**whole, name: value}, f".{small(name)}{place}", holds
            if name in shape.required_members:
                yield {key: whole[key] for key in whole if key != name}, f".{small(name)}", False


def small(name):
    return name[0].lower() + name[1:]


class Model(SandboxTest):
    def answer(self, operation, request):
        """The error's code and message, or nothing."""
        try:
            self.ssm._make_api_call(operation, request)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        return None, ""

    def check(self, operation):
        model = self.ssm.meta.service_model.operation_model(operation).input_shape
        tried = 0
        for name, member in model.members.items():
            if name in ELSEWHERE:
                continue
            for value, below, holds in edges(member):
                request = {**CALLS[operation], name: value}
                if name == "Targets":
                    del request["InstanceIds"]
                code, message = self.answer(operation, request)
                said = f"{operation} {name}={value!r:.80}: {code}: {message:.200}"
                if holds:
                    self.assertNotEqual(code, "ValidationException", said)
                else:
                    self.assertEqual(code, "ValidationException", said)
                    self.assertIn(f"at '{small(name)}{below}' failed to satisfy constraint: ", message, said)
                tried += 1
        for name in model.required_members:
            request = {key: value for key, value in CALLS[operation].items() if key != name}
            code, message = self.answer(operation, request)
            self.assertEqual(code, "ValidationException", f"{operation} without {name}")
            self.assertIn(f"Value null at '{small(name)}'", message)
            tried += 1
        return tried

    def test_send_command(self):
        self.assertGreater(self.check("SendCommand"), 30)

    def test_list_commands(self):
        self.assertGreater(self.check("ListCommands"), 10)

    def test_list_command_invocations(self):
        self.assertGreater(self.check("ListCommandInvocations"), 10)

    def test_get_command_invocation(self):
        self.assertGreater(self.check("GetCommandInvocation"), 5)

    def test_describe_instance_information(self):
        self.assertGreater(self.check("DescribeInstanceInformation"), 10)

    def test_cancel_command(self):
        self.assertGreater(self.check("CancelCommand"), 4)
