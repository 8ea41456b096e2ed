"""Runs `echostream config check`.

  config_command_test.py <the program> <docs/configuration.md>
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
PAGE = ""


class ConfigCheck(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="echostream-config-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        return name

    def check(self, *arguments, environment=None):
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ECHOSTREAM_")}
        done = subprocess.run([PROGRAM, "config", "check", *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=60, env={**clean, **(environment or {})})
        if "built without the plugin" in done.stdout + done.stderr:
            self.skipTest("NOT TESTED: " + (done.stdout + done.stderr).strip())
        return done.returncode, done.stdout, done.stderr

    def test_a_good_file(self):
        name = self.write("robot.textproto", 'listen: "[::]:0" node { trust { insecure_accept_any: true } }')
        self.assertEqual(self.check(name), (0, "robot.textproto: OK\n", ""))

    def test_the_page_shows_what_it_says(self):
        with open(PAGE, encoding="utf-8") as file:
            page = file.read()
        bad = re.search(r'```json\n(\{\n  "listn".*?)```', page, re.DOTALL).group(1)
        code, output, errors = self.check(self.write("robot.json", bad))
        self.assertEqual((code, output), (2, ""))
        self.assertIn("```\n" + errors + "```\n", page)

    def test_the_configurations_on_the_plugins_pages_are_right(self):
        pages = glob.glob(os.path.join(os.path.dirname(PAGE), "plugins", "*.md"))
        self.assertTrue(pages)
        for page in sorted(pages):
            with open(page, encoding="utf-8") as file:
                blocks = re.findall(r"```(json|textproto)\n(.*?)```", file.read(), re.DOTALL)
            found = 0
            for kind, text in blocks:
                name = os.path.basename(page)[:-len(".md")]
                if kind == "json" and text.lstrip("{ \n").startswith(f'"{name}"'):
                    text = f'{{"plugins": [{text}]}}'  # the plugin alone
                elif "plugins" not in text:
                    continue
                code, _, errors = self.check(self.write(f"{name}.{kind}", text), "--no-files")
                self.assertEqual(code, 0, f"{page}: {errors}")
                found += 1
            self.assertGreater(found, 0, f"{page} shows no configuration")

    def test_errors_for_a_program(self):
        name = self.write("robot.json", '{"listen": ["nowhere"],\n "nod\\"e": 1}')
        code, output, _ = self.check("--json", name)
        self.assertEqual(code, 2)
        result = json.loads(output)
        self.assertFalse(result["ok"])
        self.assertEqual([(problem["line"], problem["column"]) for problem in result["problems"]], [(2, 2)])
        self.assertEqual(result["problems"][0]["field"], 'nod"e')

    def test_a_good_file_for_a_program(self):
        name = self.write("robot.json", '{"node": {"max_sessions": 5}}')
        code, output, _ = self.check("--json", "--print", name)
        self.assertEqual(code, 0)
        result = json.loads(output)
        self.assertEqual((result["ok"], result["problems"]), (True, []))
        self.assertEqual(result["config"]["node"]["max_sessions"], "5")
        self.assertEqual(result["config"]["node"]["idle_timeout_ms"], "30000")

    def test_what_holds_can_be_read_again(self):
        name = self.write("robot.textproto", "node { max_sessions: 5 }")
        code, output, _ = self.check(name, "--print", "--set", "node.max_sessions=6",
                                     environment={"ECHOSTREAM_LOOP__BUSY_POLL_US": "7"})
        self.assertEqual(code, 0)
        self.assertIn("max_sessions: 6\n", output)
        self.assertIn("busy_poll_us: 7\n", output)
        again = self.write("again.textproto", output)
        self.assertEqual(self.check(again, "--print"), (0, output, ""))

    def test_the_environment_counts_unless_it_is_left_out(self):
        name = self.write("robot.textproto", "")
        wrong = {"ECHOSTREAM_NODE__IDLE_TIMOUT_MS": "5"}
        code, _, errors = self.check(name, environment=wrong)
        self.assertEqual(code, 2)
        self.assertIn('environment variable ECHOSTREAM_NODE__IDLE_TIMOUT_MS: error: there is no setting '
                      '"node.idle_timout_ms"; did you mean "idle_timeout_ms"?', errors)
        self.assertEqual(self.check(name, "--no-environment", environment=wrong)[0], 0)

    def test_the_files_that_it_names(self):
        name = self.write("robot.textproto", 'node {\n  trust { authorities_file: "no.pem" }\n}')
        code, _, errors = self.check(name)
        self.assertEqual(code, 2)
        self.assertIn("robot.textproto:2:11: error: node.trust.authorities_file: ", errors)
        self.assertIn("no.pem", errors)
        self.assertEqual(self.check(name, "--no-files")[0], 0)

    def test_leaves_no_files(self):
        name = self.write("robot.textproto", 'plugins { tracing { file: "new/folder/spans" } }\n'
                                             'plugins { logging { file: "logs/robot.log" } }\n'
                                             'node { ticket_cache { file: "tickets" } }\n')
        os.makedirs(os.path.join(self.folder, "new", "folder"))
        self.assertEqual(self.check(name), (0, "robot.textproto: OK\n", ""))
        self.assertEqual(sorted(os.listdir(self.folder)), ["new", name])
        self.assertEqual(os.listdir(os.path.join(self.folder, "new", "folder")), [])

    def test_leaves_files_alone_that_are_there(self):
        name = self.write("robot.textproto", 'plugins { tracing { file: "spans" } }')
        self.write("spans", "")
        self.assertEqual(self.check(name)[0], 0)
        self.assertEqual(sorted(os.listdir(self.folder)), [name, "spans"])

    def test_where_a_plugin_listens(self):
        name = self.write("robot.json", '{"plugins": [\n {"metrics": {"listen": "localhost:1"}}]}')
        code, _, errors = self.check(name)
        self.assertEqual(code, 2)
        self.assertIn("robot.json:2:3: error: plugins.0.metrics: listen: ", errors)

    def test_plugins_that_are_there_twice(self):
        name = self.write("robot.json", '{"plugins": [{"timeout": {}}, {"metrics": {}},\n {"timeout": {}}]}')
        code, _, errors = self.check(name)
        self.assertEqual(code, 2)
        self.assertIn("robot.json:2:3: error: plugins.2.timeout: a plugin 'timeout' is there already", errors)

    def test_each_problem_is_told_once(self):
        name = self.write("robot.json", '{"plugins": [{"logging": {"file": "robot.json/log"}}, {"tracing": {}}]}')
        code, output, _ = self.check("--json", name)
        self.assertEqual(code, 2)
        self.assertEqual([problem["field"] for problem in json.loads(output)["problems"]],
                         ["plugins.0.logging", "plugins.1.tracing"])

    def test_a_file_that_is_not_there(self):
        code, _, errors = self.check("none.json")
        self.assertEqual(code, 1)
        self.assertIn("cannot read 'none.json'", errors)
        code, output, _ = self.check("--json", "none.json")
        self.assertEqual(code, 1)
        self.assertIn("cannot read", json.loads(output)["problems"][0]["message"])

    def test_wrong_usage(self):
        self.assertEqual(self.check()[0], 2)
        self.assertEqual(self.check("--nonsense", "x")[0], 2)
        code, output, _ = self.check("--help")
        self.assertEqual(code, 0)
        self.assertIn("Exit code: 0 it can be used", output)


if __name__ == "__main__":
    PROGRAM, PAGE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
