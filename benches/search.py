"""Prints what an index of invented pages costs and how it answers.

First the making: pages put in a second, without and with the last merge; the most memory held; bytes a page. Then a row for each kind
of question: the 50th and 99th of 100 and the longest of all times in milliseconds, the hits of a page of 20 on average, and how
often the page that the words were taken from is among these. The second table is of a file that nothing in memory has any more: the
system is told to forget it before each kind, as after a night.

With --plain the same words go into an FTS5 table as it is usually made (detail=full, ordered by bm25), which needs Python's sqlite3 to
have FTS5.
"""

import os
import sqlite3
import subprocess
import sys
import time

# Pages that one process puts in: its memory is what the index holds, not what was made before.
STEP = 100_000


def size(folder):
    return sum(os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder))


def forget(folder):
    """Tells the system that the files need not stay in memory."""
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def ask(program, folder, pages, times, is_cold):
    print(f"\n{'questions, file forgotten before' if is_cold else 'questions':<34}{'50 % ms':>9}{'99 % ms':>9}{'most ms':>9}"
          f"{'hits':>7}{'found':>8}")
    if is_cold:
        forget(folder)
    *rows, memory = run(program, "ask", folder, str(pages), str(times)).splitlines()
    for row in rows:
        name, half, most, all_of, hits, recall = row.split("\t")
        print(f"{name:<34}{half:>9}{most:>9}{all_of:>9}{hits:>7}{recall:>8}")
    print(f"memory of the program that asks: {int(memory) // 1024} MiB")


def plain(program, folder, pages, times):
    """The usual table: where each word stands, ranked by bm25."""
    path = os.path.join(folder, "plain.sqlite")
    if os.path.exists(path):
        os.remove(path)
    database = sqlite3.connect(path)
    database.execute("CREATE VIRTUAL TABLE plain USING fts5(words, content='', tokenize='ascii')")
    started = time.monotonic()
    lines = subprocess.Popen([program, "print", str(pages)], stdout=subprocess.PIPE, text=True)
    for line in lines.stdout:
        database.execute("INSERT INTO plain (words) VALUES (?)", [line])
    database.execute("INSERT INTO plain (plain) VALUES ('optimize')")
    database.commit()
    seconds = time.monotonic() - started
    print(f"\nusual FTS5 table: {os.path.getsize(path) / pages:.0f} bytes a page, {pages / seconds:.0f} pages a second")
    words = {}
    for line in run(program, "print", "2000").splitlines():
        for word in set(line.split()):
            words[word] = words.get(word, 0) + 1
    common = sorted((word for word in words if word.isalpha()), key=lambda word: -words[word])[:50]
    questions = {
        "one common word": [f'"{word}"' for word in common],
        "two common words apart": [f'"{first}" "{second}"' for first, second in zip(common, common[7:])],
        "phrase of two": [f'"{first} {second}"' for first, second in zip(common, common[7:])],
    }
    print(f"{'questions to it':<34}{'50 % ms':>9}{'99 % ms':>9}{'newest first, 99 %':>20}")
    for name, texts in questions.items():
        taken = {}
        for order in ("rank", "rowid DESC"):
            taken[order] = []
            for index in range(times):
                started = time.monotonic()
                database.execute(
                    f"SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY {order} LIMIT 200", [texts[index % len(texts)]]
                ).fetchall()
                taken[order].append(1000 * (time.monotonic() - started))
            taken[order].sort()
        at = lambda order, share: taken[order][int((times - 1) * share)]
        print(f"{name:<34}{at('rank', 0.5):>9.2f}{at('rank', 0.99):>9.2f}{at('rowid DESC', 0.99):>20.2f}")
    database.close()
    os.remove(path)


def main():
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    program, base, *rest = arguments
    pages, times = int(rest[0]) if rest else 50_000, int(rest[1]) if len(rest) > 1 else 100
    folder = os.path.join(base, str(pages))
    if not os.path.isdir(folder):
        put, memory = 0.0, 0
        for start in range(0, pages, STEP):
            end = min(start + STEP, pages)
            seconds, held = run(program, "put", folder, str(start), str(end)).split()
            put, memory = put + float(seconds), max(memory, int(held))
            print(f"{end} pages: {(end - start) / float(seconds):.0f} a second, {size(folder) / end:.0f} bytes a page", flush=True)
        settled, held = run(program, "settle", folder).split()
        memory = max(memory, int(held)) // 1024
        print(f"{pages / put:.0f} pages a second put in, {float(settled):.0f} s for the last merge, "
              f"{pages / (put + float(settled)):.0f} a second in all, {memory} MiB of memory")
    print(f"{size(folder) / 1e6:.0f} MB, {size(folder) / pages:.0f} bytes a page")
    ask(program, folder, pages, times, False)
    ask(program, folder, pages, min(times, 20), True)
    if "--plain" in sys.argv:
        plain(program, folder, pages, times)


main()
