"""Prints where texts use words or forms that this project avoids: comments and strings of src/, Markdown, scripts.

Each hit is a line `path:number: rule: text`. The list is short on purpose; it is no spell checker.
"""

import re
import subprocess
import sys

WORDS = {
    # What to avoid: what to write.
    r"\banew\b": "anew: again, re-create, rewrite",
    r"\bkin\b": "kin: and similar",
    r"\bfolders?\b": "folder: directory",
    r"\b(so many|how many there are to be|manieth)\b": "so many, manieth: N, the number of",
    r"\bbeside\b": "beside: besides, along with, next to, compared with",
    r"\b(told of|tells?\b(?!.*\bapart\b))": "tell, told of: report, show",
    # libpq itself says "could not look up local user ID".
    r"\blook(s|ed)? (after|up)\b(?! local user ID)": "look after, look up: check, query",
    r"\b(the|its|whose) time (is|was) up\b": "the time was up: timed out",
    r"\bnobody can know\b": "nobody can know: ambiguous",
    r"\bnothing (is|was) left\b(?! behind)": "nothing is left: nothing was left behind",
    r"\bnobody reads (stdout|it) any more\b": "nobody reads stdout any more: when stdout is closed",
    r"\bnames? that (comes?|came) again\b": "a name that came again: a duplicate name",
    # Not the JSON field and the id, which stay.
    r"(?<![\"`.])\bodd\b(?![\"`])": "odd: invalid, has a problem",
}
WORDS = [(re.compile(pattern, re.IGNORECASE), rule) for pattern, rule in WORDS.items()]
# A doc comment begins with what the item is or does.
FIRST = re.compile(r"^(Who|What|Whether|How|Why|Where|Which)\b(?!.*\?)")
LATER = re.compile(r"(?:^|[.!] )(Who|What|Whether|Why|How many|How long) (?!.*\?)")

TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<raw>\bb?r(?P<hashes>\#*)".*?"(?P=hashes))
    |(?P<string>b?"(?:\\.|[^"\\])*")
    |(?P<character>b?'(?:\\[^\n]{1,10}?|[^'\\\n])')""",
    re.DOTALL | re.VERBOSE,
)


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], check=True, capture_output=True, text=True)
    return [path for path in listed.stdout.split("\0") if path]


def spoken(path, text):
    """The lines that people read, with their numbers: of Rust, comments and strings alone."""
    if not path.endswith(".rs"):
        yield from enumerate(text.split("\n"), 1)
        return
    for token in TOKEN.finditer(text):
        if token.lastgroup == "character":
            continue
        first = text.count("\n", 0, token.start()) + 1
        yield from enumerate(token.group().split("\n"), first)


def headless(text):
    """Doc comments that begin with a clause instead of what the item is or does."""
    above = ""
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r"\s*//[/!] ?(.*)", line)
        content = found.group(1) if found else None
        if content is not None:
            starts = above == "" and FIRST.search(content)
            # A line in the middle of a sentence may begin with any word.
            if starts or LATER.search(content if above.endswith((".", "!")) else " " + content):
                yield number, content
        above = content or ""


def main():
    hits = 0
    for path in tracked("src/*.rs", "*.md", "scripts/*"):
        if path == "scripts/lib/avoided_words.py":
            continue
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            continue
        found = [(number, rule, line) for number, line in spoken(path, text) for word, rule in WORDS if word.search(line)]
        if path.endswith(".rs"):
            found += [(number, "headless doc comment", line) for number, line in headless(text)]
        for number, rule, line in sorted(set(found)):
            print(f"{path}:{number}: {rule}: {line.strip()}")
        hits += len(set(found))
    sys.exit(1 if hits else 0)


main()
