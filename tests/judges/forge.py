"""Files made of a signed one by appending to it, made with pyHanko: honest ones and forgeries.

usage: forge.py all|store PKI SIGNED.pdf FOLDER

PKI is the folder of authority.py. `store` only makes revoked.pdf, with the authority's revocation list in the security
store of the file. Each FOLDER/NAME.pdf begins with the bytes of SIGNED.pdf, but for those that change the
signature itself. Standard output is a JSON list of the names.
"""

import asyncio
import io
import json
import os
import sys

from asn1crypto import cms
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, NumberObject, StreamObject, pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers

PASSWORD = "mật khẩu".encode()
OVERLAY = b"q 1 1 1 rg 100 100 300 300 re f Q"


def numbers(*values):
    return ArrayObject([NumberObject(value) for value in values])


def page(writer):
    reference, _ = writer.find_page_for_modification(0)
    return reference.get_object(), reference


def orphan(writer):
    writer.add_object(StreamObject(stream_data=b"nobody refers to this"))


def replaced_content(writer):
    one, _ = page(writer)
    contents = one.raw_get("/Contents")
    target = contents if isinstance(contents, generic.IndirectObject) else contents[0]
    stream = target.get_object()
    stream._data = stream.data + b"\n" + OVERLAY
    stream._encoded_data = None
    writer.mark_update(target.reference)


def added_content(writer):
    one, reference = page(writer)
    overlay = writer.add_object(StreamObject(stream_data=OVERLAY))
    old = one.raw_get("/Contents")
    one["/Contents"] = ArrayObject([*(old if isinstance(old, ArrayObject) else [old]), overlay])
    writer.mark_update(reference)


def added_annotation(writer):
    one, reference = page(writer)
    note = DictionaryObject({
        pdf_name("/Type"): pdf_name("/Annot"), pdf_name("/Subtype"): pdf_name("/FreeText"),
        pdf_name("/Rect"): numbers(100, 100, 300, 300), pdf_name("/Contents"): pdf_string("1 000 000 000"),
        pdf_name("/DA"): pdf_string("/Helv 12 Tf"), pdf_name("/F"): NumberObject(4),
    })
    annotations = one["/Annots"] if "/Annots" in one else ArrayObject()
    one["/Annots"] = ArrayObject([*[annotations.raw_get(i) for i in range(len(annotations))], writer.add_object(note)])
    writer.mark_update(reference)


def resized_page(writer):
    one, reference = page(writer)
    one["/CropBox"] = numbers(0, 0, 50, 50)
    writer.mark_update(reference)


def added_page(writer):
    one, reference = page(writer)
    copy = DictionaryObject({key: one.raw_get(key) for key in one if key != "/Annots"})
    tree = one.raw_get("/Parent")
    tree.get_object()["/Kids"].append(writer.add_object(copy))
    tree.get_object()["/Count"] = NumberObject(len(tree.get_object()["/Kids"]))
    writer.mark_update(tree.reference)


def open_action(writer):
    writer.root["/OpenAction"] = writer.add_object(DictionaryObject({
        pdf_name("/S"): pdf_name("/URI"), pdf_name("/URI"): pdf_string("http://127.0.0.1/"),
    }))
    writer.update_root()


def text_field(writer):
    field = writer.add_object(DictionaryObject({
        pdf_name("/FT"): pdf_name("/Tx"), pdf_name("/T"): pdf_string("So tien"), pdf_name("/V"): pdf_string("1 000 000"),
    }))
    form = writer.root["/AcroForm"]
    form["/Fields"].append(field)
    writer.update_container(form["/Fields"])
    writer.update_container(form)


def new_title(writer):
    metadata = writer.root.raw_get("/Metadata")
    stream = metadata.get_object()
    stream._data = stream.data.replace(b"</rdf:li>", b" khac</rdf:li>", 1)
    stream._encoded_data = None
    writer.mark_update(metadata.reference)


def store_and_page(writer):
    """A change of the page under cover of a security store, which may be appended."""
    certificate = writer.add_object(StreamObject(stream_data=b"\x30\x00"))
    writer.root["/DSS"] = writer.add_object(DictionaryObject({pdf_name("/Certs"): ArrayObject([certificate])}))
    writer.update_root()
    added_content(writer)


FORGERIES = [
    orphan, replaced_content, added_content, added_annotation, resized_page, added_page, open_action, text_field, new_title,
    store_and_page,
]


def append(data, change):
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def signer(pki, name):
    return signers.SimpleSigner.load_pkcs12(os.path.join(pki, f"{name}.p12"), passphrase=PASSWORD)


def sign(data, key, field, digest="sha256"):
    metadata = signers.PdfSignatureMetadata(
        field_name=field, md_algorithm=digest, subfilter=fields.SigSeedSubFilter.PADES)
    out = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    asyncio.run(signers.PdfSigner(metadata, key).async_sign_pdf(writer, output=out))
    return out.getvalue()


def with_cms(data, change):
    """The file with another CMS in the hole of its last signature."""
    signature = PdfFileReader(io.BytesIO(data)).embedded_signatures[-1]
    content = cms.ContentInfo.load(signature.pkcs7_content)
    change(content["content"]["signer_infos"][0])
    start, length, second, _ = [int(number) for number in signature.byte_range]
    digits = content.dump().hex().upper().encode()
    room = second - length - 2
    return data[:length + 1] + digits + b"0" * (room - len(digits)) + data[length + 1 + room:]


def unsigned_part(data):
    """The file before its first signature."""
    return data[:data.index(b"%%EOF") + 6]


def with_list(data, pki):
    def change(writer):
        with open(os.path.join(pki, "issuing.crl"), "rb") as file:
            revoked = writer.add_object(StreamObject(stream_data=file.read()))
        writer.root["/DSS"] = writer.add_object(DictionaryObject({pdf_name("/CRLs"): ArrayObject([revoked])}))
        writer.update_root()

    return append(data, change)


def main():
    what, pki, signed, folder = sys.argv[1:]
    with open(signed, "rb") as file:
        data = file.read()
    made = {"revoked": with_list(data, pki)} if what == "store" else forgeries(data, pki)
    for name, content in made.items():
        with open(os.path.join(folder, f"{name}.pdf"), "wb") as file:
            file.write(content)
    json.dump(list(made), sys.stdout)


def forgeries(data, pki):
    made = {change.__name__.replace("_", "-"): append(data, change) for change in FORGERIES}
    made["countersigned"] = sign(data, signer(pki, "ecdsa"), "Second")
    made["sha1"] = sign(unsigned_part(data), signer(pki, "rsa"), "Sha1", "sha1")

    def without_timestamp(info):
        info["unsigned_attrs"] = None

    def other_timestamp(info):
        stranger = PdfFileReader(io.BytesIO(made["countersigned"])).embedded_signatures[-1].signer_info
        info["signature"] = stranger["signature"].native

    reader = PdfFileReader(io.BytesIO(data))
    if reader.embedded_signatures[-1].sig_object_type == "/Sig":
        made["stripped-timestamp"] = with_cms(data, without_timestamp)
        made["timestamp-of-another"] = with_cms(data, other_timestamp)
    return made


if __name__ == "__main__":
    main()
