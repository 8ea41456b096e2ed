#!/usr/bin/env python3
"""make_system_dns_sd() against real daemons. dns_sd_test.py <discovery-dns-sd> [<class or test>...]"""

import os
import signal
import statistics
import sys
import time
import unittest

import lan

PROGRAM = ""
HERE = os.path.dirname(os.path.abspath(__file__))
TYPE = "_echostream._udp"


class DnsSdTest(lan.Lan):
    def node(self, machine):
        return machine.start(PROGRAM)

    def ready(self, machine):
        node = self.node(machine)
        node.wait_for("status\tOK")
        return node

    def published(self, machine, name="camera", port="4433", *rest):
        node = self.ready(machine)
        node.say("publish", name, port, *rest)
        node.wait_for("published\tOK")
        return node

    def browsing(self, machine, kind=TYPE):
        node = self.ready(machine)
        node.say("browse", kind)
        return node

    def assert_soon(self, took, usually):
        """As long as it usually takes, or five times that on a machine that has much to do: far from what a hang takes."""
        self.assertLess(took, 5 * usually)

    def assert_answers_at_once(self, node):
        """The user's loop is never held."""
        node.say("tick")
        self.assert_soon(node.wait_for("^tick$", 5)[1], 0.5)


class DnsSdAndOthers(DnsSdTest):
    # What others see of us, and we of them.

    def test_debian_sees_what_we_publish(self):
        self.start_daemons()
        self.published(self.a, "camera at the door", "4433", "_acme-v1-camera", "v=1", "second=2", "third")
        for kind in (TYPE, "_acme-v1-camera._sub." + TYPE):
            seen = self.b.run("avahi-browse", "-rpt", kind)
            self.assertIn("camera\\032at\\032the\\032door", seen)
            # avahi-browse prints them last first.
            self.assertIn(';10.77.0.1;4433;"third" "second=2" "v=1"', seen)

    def test_we_see_what_debian_publishes(self):
        self.start_daemons()
        ours = self.browsing(self.b)
        ours.wait_for("^all$")
        theirs = self.a.start("avahi-publish", "-s", "a.dot and a \\ back", TYPE, "4433", "v=1", "second=2")
        line, _ = ours.wait_for("^resolved")
        # printable() doubles backslashes.
        self.assertEqual(line.split("\t"), ["resolved", "a.dot and a \\\\ back", "es-a.local", "10.77.0.1:4433",
                                            "v=1", "second=2"])
        theirs.signal(signal.SIGTERM)
        self.assert_soon(ours.wait_for("^gone\ta.dot")[1], 1.5)

    def test_what_leaves_says_bye_at_once_and_its_goodbye_is_seen_a_second_later(self):
        # Which is when it takes effect (RFC 6762 10.1).
        self.start_daemons()
        camera = self.published(self.a, "camera", "4433", "", "v=1", "id=1")
        ours = self.browsing(self.b)
        ours.wait_for("^resolved\tcamera")
        camera.say("unpublish")
        self.assert_soon(ours.wait_for("^resolved\tcamera.*\tv=1\tbye\tid=1")[1], 1)
        self.assert_soon(ours.wait_for("^gone\tcamera")[1], 2)
        # A process that is killed says only goodbye: its bus does.
        camera.say("publish", "camera", "4433")
        camera.wait_for("published\tOK")
        ours.wait_for("^resolved\tcamera")
        camera.signal(signal.SIGKILL)
        self.assert_soon(ours.wait_for("^gone\tcamera")[1], 1.5)

    def watching(self, machine):
        node = self.ready(machine)
        node.say("watch")
        return node

    def test_a_browser_sees_within_a_second_who_leaves_and_soon_who_comes_back(self):
        self.start_daemons()
        camera = self.published(self.a, "camera", "4433", "", "v=1", "id=0")
        ours = self.watching(self.b)
        ours.wait_for("^node-appeared\tcamera\t0")
        left, back = [], []
        for i in range(1, 11):
            # What has just said something else leaves no later.
            if i % 2 == 0:
                camera.say("update", "camera", "4433", "", "v=1", f"id={i - 1}", "x=1")
                camera.wait_for("published\tOK")
                ours.wait_for("^node-changed\tcamera")
            camera.say("unpublish")
            left.append(ours.wait_for(f"^node-gone\tcamera\t{i - 1}$")[1])
            # Some while it leaves, some after.
            time.sleep(0.1 * i % 0.5)
            camera.say("publish", "camera", "4433", "", "v=1", f"id={i}")
            camera.wait_for("published\tOK")
            back.append(ours.wait_for(f"^node-appeared\tcamera\t{i}")[1])
        print("seen leaving after", *(f"{time_:.3f}" for time_ in left), "s; seen back",
              *(f"{time_:.3f}" for time_ in back), "s after the name was theirs")
        self.assertLess(statistics.median(left), 1)
        # Mostly at once; but the daemon's cache may give what was said before for a second.
        self.assert_soon(max(back), 2)

    def test_a_program_that_ends_says_bye_before(self):
        self.start_daemons()
        camera = self.published(self.a, "camera", "4433", "", "v=1", "id=1")
        ours = self.watching(self.b)
        ours.wait_for("^node-appeared\tcamera")
        camera.say("quit")
        _, took = ours.wait_for("^node-gone\tcamera")
        print(f"seen leaving after {took:.3f} s")
        self.assert_soon(took, 1)
        self.assertEqual(camera.process.wait(5), 0)
        # It is not seen again when the goodbye takes effect.
        time.sleep(1.5)
        ours.say("tick")
        ours.wait_for("^tick$")
        self.assertTrue([line for line in ours.seen if line.startswith("node-")][-1].startswith("node-gone"))

    def test_an_update_is_seen(self):
        self.start_daemons()
        camera = self.published(self.a, "camera", "4433", "_one", "v=1")
        ours = self.browsing(self.b)
        ours.wait_for("^resolved\tcamera\tes-a.local\t10.77.0.1:4433\tv=1")
        camera.say("update", "camera", "4433", "_one", "v=1", "x=2")
        camera.wait_for("published\tOK")
        ours.wait_for("^resolved\tcamera\tes-a.local\t10.77.0.1:4433\tv=1\tx=2")
        camera.say("update", "camera", "5544", "_one,_two", "v=1", "x=2")
        camera.wait_for("published\tOK")
        ours.wait_for("^resolved\tcamera\tes-a.local\t10.77.0.1:5544\tv=1\tx=2")
        self.assertIn(";5544;", self.b.run("avahi-browse", "-rpt", "_two._sub." + TYPE))
        camera.say("update", "another", "5544", "_one,_two", "v=1")
        camera.wait_for("published\tOK")
        ours.wait_for("^resolved\tanother")

    def test_a_name_that_is_taken_is_reported(self):
        self.start_daemons()
        self.published(self.a, "camera")
        # By another program of the same machine, and on another.
        for machine in (self.a, self.b):
            second = self.ready(machine)
            second.say("publish", "camera", "5544")
            second.wait_for("published\tALREADY_EXISTS")
            second.say("publish", "camera #2", "5544")
            second.wait_for("published\tOK")
            second.say("quit")
            second.wait_for("^ended$")

    def test_the_daemon_says_what_it_does_not_take(self):
        self.start_daemons(self.a)
        node = self.ready(self.a)
        node.say("publish", "camera", "4433", "no label of a type")
        node.wait_for("published\tINVALID_ARGUMENT")
        node.say("publish", "x" * 64, "4433")
        node.wait_for("published\tINVALID_ARGUMENT")
        node.say("browse", "no type")
        node.wait_for("browse-error\tINVALID_ARGUMENT")
        node.say("flood", "1500")
        node.wait_for("flood-error\tRESOURCE_EXHAUSTED")
        node.say("unbrowse")
        node.say("browse", TYPE)
        node.wait_for("^all$")


