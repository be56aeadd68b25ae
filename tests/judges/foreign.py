"""Signs a PDF with pyHanko, as another program would have done before the file came to us.

usage: foreign.py KEY.p12 PASSWORD [KIND IN.pdf OUT.pdf]...

KIND: approval      an ordinary signature in the field Khac
      certified-N   a certification (DocMDP) that permits: 1 nothing, 2 forms and signatures, 3 notes as well
      locked        an ordinary signature whose field locks all fields of the document (FieldMDP)
      empty         no signature, an empty signature field called Khac
"""

import sys

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers


def make(signer, kind, source, target):
    with open(source, "rb") as stream, open(target, "wb") as out:
        writer = IncrementalPdfFileWriter(stream)
        meta = {"field_name": "Khac", "subfilter": fields.SigSeedSubFilter.PADES, "md_algorithm": "sha256"}
        if kind.startswith("certified-"):
            meta.update(certify=True, docmdp_permissions=fields.MDPPerm(int(kind[-1])))
        if kind in ("locked", "empty"):
            lock = fields.FieldMDPSpec(fields.FieldMDPAction.ALL) if kind == "locked" else None
            fields.append_signature_field(writer, fields.SigFieldSpec("Khac", field_mdp_spec=lock))
        if kind == "empty":
            writer.write(out)
        else:
            signers.sign_pdf(writer, signers.PdfSignatureMetadata(**meta), signer=signer, output=out)


def main():
    key, password, *jobs = sys.argv[1:]
    signer = signers.SimpleSigner.load_pkcs12(key, passphrase=password.encode())
    for job in zip(*[iter(jobs)] * 3):
        make(signer, *job)


main()
