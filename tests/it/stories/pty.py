"""Runs a program on a terminal of its own and does what a script says, step by step.

pty.py ROWS COLUMNS STEPS PROGRAM... ; STEPS is a JSON list of [verb, argument]. Nothing here waits
for a time: a step waits for what it names, and after two minutes of that the run has failed. Prints
what is on the screen at each `look` and at the end, and how the program ended, as one JSON object.
"""

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

LONGEST = 120
INCOMPLETE = re.compile(
    rb"(\x1b(\[[?0-9;]*)?|[\xc0-\xff]|[\xe0-\xff][\x80-\xbf]|[\xf0-\xff][\x80-\xbf]{2})?$"
)


class Screen:
    """What a terminal would show, with everything that has scrolled off above it."""

    PIECES = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([^\x1b])", re.S)

    def __init__(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.lines, self.row, self.column = [[]], 0, 0

    def feed(self, text):
        for parameters, final, character in self.PIECES.findall(text):
            if final:
                self.control(parameters, final)
            else:
                self.put(character)

    def down(self):
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])

    def put(self, character):
        if character == "\n":
            self.down()
        elif character == "\r":
            self.column = 0
        elif character >= " ":
            if self.column == self.columns:
                self.down()
                self.column = 0
            line = self.lines[self.row]
            line.extend(" " * (self.column + 1 - len(line)))
            line[self.column] = character
            self.column += 1

    def control(self, parameters, final):
        number = int(parameters) if parameters.isdigit() else 1
        line = self.lines[self.row]
        top = max(0, len(self.lines) - self.rows)
        if final == "A":
            self.row = max(top, self.row - number)
        elif final == "B":
            self.row = min(self.row + number, len(self.lines) - 1)
        elif final == "K" and parameters == "2":
            line.clear()
        elif final == "K":
            del line[self.column :]
        elif final == "J":
            del line[self.column :]
            del self.lines[self.row + 1 :]
        elif final in "CDGHf":
            raise SystemExit(f"this screen does not know CSI {parameters}{final}")

    def text(self):
        return ["".join(line).rstrip() for line in self.lines]


class Run:
    def __init__(self, rows, columns, program):
        self.screen, self.seen, self.shots = Screen(rows, columns), "", []
        self.rest, self.status = b"", None
        started, start = os.pipe()
        self.child, self.terminal = os.forkpty()
        if self.child == 0:
            # A test harness may have these ignored; a terminal's shell has not.
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.close(start)
            os.read(started, 1)
            os.execvp(program[0], program)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, size)
        # Only now does the program look how large its terminal is.
        os.close(start)
        self.ends = time.monotonic() + LONGEST

    def __str__(self):
        return "\n".join(self.screen.text())

    def alive(self):
        if self.status is None:
            child, status = os.waitpid(self.child, os.WNOHANG)
            if child:
                self.status = status
        return self.status is None

    def read(self):
        """Takes what is there; false where nothing is."""
        if time.monotonic() > self.ends:
            os.kill(self.child, signal.SIGKILL)
            raise SystemExit(f"nothing came of it in {LONGEST} s:\n{self}")
        if self.terminal is None:
            time.sleep(0.02)
            return False
        if not select.select([self.terminal], [], [], 0.02)[0]:
            return False
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            # The program has no terminal any more; it may go on all the same.
            self.terminal = None
            return False
        # A read may end in the middle of a character or of a control sequence.
        self.rest += data
        cut = len(self.rest) - len(INCOMPLETE.search(self.rest).group())
        text = self.rest[:cut].decode()
        self.rest = self.rest[cut:]
        self.seen += text
        self.screen.feed(text)
        return True

    def until(self, what, is_so):
        while not is_so():
            alive = self.alive()
            if not self.read() and not alive and not is_so():
                raise SystemExit(f"it ended before {what}:\n{self}")

    def step(self, verb, argument):
        if verb == "expect":
            self.until(argument, lambda: argument in self.seen)
            self.seen = self.seen.split(argument, 1)[1]
        elif verb == "type":
            os.write(self.terminal, argument.encode())
        elif verb == "exists":
            self.until(argument, lambda: os.path.exists(argument))
        elif verb == "shows":
            self.until(argument, lambda: argument in str(self))
        elif verb == "lines":
            text, count = argument
            self.until(
                f"{count} lines with {text!r}",
                lambda: sum(text in line for line in self.screen.text()) == count,
            )
        elif verb == "touch":
            open(argument, "w").close()
        elif verb == "remove":
            os.remove(argument)
        elif verb == "run":
            subprocess.run(["bash", "-ec", argument], check=True)
        elif verb == "kill":
            os.kill(self.child, getattr(signal, argument))
        elif verb == "hang up":
            os.close(self.terminal)
            self.terminal = None
        elif verb == "look":
            # Not in the middle of a redraw: what is drawn comes at one go.
            while self.read():
                pass
            self.shots.append(self.screen.text())
        elif verb == "echoes":
            modes = termios.tcgetattr(self.terminal)[3]
            self.shots.append(bool(modes & termios.ECHOCTL))
        else:
            raise SystemExit(f"no such step: {verb}")

    def end(self):
        while self.alive():
            self.read()
        while self.read():
            pass
        return os.waitstatus_to_exitcode(self.status)


def main():
    rows, columns, steps, *program = sys.argv[1:]
    run = Run(int(rows), int(columns), program)
    for verb, argument in json.loads(steps):
        run.step(verb, argument)
    code = run.end()
    print(json.dumps({"exit": code, "shots": run.shots, "screen": run.screen.text()}))


main()
