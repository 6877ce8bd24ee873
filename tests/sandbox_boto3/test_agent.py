"""How scripts run on a host: as on the real agent."""

import os
import pathlib
import subprocess
import time

from sandbox import ROOT, SandboxTest, host

HOST = pathlib.Path(ROOT) / "hosts/lab/web-0"


class Script(SandboxTest):
    def output(self, *lines, **options):
        invocation = self.run_script(*lines, **options)
        self.assertEqual(invocation["Status"], "Success", invocation)
        return invocation["StandardOutputContent"]

    def test_lines_become_one_file_that_its_owner_may_run(self):
        command = self.send("echo one", "echo two", "echo $0")
        invocation = self.end(command)
        file = HOST / f"var/lib/amazon/ssm/{host(0)}/document/orchestration/{command}"
        file = file / "awsrunShellScript/0.awsrunShellScript/_script.sh"
        self.assertEqual(file.read_text(), "echo one\necho two\necho $0\n")
        self.assertEqual(file.stat().st_mode & 0o777, 0o700)
        self.assertEqual(invocation["StandardOutputContent"], f"one\ntwo\n{file}\n")
        self.assertEqual((file.parent / "stdout").read_text(), f"one\ntwo\n{file}\n")
        self.assertEqual((file.parent / "stderr").read_text(), "")

    def test_carriage_returns_stay(self):
        self.assertEqual(self.output("echo x\r"), "x\r\n")

    def test_the_shell_is_sh_unless_the_first_line_names_another(self):
        shell = subprocess.run(["sh", "-c", "readlink /proc/$$/exe"], capture_output=True, text=True)
        self.assertEqual(self.output("readlink /proc/$$/exe"), shell.stdout)
        self.assertEqual(self.output("#!/bin/bash", "[[ a == a ]] && echo bash"), "bash\n")

    def test_a_script_gets_no_input_and_the_usual_umask(self):
        self.assertEqual(self.output("cat", "readlink /proc/self/fd/0", "umask"), "/dev/null\n0022\n")

    def test_output_and_error_are_pipes_and_nothing_of_the_sandbox_is_open(self):
        lines = self.output("cd /proc/$$/fd", 'for fd in *; do echo "$fd $(readlink $fd)"; done').splitlines()
        open_files = dict(line.split(" ", 1) for line in lines if " " in line)
        self.assertRegex(open_files["1"], "^pipe:")
        self.assertRegex(open_files["2"], "^pipe:")
        targets = list(open_files.values())
        for number in "12":
            self.assertEqual(targets.count(open_files[number]), 1)
        self.assertFalse([target for target in targets if "/sandbox/commands/" in target])

    def test_a_script_leads_a_session_with_its_shell(self):
        session, parent = self.output("cut -d' ' -f6 /proc/$$/stat", "echo $PPID").split()
        self.assertEqual(session, parent)

    def test_the_working_directory(self):
        self.assertEqual(self.output("pwd"), f"{HOST}\n")
        for given, used in [("/", "/"), ("relative", HOST), ("", HOST)]:
            self.assertEqual(self.output("pwd", parameters={"workingDirectory": [given]}), f"{used}\n")

    def test_an_absolute_working_directory_that_is_missing(self):
        invocation = self.run_script("pwd", parameters={"workingDirectory": ["/no/such/directory"]})
        self.assertEqual((invocation["Status"], invocation["ResponseCode"]), ("Failed", 1))
        self.assertIn("no such file or directory", invocation["StandardErrorContent"])

    def test_the_environment_is_the_callers_without_its_secrets(self):
        command = self.send("env")
        text = self.end(command)["StandardOutputContent"]
        environment = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.assertEqual(environment["AWS_SSM_INSTANCE_ID"], host(0))
        self.assertEqual(environment["SSM_COMMAND_ID"], command)
        for name in ["AWS_SSM_REGION_NAME", "AWS_SSM_PLATFORM_NAME", "AWS_SSM_PLATFORM_VERSION"]:
            self.assertTrue(environment[name])
        for name, value in [("HOME", HOST / "root"), ("TMPDIR", HOST / "tmp"), ("FLEET_ROOT", HOST)]:
            self.assertEqual(environment[name], str(value))
            self.assertTrue(os.path.isdir(value))
        self.assertEqual(environment["SANDBOX_TEST_KEPT"], "kept")
        for name in environment:
            if name.startswith("AWS_"):
                self.assertTrue(name.startswith("AWS_SSM_"), name)
            self.assertFalse(name.startswith(("SSH_", "GIT_")), name)
            if name.startswith("FLEET_"):
                self.assertEqual(name, "FLEET_ROOT")

    def test_braces_in_a_value_stay_as_they_are(self):
        self.assertEqual(self.output("echo '{{ workingDirectory }} {{.Names}}'"), "{{ workingDirectory }} {{.Names}}\n")

    def test_each_host_has_its_own_folder(self):
        instances = [host(0), host(1)]
        command = self.send("echo $FLEET_ROOT", instances=instances)
        roots = {self.end(command, instance)["StandardOutputContent"] for instance in instances}
        self.assertEqual(len(roots), 2)