class DnsSdAndDaemon(DnsSdTest):
    # One that is not there, leaves, or hangs.

    def test_without_a_bus_it_is_unavailable_at_once(self):
        node = self.node(self.a)
        self.assert_soon(node.wait_for("status\tUNAVAILABLE: there is no D-Bus system bus")[1], 1)
        node.say("browse", TYPE)
        self.assert_soon(node.wait_for("browse-error\tUNAVAILABLE: there is no D-Bus system bus")[1], 0.5)
        node.say("publish", "camera", "4433")
        self.assert_soon(node.wait_for("published\tUNAVAILABLE: there is no D-Bus system bus")[1], 0.5)
        # Whoever waits is told when there is one.
        self.start_daemons(self.a)
        node.wait_for("status\tOK")
        node.say("quit")
        node.wait_for("^ended$")

    def test_without_a_daemon_it_is_unavailable_at_once(self):
        self.a.start_dbus()
        node = self.node(self.a)
        self.assert_soon(node.wait_for("status\tUNAVAILABLE: avahi-daemon is not running: apt install")[1], 1)
        node.say("publish", "camera", "4433")
        self.assert_soon(node.wait_for("published\tUNAVAILABLE: avahi-daemon is not running")[1], 0.5)
        self.a.start_avahi()
        self.assert_soon(node.wait_for("status\tOK")[1], 2)

    def test_a_daemon_that_is_killed_ends_all_once_and_is_found_again(self):
        self.start_daemons()
        camera = self.published(self.a)
        camera.say("browse", TYPE)
        camera.wait_for("^resolved\tcamera")
        self.a.kill_avahi()
        self.assert_soon(camera.wait_for("status\tUNAVAILABLE: avahi-daemon is not running")[1], 1)
        time.sleep(1.5)
        self.assertEqual(sum("published\tUNAVAILABLE" in line for line in camera.seen), 1)
        self.assertEqual(sum("browse-error\tUNAVAILABLE" in line for line in camera.seen), 1)
        self.assertEqual(sum("resolve-error" in line for line in camera.seen), 1)
        self.a.start_avahi()
        camera.wait_for("status\tOK")
        camera.say("publish", "camera", "4433")
        # Probing takes 0.75 s.
        self.assert_soon(camera.wait_for("published\tOK")[1], 2)
        self.assertIn("camera", self.b.run("avahi-browse", "-rpt", TYPE))

    def test_a_bus_that_is_killed_is_found_again(self):
        self.start_daemons(self.a)
        camera = self.published(self.a)
        self.a.dbus.end()
        camera.wait_for("status\tUNAVAILABLE: there is no D-Bus system bus")
        self.a.avahi.end()
        os.unlink(self.a.bus)
        self.start_daemons(self.a)
        camera.wait_for("status\tOK")
        camera.say("publish", "camera", "4433")
        camera.wait_for("published\tOK")

    def test_a_daemon_that_hangs_holds_nobody(self):
        self.start_daemons(self.a)
        camera = self.published(self.a)
        self.a.avahi.signal(signal.SIGSTOP)
        camera.say("browse", TYPE)
        self.assert_answers_at_once(camera)
        _, took = camera.wait_for("status\tUNAVAILABLE: avahi-daemon does not answer", 4)
        self.assertGreater(took, 1)
        camera.say("publish", "other", "4433")
        self.assert_soon(camera.wait_for("published\tUNAVAILABLE: avahi-daemon does not answer")[1], 0.5)
        self.assert_answers_at_once(camera)
        self.a.avahi.signal(signal.SIGCONT)
        self.assert_soon(camera.wait_for("status\tOK")[1], 2)
        camera.say("publish", "camera", "4433")
        camera.wait_for("published\tOK")

    def test_who_leaves_does_not_wait_for_a_daemon_that_hangs(self):
        self.start_daemons(self.a)
        camera = self.published(self.a)
        self.a.avahi.signal(signal.SIGSTOP)
        camera.say("browse", TYPE)
        camera.say("quit")
        self.assert_soon(camera.wait_for("^ended$")[1], 1)
        self.assertEqual(camera.process.wait(5), 0)

    def test_a_daemon_that_hangs_from_the_start_is_found_when_it_goes_on(self):
        self.start_daemons(self.a)
        self.ready(self.a)
        self.a.avahi.signal(signal.SIGSTOP)
        node = self.node(self.a)
        node.wait_for("status\tUNAVAILABLE: avahi-daemon does not answer", 4)
        self.a.avahi.signal(signal.SIGCONT)
        self.assert_soon(node.wait_for("status\tOK")[1], 2)

    def test_things_may_be_ended_in_any_order_whatever_the_daemon_does(self):
        self.start_daemons(self.a)
        node = self.ready(self.a)
        node.say("stress", "6000")
        for _ in range(2):
            time.sleep(1)
            self.a.kill_avahi()
            time.sleep(0.3)
            self.a.start_avahi()
            time.sleep(0.5)
            self.a.avahi.signal(signal.SIGSTOP)
            time.sleep(0.5)
            self.a.avahi.signal(signal.SIGCONT)
        node.wait_for("^stressed$", 60)
        node.say("quit")
        node.wait_for("^ended$")
        # A sanitizer's finding shows here.
        self.assertEqual(node.process.wait(30), 0)


