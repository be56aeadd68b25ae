"""What other people's programs say about PDF files: veraPDF, qpdf and pyHanko. Standard output is JSON.

usage: judge.py [--flavour 2u] [--ca CA.pem] [--only verapdf,qpdf,pyhanko] FILE...

One object a file:
  file      as given
  verapdf   {"flavour", "compliant": true|false|null, "failed": "CLAUSE-TEST xCOUNT MESSAGE | ..."}; null: not parsed
  qpdf      {"ok": bool, "messages": [str]}; warnings count as not ok
  pyhanko   {"signatures": [{"field", "subfilter", "signer", "intact", "valid", "trusted", "coverage", "modification",
             "bottom_line", "problem"}], "problem": str|null}; without --ca nothing is trusted
  verdict   true when every judge that was asked is content; a file without a signature fails pyhanko
The exit code is 0 if every verdict is true, 1 if one is not, 2 if a judge could not run.
"""

import argparse
import json
import logging
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = os.path.join(HERE, "..", "..", "target", "judges", "classes")


def verapdf(files, flavour):
    class_path = subprocess.run(
        [os.path.join(HERE, "verapdf-classpath")], check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout.strip()
    # Serial collector and C1 only: the run is seconds long, and two cores are shared with the tests.
    command = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g", "-cp", f"{CLASSES}:{class_path}"]
    # Java takes the encoding of names from the locale, which is plain ASCII on a bare machine.
    answer = subprocess.run(
        command + ["-Dstdout.encoding=UTF-8", "-Dfile.encoding=UTF-8", "VeraPdf", flavour, *files],
        check=True, stdout=subprocess.PIPE, encoding="utf-8", env=dict(os.environ, LC_ALL="C.UTF-8"),
    )
    verdicts = {}
    for line in answer.stdout.splitlines():
        path, word, failed = line.split("\t", 2)
        compliant = {"true": True, "false": False}.get(word)
        verdicts[path] = {"flavour": flavour, "compliant": compliant, "failed": failed}
    return verdicts


def qpdf(file):
    answer = subprocess.run(["qpdf", "--check", file], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = answer.stdout.decode("utf-8", "replace")
    return {"ok": answer.returncode == 0, "messages": text.splitlines()}


def pyhanko(file, roots):
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    verdict = {"signatures": [], "problem": None}
    try:
        with open(file, "rb") as stream:
            # Hybrid files (a table and a stream of cross-references, as Word writes them) it judges only when not strict.
            hybrid = b"/XRefStm" in stream.read()
            for signature in PdfFileReader(stream, strict=not hybrid).embedded_signatures:
                one = {"field": signature.field_name, "subfilter": str(signature.sig_object.get("/SubFilter"))}
                verdict["signatures"].append(one)
                try:
                    # allow_fetching off: a test never asks the network for a certificate or a revocation list.
                    context = ValidationContext(trust_roots=roots, allow_fetching=False)
                    status = validate_pdf_signature(signature, context)
                    one.update(
                        signer=status.signing_cert.subject.human_friendly,
                        intact=status.intact,
                        valid=status.valid,
                        trusted=status.trusted,
                        coverage=status.coverage.name,
                        modification=status.modification_level.name if status.modification_level else None,
                        bottom_line=status.bottom_line,
                        problem=None,
                    )
                except Exception as error:  # whatever it says of a broken signature is its verdict
                    one.update(bottom_line=False, problem=f"{type(error).__name__}: {error}")
    except Exception as error:
        verdict["problem"] = f"{type(error).__name__}: {error}"
    return verdict


def content(verdict):
    fine = []
    if "verapdf" in verdict:
        fine.append(verdict["verapdf"]["compliant"] is True)
    if "qpdf" in verdict:
        fine.append(verdict["qpdf"]["ok"])
    if "pyhanko" in verdict:
        signatures = verdict["pyhanko"]["signatures"]
        fine.append(verdict["pyhanko"]["problem"] is None and bool(signatures))
        fine.extend(one["bottom_line"] and one["coverage"] == "ENTIRE_FILE" for one in signatures[-1:])
        fine.extend(one["bottom_line"] for one in signatures[:-1])
    return all(fine)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flavour", default="2u")
    parser.add_argument("--ca", help="PEM file with the only certificates to trust")
    parser.add_argument("--only", default="verapdf,qpdf,pyhanko")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    asked = arguments.only.split(",")
    logging.disable(logging.CRITICAL)
    roots = []
    if arguments.ca:
        from pyhanko.keys import load_certs_from_pemder

        roots = list(load_certs_from_pemder([arguments.ca]))
    try:
        layout = verapdf(arguments.files, arguments.flavour) if "verapdf" in asked else {}
        verdicts = []
        for file in arguments.files:
            verdict = {"file": file}
            if "verapdf" in asked:
                verdict["verapdf"] = layout[file]
            if "qpdf" in asked:
                verdict["qpdf"] = qpdf(file)
            if "pyhanko" in asked:
                verdict["pyhanko"] = pyhanko(file, roots)
            verdict["verdict"] = content(verdict)
            verdicts.append(verdict)
    except (OSError, subprocess.CalledProcessError, KeyError, ImportError) as error:
        print(f"judge.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    json.dump(verdicts, sys.stdout, ensure_ascii=False, indent=1)
    print()
    return 0 if all(verdict["verdict"] for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