class ExitCode(SandboxTest):
    def check(self, *lines):
        command = self.send(*lines)
        invocation = self.end(command)
        plugin = self.plugin(command)
        self.assertEqual(plugin["ResponseCode"], invocation["ResponseCode"])
        self.assertEqual(plugin["StatusDetails"], invocation["StatusDetails"])
        return invocation["StatusDetails"], invocation["ResponseCode"], invocation

    def test_the_last_commands_code_counts(self):
        self.assertEqual(self.check("false", "true")[:2], ("Success", 0))
        self.assertEqual(self.check("set -e", "false", "true")[:2], ("Failed", 1))
        status, code, invocation = self.check("echo why >&2", "exit 3")
        self.assertEqual((status, code), ("Failed", 3))
        self.assertEqual(invocation["StandardErrorContent"], "why\nfailed to run commands: exit status 3")

    def test_137_is_a_timeout_whoever_killed_it(self):
        self.assertEqual(self.check("exit 137")[:2], ("ExecutionTimedOut", 137))
        status, code, invocation = self.check("echo before", "kill -9 $$")
        self.assertEqual((status, code, invocation["Status"]), ("ExecutionTimedOut", 137, "TimedOut"))
        self.assertEqual(invocation["StandardOutputContent"], "before\n")

    def test_168_and_169_end_a_document(self):
        status, code, invocation = self.check("echo done", "exit 168")
        self.assertEqual((status, code), ("Success", 168))
        self.assertTrue(invocation["StandardOutputContent"].startswith("done\n\nStep exited with code 168."))
        self.assertEqual(invocation["StandardErrorContent"], "")
        status, code, invocation = self.check("exit 169")
        self.assertEqual((status, code), ("Failed", 169))
        self.assertIn("Step exited with code 169.", invocation["StandardErrorContent"])

    def test_194_runs_the_whole_script_again_after_a_reboot(self):
        status, code, invocation = self.check(
            'runs=$(cat "$FLEET_ROOT/runs" 2>/dev/null || echo 0)',
            'runs=$((runs + 1)); echo $runs >"$FLEET_ROOT/runs"',
            "echo run $runs",
            "[ $runs = 2 ] || exit 3010",
        )
        self.assertEqual((status, code), ("Success", 0))
        self.assertEqual(invocation["StandardOutputContent"], "run 1\nrun 2\n")

    def test_a_script_that_always_reboots_is_given_up(self):
        status, _, invocation = self.check("echo run", "exit 194")
        self.assertEqual(status, "Failed")
        self.assertEqual(invocation["StandardOutputContent"], "run\n" * 15)

    def test_a_script_that_is_none(self):
        self.assertEqual(self.check("no-such-program")[:2], ("Failed", 127))
        self.assertEqual(self.check("#!/no/such/shell")[0], "Failed")


