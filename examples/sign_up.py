"""Sign-ups over one schemastamp that stays open: no new process, TLS handshake or login for each tenant.

    DATABASE_URL=postgres://app@db/app SCHEMASTAMP_SNAPSHOT=snapshots/billing.sql python3 examples/sign_up.py acme globex
"""

import collections
import concurrent.futures
import contextlib
import json
import subprocess
import sys
import threading

# The customer waits in front of a browser, so a tenant may take 10 seconds. For a pool, add "--from-pool", "--refill", "20".
COMMAND = ["schemastamp", "provision", "--from-file", "-", "--format", "json", "--timeout", "10"]


class SignUps:
    """Passes names to schemastamp and returns its answers, for any number of threads. Create it once, close it at the end."""

    def __init__(self, command=COMMAND):
        self._command = command
        self._lock = threading.Lock()
        self._closed = False
        # schemastamp connects now, so that the first name does not wait for a connection.
        self._start()

    def sign_up(self, tenant):
        """Creates a tenant and returns the answer: {"tenant": …, "outcome": "created", "failed" or "unknown", …}.

        "unknown" means that schemastamp ended without an answer: ask the database before you give the name away.
        """
        line = tenant.encode() + b"\n"
        if not tenant.strip() or not tenant.isprintable() or len(line) > 200:
            raise ValueError(f"{tenant!r} is not a line with a name")
        answer = concurrent.futures.Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("closed")
            if self._process is None:
                self._start()
            self._waiting[tenant].append(answer)
            stdin = self._process.stdin
        # Write without the lock: in a burst the pipe is full until answers are read, and the reader needs the lock. If the
        # process is gone or its stdin is closed, nothing is written; the reader sees its end, and answers.
        with contextlib.suppress(BrokenPipeError, ValueError):
            stdin.write(line)
            stdin.flush()
        return answer.result()

    def close(self):
        """Lets schemastamp finish the names that it has, and waits for its end."""
        with self._lock:
            self._closed = True
            process = self._process
        if process:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        self._reader.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        # It inherits stderr, so its messages go into the service's log.
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # The requests that wait for an answer, by name. Each process has its own, because no other will answer them.
        self._waiting = collections.defaultdict(collections.deque)
        self._reader = threading.Thread(target=self._read, args=(self._process, self._waiting), daemon=True)
        self._reader.start()

    def _read(self, process, waiting):
        error = None
        for line in process.stdout:
            answer = json.loads(line)
            if "tenant" in answer:
                with self._lock:
                    asked = waiting[answer["tenant"]].popleft()
                    if not waiting[answer["tenant"]]:
                        del waiting[answer["tenant"]]
                asked.set_result(answer)
            else:
                # The summary, or the error that ended the run.
                error = answer.get("error")
        error = error or {"id": "schemastamp.ended", "message": f"schemastamp ended with {process.wait()}"}
        with self._lock:
            # The next name starts a new process.
            if self._process is process:
                self._process = None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
        for tenant, left in waiting.items():
            for asked in left:
                asked.set_result({"tenant": tenant, "outcome": "unknown", "error": error})


def main(tenants):
    all_created = True
    with SignUps() as sign_ups, concurrent.futures.ThreadPoolExecutor() as threads:
        for answer in threads.map(sign_ups.sign_up, tenants):
            print(answer["tenant"], answer["outcome"], *filter(None, [answer.get("error", {}).get("id")]))
            all_created = all_created and answer["outcome"] == "created"
    return all_created


if __name__ == "__main__":
    try:
        sys.exit(0 if main(sys.argv[1:]) else 1)
    except ValueError as error:
        sys.exit(f"error: {error}")
