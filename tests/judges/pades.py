"""What pyHanko says of the PAdES signatures of many files, in one process. Standard output is JSON.

usage: pades.py [--trust ROOTS.pem] [--time 2030-01-01T00:00:00Z] FILE...

Each signature is validated as ETSI EN 319 102-1 section 5.6.3 has it (past validation with the document timestamps and
the revocation data of the file), without any network. One object a file:
  file      as given
  accepted  every signature passes, only permitted changes follow it, and every document timestamp is sound
  level     of the lowest signature: B-B, B-T (a timestamp is valid), B-LT (passes also where revocation data of the file is
            demanded), B-LTA (a document timestamp covers the data); null when not accepted
  problem   the first reason against it
"""

import argparse
import asyncio
import datetime
import io
import json
import logging
import sys

from asn1crypto.crl import CertificateList
from asn1crypto.ocsp import OCSPResponse
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.diff_analysis import SuspiciousModification
from pyhanko.sign.validation import async_validate_pdf_timestamp
from pyhanko.sign.validation.ades import ades_basic_validation, ades_lta_validation, ades_with_time_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.policy_decl import (
    LocalKnowledge,
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv import ades_past, poe
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.revinfo.archival import CRLContainer, OCSPContainer

LEVELS = ["B-B", "B-T", "B-LT", "B-LTA"]


def specification(roots, rule, knowledge):
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(trust_roots=roots),
        revinfo_policy=CertRevTrustPolicy(
            RevocationCheckingPolicy(ee_certificate_rule=rule, intermediate_ca_cert_rule=rule),
            # Stored data is older than the moment of looking; what counts is that it covers the signature's time.
            retroactive_revinfo=True,
        ),
    )
    return SignatureValidationSpec(
        cert_validation_policy=policy,
        revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        local_knowledge=knowledge,
    )


def stored(reader):
    """What the security store of the file holds."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return LocalKnowledge()
    read = lambda item, purpose: item.get_object().read_data(purpose)
    return LocalKnowledge(
        known_ocsps=[
            one
            for item in store.ocsps
            for one in OCSPContainer.load_multi(OCSPResponse.load(read(item, DecodePurpose.OCSP_RESPONSE)))
        ],
        known_crls=[CRLContainer(CertificateList.load(read(item, DecodePurpose.CRL))) for item in store.crls],
        known_certs=list(store.load_certs()),
    )


async def passes(signature, roots, rule, time, knowledge):
    """Whether the signature carries a timestamp, and why it neither passes now nor did when timestamps prove that it
    existed: None when it does."""
    timing = ValidationTimingInfo(validation_time=time, best_signature_time=time, point_in_time_validation=False)
    spec = specification(roots, rule, knowledge)
    arguments = {
        "signed_data": signature.signed_data, "validation_spec": spec, "timing_info": timing,
        "raw_digest": signature.compute_digest(),
    }
    stamped = "signature_time_stamp_token" in [
        attribute["type"].native for attribute in signature.signer_info["unsigned_attrs"]
    ]
    now = await (ades_with_time_validation if stamped else ades_basic_validation)(**arguments)
    if now.ades_subindic == AdESPassed.OK:
        return stamped, None
    past = await ades_lta_validation(signature, PdfSignatureValidationSpec(spec), timing)
    if past.ades_subindic == AdESPassed.OK:
        return stamped, None
    return stamped, f"{now.ades_subindic}, {past.ades_subindic}: {past.failure_msg or now.failure_msg}"


def sound(signature):
    """Coverage and later changes, which the validation of the certificate does not look at."""
    signature.compute_integrity_info()
    integrity = signature.summarise_integrity_info()
    if integrity["coverage"] < SignatureCoverageLevel.ENTIRE_REVISION:
        return f"coverage {integrity['coverage']}"
    if isinstance(integrity.get("diff_result"), SuspiciousModification):
        return f"modified: {integrity['diff_result']}"
    return None if integrity["docmdp_ok"] else "DocMDP"


async def judge(data, roots, time):
    reader = PdfFileReader(io.BytesIO(data))
    signatures = list(reader.embedded_signatures)
    if not reader.embedded_regular_signatures:
        return None, "no signature"
    levels = []
    timestamps = list(reader.embedded_timestamp_signatures)
    for stamp in timestamps:
        context = ValidationContext(
            trust_roots=roots, allow_fetching=False, moment=time, retroactive_revinfo=True)
        status = await async_validate_pdf_timestamp(stamp, context)
        problem = sound(stamp)
        if problem is None and not (status.intact and status.valid):
            problem = "not intact"
        # An earlier timestamp may have expired, which later ones make up for; the last may not.
        if problem is None and stamp is timestamps[-1] and not status.trusted:
            problem = "not trusted"
        if problem:
            return None, f"{stamp.field_name}: {problem}"
    knowledge = stored(reader)
    for signature in reader.embedded_regular_signatures:
        soft, hard = RevocationCheckingRule.CHECK_IF_DECLARED_SOFT, RevocationCheckingRule.CRL_OR_OCSP_REQUIRED
        stamped, problem = await passes(signature, roots, soft, time, knowledge)
        problem = problem or sound(signature)
        if problem:
            return None, f"{signature.field_name}: {problem}"
        covered = any(stamp.signed_revision > signature.signed_revision for stamp in timestamps)
        level = 1 if stamped or covered else 0
        if level and (await passes(signature, roots, hard, time, knowledge))[1] is None:
            # The data must have stood in the file when the last timestamp was made.
            archived = covered and "/DSS" in reader.get_historical_root(timestamps[-1].signed_revision)
            level = 3 if archived else 2
        levels.append(level)
    if signatures[-1].evaluate_signature_coverage() < SignatureCoverageLevel.ENTIRE_REVISION:
        return None, "coverage"
    return LEVELS[min(levels)], None


def freeze(time):
    """Past validation slides back from the clock's time, whatever time is asked for."""

    class Frozen(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return time.astimezone(tz) if tz else time.replace(tzinfo=None)

    ades_past.datetime = Frozen
    poe.datetime = Frozen


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trust")
    parser.add_argument("--time")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    roots = list(load_certs_from_pemder([arguments.trust])) if arguments.trust else []
    time = datetime.datetime.now(datetime.timezone.utc)
    if arguments.time:
        time = datetime.datetime.fromisoformat(arguments.time.replace("Z", "+00:00"))
        freeze(time)
    verdicts = []
    for file in arguments.files:
        with open(file, "rb") as stream:
            data = stream.read()
        try:
            level, problem = await judge(data, roots, time)
        except Exception as error:  # whatever it says of a broken file is its verdict
            level, problem = None, f"{type(error).__name__}: {error}"
        verdicts.append({"file": file, "accepted": level is not None, "level": level, "problem": problem})
    json.dump(verdicts, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    asyncio.run(main())
