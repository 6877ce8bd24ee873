from sandbox import SandboxTest, host


class Smoke(SandboxTest):
    def test_a_script_runs(self):
        invocation = self.run_script("echo hello $AWS_SSM_INSTANCE_ID")
        self.assertEqual(invocation["Status"], "Success")
        self.assertEqual(invocation["StandardOutputContent"], f"hello {host(0)}\n")