class DnsSdAndHarm(DnsSdTest):
    # A cable that is pulled.

    def test_an_interface_that_comes_back_brings_back_what_is_announced(self):
        self.start_daemons()
        camera = self.published(self.a)
        ours = self.browsing(self.b)
        ours.wait_for("^resolved\tcamera")
        self.b.set_link("down")
        ours.wait_for("^gone\tcamera")
        self.b.set_link("up")
        ours.wait_for("^resolved\tcamera")
        # Others remember it meanwhile.
        self.a.set_link("down")
        time.sleep(1)
        self.a.set_link("up")
        camera.say("update", "camera", "4433", "", "v=2")
        ours.wait_for("^resolved\tcamera.*v=2")
        self.assertFalse([line for line in ours.seen + camera.seen if "UNAVAILABLE" in line or "error" in line])

    # Neighbours that mean no good. What is written on the wire is in spoofer.py.

    def test_what_a_hostile_neighbour_says_is_handed_over_as_text_and_harms_nobody(self):
        self.start_daemons(self.b)
        ours = self.browsing(self.b)
        ours.wait_for("^all$")
        spoofer = self.a.start(sys.executable, os.path.join(HERE, "spoofer.py"), "strange")
        spoofer.wait_for("^sent")
        self.published(self.b, "honest", "4433")
        ours.wait_for("^resolved\thonest")
        ours.say("tick")
        ours.wait_for("^tick$")
        seen = [line.split("\t") for line in ours.seen]
        resolved = {words[1]: words for words in seen if words[0] == "resolved"}
        self.assertIn("\\x1b[31mred\\x0a;rm -rf", resolved)
        self.assertIn("--help", resolved)
        self.assertIn("../../etc/passwd", resolved)
        self.assertIn("\u00e9" * 31, resolved)
        self.assertEqual(resolved["no port"][3], "10.77.0.1:0")
        self.assertEqual(resolved["elsewhere"][3], "192.0.2.1:4433")
        self.assertEqual(resolved["odd text"][4:], ["flag", "=value", "key=1", "key=2", "x" * 255, "bin=\\x00\\xff\\x1b"])
        self.assertEqual(len(resolved["much text"][4:]), 150)
        self.assertNotIn("another type", [words[1] for words in seen if words[0] == "appeared"])
        self.assertFalse([line for line in ours.seen if "UNAVAILABLE" in line])

    def test_two_thousand_fakes_fill_nothing(self):
        self.start_daemons(self.b)
        ours = self.browsing(self.b)
        ours.wait_for("^all$")
        before = memory_of(ours)
        spoofer = self.a.start(sys.executable, os.path.join(HERE, "spoofer.py"), "flood")
        spoofer.wait_for("^sent", 60)
        ours.say("tick")
        ours.wait_for("^tick$", 60)
        self.assertGreater(sum(line.startswith("appeared") for line in ours.seen), 100)
        # Others still get through. The daemon may need a while until it does, or not answer at all meanwhile.
        self.published(self.b, "honest", "4433", "_honest")
        self.assertLess(memory_of(ours) - before, 20_000)
        other = self.browsing(self.b, "_honest._sub." + TYPE)
        other.wait_for("^resolved\thonest")


def memory_of(child):
    """Kilobytes."""
    with open(f"/proc/{child.process.pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


class DnsSdOnIpv6(DnsSdTest):
    """Nothing but link-local IPv6."""

    ipv4 = False
    ipv6 = True

    def test_a_link_local_address_comes_with_its_interface(self):
        self.start_daemons()
        self.published(self.a, "camera", "4433", "", "v=1")
        ours = self.browsing(self.b)
        line, _ = ours.wait_for("^resolved\tcamera")
        self.assertRegex(line, r"\tes-a\.local\t\[fe80::[0-9a-f:]+%" + self.b.interface_index() + r"\]:4433\tv=1$")


if __name__ == "__main__":
    lan.enter()
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
