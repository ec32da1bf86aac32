"""A port is nobody else's from the moment it is chosen."""
import socket
import subprocess
import sys
import unittest
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent
CHOOSE = f"""
import sys
sys.path.insert(0, {str(DEV)!r})
from ports import free_port
print(free_port(int(sys.argv[1])), flush=True)
sys.stdin.read()
"""


class TestPorts(unittest.TestCase):
    def test_many_at_once(self):
        """Commands whose programs bind the port themselves are given different ones."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            first = taken.getsockname()[1]
            commands = [
                subprocess.Popen([sys.executable, "-c", CHOOSE, str(first)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
                for _ in range(5)]
            ports = [int(command.stdout.readline()) for command in commands]
            for command in commands:
                command.communicate()
        self.assertEqual(len({first, *ports}), 6)


if __name__ == "__main__":
    unittest.main()