class Output(SandboxTest):
    def both(self, stdout, stderr):
        """Prints so many bytes, and returns the three texts that the service makes of them."""
        command = self.send(
            "#!/bin/bash",
            f"head -c {stdout} /dev/zero | tr '\\0' q; head -c {stderr} /dev/zero | tr '\\0' z >&2",
        )
        invocation = self.end(command)
        return (
            self.plugin(command)["Output"],
            invocation["StandardOutputContent"],
            invocation["StandardErrorContent"],
        )

    def test_short_output_is_whole(self):
        self.assertEqual(self.both(2_499, 0), ("q" * 2_499, "q" * 2_499, ""))
        output, _, _ = self.both(100, 50)
        self.assertEqual(output, "q" * 100 + "\n----------ERROR-------\n" + "z" * 50)

    def test_2500_bytes_are_too_many(self):
        output, stdout, _ = self.both(2_500, 0)
        self.assertEqual((len(output), len(stdout)), (2_500, 2_500))
        self.assertTrue(output.endswith("q\n---Output truncated---"))

    def test_1238_bytes_survive_any_noise(self):
        output, _, stderr = self.both(1_238, 50_000)
        self.assertTrue(output.startswith("q" * 1_238 + "\n----------ERROR-------\nz"))
        self.assertTrue(output.endswith("z\n---Error truncated----"))
        self.assertEqual((len(output), stderr), (2_500, "z" * 8_000))

    def test_two_long_streams_get_1215_bytes_each(self):
        output, _, _ = self.both(5_000, 5_000)
        self.assertEqual((output.count("q"), output.count("z")), (1_215, 1_215))

    def test_the_limits_of_each_stream(self):
        _, stdout, stderr = self.both(10_000_000, 8_001)
        self.assertEqual(len(stdout), 24_000)
        self.assertTrue(stdout.endswith("q--output truncated--"))
        self.assertEqual(stderr, "z" * 8_000)
        _, stdout, _ = self.both(23_999, 0)
        self.assertEqual(stdout, "q" * 23_999)

    def test_bytes_that_are_no_text(self):
        invocation = self.run_script(r"printf 'a\377b\033[1m\r\303'")
        self.assertEqual(invocation["StandardOutputContent"], "a\ufffdb\x1b[1m\r\ufffd")
        invocation = self.run_script(r"printf 'a\0b'")
        self.assertEqual(invocation["StandardOutputContent"], "a\0b")

    def test_nothing_is_shown_before_the_end(self):
        command = self.send('echo early', 'while [ -d "$FLEET_ROOT" ] && [ ! -e "$FLEET_ROOT/go" ]; do sleep 0.05; done')
        self.wait(lambda: self.get(command)["Status"] == "InProgress")
        running = self.get(command)
        self.assertEqual((running["StandardOutputContent"], running["ResponseCode"]), ("", -1))
        self.assertEqual(self.plugin(command)["Output"], "")
        self.assertEqual(running["ExecutionEndDateTime"], "")
        (HOST / "go").touch()
        ended = self.end(command)
        self.assertEqual(ended["StandardOutputContent"], "early\n")
        self.assertRegex(ended["ExecutionElapsedTime"], r"^PT[0-9.]+S$")
        self.assertRegex(ended["ExecutionEndDateTime"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


class Processes(SandboxTest):
    def test_a_child_that_holds_the_output_holds_the_command(self):
        command = self.send(
            '(while [ -d "$FLEET_ROOT" ] && [ ! -e "$FLEET_ROOT/release" ]; do sleep 0.05; done; echo child) &',
            'touch "$FLEET_ROOT/script-is-done"',
        )
        self.wait((HOST / "script-is-done").exists)
        time.sleep(0.3)
        self.assertEqual(self.get(command)["Status"], "InProgress")
        (HOST / "release").touch()
        self.assertEqual(self.end(command)["StandardOutputContent"], "child\n")

    def test_a_child_that_let_go_of_it_lives_on(self):
        self.run_script('setsid nohup sh -c "sleep 0.5; echo late >$FLEET_ROOT/late" >/dev/null 2>&1 &')
        self.assertFalse((HOST / "late").exists())
        self.wait((HOST / "late").exists)

    def test_the_execution_timeout_kills_the_process_group(self):
        invocation = self.run_script(
            "trap 'echo trapped' TERM EXIT",
            "echo started",
            f"(sleep 7; echo child >{HOST}/survivor) &",
            "sleep 60",
            parameters={"executionTimeout": ["5"]},
        )
        self.assertEqual((invocation["Status"], invocation["StatusDetails"]), ("TimedOut", "ExecutionTimedOut"))
        self.assertEqual(invocation["ResponseCode"], 137)
        self.assertEqual(invocation["StandardOutputContent"], "started\n")
        time.sleep(2.5)
        self.assertFalse((HOST / "survivor").exists())

    def test_a_cancelled_script_is_killed_at_once(self):
        command = self.send(f"touch {HOST}/cancel-me", "sleep 30", f"touch {HOST}/not-cancelled")
        self.wait((HOST / "cancel-me").exists)
        self.assertEqual(self.ssm.cancel_command(CommandId=command)["ResponseMetadata"]["HTTPStatusCode"], 200)
        invocation = self.end(command)
        self.assertEqual((invocation["Status"], invocation["ResponseCode"]), ("Cancelled", 137))
        self.assertFalse((HOST / "not-cancelled").exists())

    def test_a_script_that_kills_its_parents_ends_somehow(self):
        invocation = self.run_script("kill -9 $PPID", "echo orphan")
        self.assertEqual((invocation["ResponseCode"], invocation["StandardOutputContent"]), (137, "orphan\n"))

    def test_five_workers_and_five_in_the_buffer(self):
        script = f'echo x >>{HOST}/started; while [ -d $FLEET_ROOT ] && [ ! -e {HOST}/open ]; do sleep 0.05; done'
        begin = time.monotonic()
        commands = [self.send(script) for _ in range(11)]
        started = HOST / "started"
        self.wait(lambda: started.exists() and len(started.read_text().split()) == 5)
        self.wait(lambda: [self.get(c)["Status"] for c in commands].count("InProgress") == 10)
        (HOST / "open").touch()
        for command in commands[:10]:
            self.assertEqual(self.end(command)["Status"], "Success")
        # All workers are free, and still the agent takes nothing: its intake rests for 10 seconds,
        # which a very busy machine may have used up by now.
        status = self.get(commands[10])["Status"]
        if time.monotonic() - begin >= 10:
            self.skipTest("the machine was too busy to see it")
        self.assertEqual(status, "Pending")
        self.ssm.cancel_command(CommandId=commands[10])
        self.assertEqual(len(started.read_text().split()), 10)
